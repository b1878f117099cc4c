#include "sim/clock_table.h"

namespace penstock::sim {

using std::chrono::milliseconds;

void ClockTable::create(World& world) {
  world.must(fmt::format("CREATE TABLE {} (id BIGINT PRIMARY KEY, n BIGINT)", name_), database_);
  world.must(fmt::format("INSERT INTO {} VALUES (1, 0)", name_), database_);
  world.must(fmt::format("CREATE MATERIALIZED VIEW {0}_view AS SELECT sum(n) AS n FROM {0}", name_), database_);
}

std::optional<int64_t> ClockTable::read(World& world, SqlClient& client) const {
  const bool view = world.random().below(2) == 0;
  const auto rows = client.query(fmt::format("SELECT n FROM {}{}", name_, view ? "_view" : ""));
  if (rows.has_error()) {
    if (!is_transient(rows.error())) world.journal().fail("reading {}: {}", name_, rows.error());
    return std::nullopt;
  }
  if (rows.value().size() != 1 || rows.value().front().front() == "NULL") {
    world.journal().fail("{}{} has {} rows, not its one number", name_, view ? "_view" : "", rows.value().size());
    return std::nullopt;
  }
  return std::stoll(rows.value().front().front());
}

void ClockTable::tick(World& world, SqlClient& client) {
  while (!world.stopping()) {
    ++tried_;
    const Status done = client.run(fmt::format("UPDATE {} SET n = n + 1 WHERE id = 1", name_));
    if (done.has_value()) ++acknowledged_;
    if (done.has_error() && !is_transient(done.error())) world.journal().fail("ticking {}: {}", name_, done.error());
    if (world.random().below(3) == 0) {
      const auto seen = read(world, client);
      if (seen && *seen < acknowledged_) {
        world.journal().fail("a session has added {} times to {} and reads {}", acknowledged_, name_, *seen);
      }
    }
    world.pause(milliseconds(world.random().below(300)));
  }
}

void ClockTable::watch(World& world, SqlClient& client) {
  int64_t last = 0;
  while (!world.stopping()) {
    if (const auto seen = read(world, client)) {
      if (*seen < last) world.journal().fail("a session reads {} of {} after {}: its epochs went back", *seen, name_, last);
      last = std::max(last, *seen);
    }
    world.pause(milliseconds(world.random().below(150)));
  }
}

void ClockTable::check(World& world) const {
  const auto rows = world.rows(fmt::format("SELECT n FROM {}", name_), database_);
  if (rows.empty()) return world.journal().fail("{} is empty", name_);
  const int64_t n = std::stoll(rows.front().front());
  if (n < acknowledged_ || n > tried_) {
    world.journal().fail("{} is {}, but {} additions were acknowledged and {} tried", name_, n, acknowledged_, tried_);
  }
}

}  // namespace penstock::sim
