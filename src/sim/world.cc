#include "sim/world.h"

#include <map>

namespace penstock::sim {

using runtime::Duration;

namespace {

constexpr Duration kPatience = std::chrono::seconds(120);
constexpr Duration kUsableWithin = std::chrono::seconds(30);

std::string text_of(const SqlClient::Row& row) {
  std::string out;
  for (const auto& value : row) out += (out.empty() ? "" : " | ") + value;
  return out;
}

}  // namespace

bool is_transient(const Error& error) {
  switch (error.code()) {
    case Code::Unavailable:
    case Code::SnapshotTooOld:
    case Code::Closed:
    case Code::Timeout:
    case Code::SerializationFailure:
    case Code::OutcomeUnknown:
    case Code::DiskFull:
    case Code::Io:     // a disk that fails, shortly before its node does
    case Code::Stale:  // a view that is still being created
      return true;
    default:
      return false;
  }
}

Result<std::string> view_differs(SqlClient& client, const std::string& view, const std::string& sql) {
  PENSTOCK_TRY(const auto rows, client.query(fmt::format("SELECT 0, v.* FROM {} AS v UNION ALL SELECT 1, q.* FROM ({}) AS q", view, sql)));
  std::map<std::string, int64_t> surplus;
  for (SqlClient::Row row : rows) {
    const int64_t side = row.front() == "0" ? 1 : -1;
    row.erase(row.begin());
    surplus[text_of(row)] += side;
  }
  std::string out;
  size_t named = 0;
  for (const auto& [row, count] : surplus) {
    if (count == 0) continue;
    if (++named <= 3)
      out += fmt::format("{}{} {} of: {}", out.empty() ? "" : "; ", std::abs(count), count > 0 ? "too many" : "missing", row);
  }
  if (named > 3) out += fmt::format("; and {} more", named - 3);
  return out;
}

void World::client(const std::string& name, std::function<void(SqlClient&)> body, const std::string& database) {
  spawn(clients_, name, std::move(body), database, 0);
}

void World::ghost(const std::string& name, std::function<void(SqlClient&)> body, size_t frontend) {
  spawn(ghosts_, name, std::move(body), "dev", frontend);
}

void World::spawn(Clients& clients, const std::string& name, std::function<void(SqlClient&)> body, const std::string& database,
                  size_t frontend) {
  auto self = clients.emplace_back(std::make_shared<Client>(Client{name}));
  cluster_.world().spawn_thread(name, [this, self, database, frontend, body = std::move(body)] {
    if (const auto session = cluster_.connect(database, frontend)) body(*session);
    self->done = true;
  });
}

void World::pause(Duration time) { (void)cluster_.world().make_waiter()->wait_for(time); }

bool World::all_done(const Clients& clients) {
  return std::ranges::all_of(clients, [](const auto& client) { return client->done; });
}

void World::expect_done(const Clients& clients, Duration patience) {
  if (cluster_.world().run_until([&] { return all_done(clients); }, patience)) return;
  for (const auto& client : clients) {
    if (!client->done)
      journal().fail("{} has had no answer for {} s after the last fault", client->name, patience / std::chrono::seconds(1));
  }
}

void World::join_ghosts() { expect_done(ghosts_, 2 * kPatience); }

void World::chaos(const Faults& faults) {
  Nemesis nemesis(cluster_, faults, random_.next());
  nemesis.start();
  nemesis_ = &nemesis;
  cluster_.world().run_for(duration_);
  nemesis_ = nullptr;
  nemesis.rest();
  stopping_ = true;
  expect_usable_soon();
  expect_done(clients_, kPatience);
}

void World::ambush() {
  if (nemesis_ != nullptr) nemesis_->ambush();
}

// Commits go on, and a read is answered.
void World::expect_usable_soon() {
  client("patient", [this](SqlClient& client) {
    const auto began = cluster_.world().now();
    while (client.run("FLUSH").has_error()) pause(std::chrono::milliseconds(100));
    const Duration took = cluster_.world().now() - began;
    journal().note("usable {} ms after the last fault", took / std::chrono::milliseconds(1));
    if (took > kUsableWithin) journal().fail("nothing was committed for {} s after the last fault", took / std::chrono::seconds(1));
  });
}

void World::must(std::string_view sql, const std::string& database) { (void)rows(sql, database); }

std::vector<SqlClient::Row> World::rows(std::string_view sql, const std::string& database) {
  const auto session = cluster_.connect(database);
  if (!session) return {};
  for (int attempt = 0;; ++attempt) {
    auto answer = session->query(sql);
    if (answer.has_value()) return std::move(answer).value();
    if (!is_transient(answer.error()) || attempt == 20) {
      journal().fail("{}: {}", sql, answer.error());
      return {};
    }
    pause(std::chrono::milliseconds(500));
  }
}

void World::expect_view(const std::string& view, const std::string& sql, const std::string& database) {
  const auto session = cluster_.connect(database);
  if (!session) return;
  for (int attempt = 0;; ++attempt) {
    const auto differs = view_differs(*session, view, sql);
    if (differs.has_value()) {
      if (!differs.value().empty()) journal().fail("view {} is not what its query gives: {}", view, differs.value());
      return;
    }
    if (!is_transient(differs.error()) || attempt == 20) return journal().fail("view {} cannot be compared: {}", view, differs.error());
    pause(std::chrono::milliseconds(500));
  }
}

}  // namespace penstock::sim
