#include "sim/model_table.h"

namespace penstock::sim {
namespace {

constexpr int64_t kIdsOfWriter = 1'000'000;
constexpr uint64_t kGroups = 7;

}  // namespace

void ModelTable::create(World& world) {
  world.must(fmt::format("CREATE TABLE {} (id BIGINT PRIMARY KEY, grp BIGINT, v BIGINT)", name_), database_);
}

void ModelTable::write(World& world, SqlClient& client, uint32_t writer) {
  int64_t next = writer * kIdsOfWriter;
  while (!world.stopping()) {
    switch (world.random().below(8)) {
      case 0:
      case 1:
        update(world, client, writer);
        break;
      case 2:
        remove(world, client, writer);
        break;
      case 3:
        read(world, client, writer);
        break;
      default:
        insert(world, client, writer, next);
    }
    if (world.random().below(4) == 0) world.pause(std::chrono::milliseconds(world.random().below(300)));
  }
}

void ModelTable::insert(World& world, SqlClient& client, uint32_t /*writer*/, int64_t& next) {
  std::string values;
  std::vector<Change> changes;
  for (uint64_t rows = 1 + world.random().below(5); rows > 0; --rows) {
    const auto grp = static_cast<int64_t>(world.random().below(kGroups));
    const auto v = static_cast<int64_t>(world.random().below(1000));
    values += fmt::format("{}({}, {}, {})", values.empty() ? "" : ", ", next, grp, v);
    changes.push_back({next++, std::pair(grp, v)});
  }
  const std::string sql = fmt::format("INSERT INTO {} VALUES {}", name_, values);
  settle(world, client.run(sql), sql, changes);
}

void ModelTable::update(World& world, SqlClient& client, uint32_t writer) {
  const auto id = pick(world, writer);
  if (!id) return;
  const auto grp = static_cast<int64_t>(world.random().below(kGroups));
  const int64_t v = (*rows_.at(*id).begin())->second + 1;
  const std::string sql = fmt::format("UPDATE {} SET grp = {}, v = v + 1 WHERE id = {}", name_, grp, *id);
  settle(world, client.run(sql), sql, {{*id, std::pair(grp, v)}});
}

void ModelTable::remove(World& world, SqlClient& client, uint32_t writer) {
  const auto id = pick(world, writer);
  if (!id) return;
  const std::string sql = fmt::format("DELETE FROM {} WHERE id = {}", name_, *id);
  settle(world, client.run(sql), sql, {{*id, std::nullopt}});
}

void ModelTable::read(World& world, SqlClient& client, uint32_t writer) {
  const auto id = pick(world, writer);
  if (!id) return;
  const auto answer = client.query(fmt::format("SELECT grp, v FROM {} WHERE id = {}", name_, *id));
  if (answer.has_error()) {
    if (!is_transient(answer.error())) world.journal().fail("a read of {} fails: {}", name_, answer.error());
    return;
  }
  const auto& wanted = **rows_.at(*id).begin();
  const SqlClient::Row row{fmt::to_string(wanted.first), fmt::to_string(wanted.second)};
  if (answer.value().size() != 1 || answer.value().front() != row) {
    world.journal().fail("row {} of {} is acknowledged as ({}, {}) and read as {}", *id, name_, wanted.first, wanted.second,
                         answer.value().empty() ? "missing" : fmt::format("({}, {})", answer.value()[0][0], answer.value()[0][1]));
  }
}

void ModelTable::settle(World& world, const Status& answer, const std::string& sql, const std::vector<Change>& changes) {
  if (answer.has_value()) {
    ++acknowledged_;
    for (const Change& change : changes) rows_[change.id] = {change.value};
    return;
  }
  const Code code = answer.error().code();
  world.journal().note("{}: {}", sql, answer.error());
  if (!is_transient(answer.error())) return world.journal().fail("{}: {}", sql, answer.error());
  const bool unknown = code == Code::OutcomeUnknown || code == Code::Timeout;
  if (!unknown) return;
  for (const Change& change : changes) {
    auto& possible = rows_[change.id];
    if (possible.empty()) possible.insert(std::nullopt);
    possible.insert(change.value);
  }
}

std::optional<int64_t> ModelTable::pick(World& world, uint32_t writer) const {
  const auto begin = rows_.lower_bound(writer * kIdsOfWriter);
  const auto end = rows_.lower_bound((writer + 1) * kIdsOfWriter);
  std::vector<int64_t> certain;
  for (auto at = begin; at != end; ++at) {
    if (at->second.size() == 1 && at->second.begin()->has_value()) certain.push_back(at->first);
  }
  if (certain.empty()) return std::nullopt;
  return certain[world.random().below(certain.size())];
}

void ModelTable::check(World& world) const {
  std::map<int64_t, std::pair<int64_t, int64_t>> found;
  for (const auto& row : world.rows(fmt::format("SELECT id, grp, v FROM {}", name_), database_)) {
    found[std::stoll(row[0])] = {std::stoll(row[1]), std::stoll(row[2])};
  }
  for (const auto& [id, possible] : rows_) {
    const auto at = found.find(id);
    const Value value = at == found.end() ? Value() : Value(at->second);
    if (!possible.contains(value)) {
      world.journal().fail("row {} of {} is {}, which it cannot be", id, name_,
                           value ? fmt::format("({}, {})", value->first, value->second) : "missing");
    }
    found.erase(id);
  }
  for (const auto& [id, value] : found) {
    world.journal().fail("row {} of {} is ({}, {}), but nobody was told that it exists", id, name_, value.first, value.second);
  }
}

}  // namespace penstock::sim
