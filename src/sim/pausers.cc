#include "sim/pausers.h"

#include <map>

namespace penstock::sim {

using std::chrono::milliseconds;

void Pausers::start_client() {
  world_.client("pauser", [this](SqlClient& client) { pause_for_life(client); });
}

void Pausers::pause_for_life(SqlClient& client) {
  while (!world_.stopping()) {
    world_.pause(milliseconds(world_.random().below(700)));
    const bool all = world_.random().below(3) == 0;
    const std::string& job = jobs_[world_.random().below(jobs_.size())];
    const std::string what = all ? "DATABASE dev" : "MATERIALIZED VIEW " + job;
    if (world_.random().below(2) == 0) world_.ambush();
    if (world_.stopping()) return;
    if (!insist(client, fmt::format("ALTER {} PAUSE", what))) return;
    ++pauses_;
    expect_still(client, all ? jobs_ : std::vector<std::string>{job});
    if (world_.random().below(2) == 0) world_.ambush();
    if (!insist(client, fmt::format("ALTER {} RESUME", what))) return;
    if (world_.random().below(3) == 0) {
      const uint64_t rate = 20 + world_.random().below(100);
      (void)insist(client, fmt::format("ALTER MATERIALIZED VIEW {} SET source_rate_limit = {}", job, rate));
    }
  }
}

bool Pausers::insist(SqlClient& client, const std::string& sql) {
  // Also at the end: a CREATE in a paused database waits.
  for (int after = 0; after < 100; after += world_.stopping() ? 1 : 0) {
    const Status done = client.run(sql);
    if (done.has_value()) {
      world_.journal().note("{}: done", sql);
      return true;
    }
    world_.journal().note("{}: {}", sql, done.error());
    if (!is_transient(done.error())) world_.journal().fail("{}: {}", sql, done.error());
    world_.pause(milliseconds(100));
  }
  return false;
}

std::optional<std::string> Pausers::rows_of(SqlClient& client, const std::string& view) {
  const auto rows = client.query(fmt::format("SELECT count(*) FROM {}", view));
  if (rows.has_error()) {
    if (!is_transient(rows.error())) world_.journal().fail("reading {}: {}", view, rows.error());
    return std::nullopt;
  }
  return rows.value().front().front();
}

// The end of reading is committed when PAUSE is answered, so nothing can be on its way; FLUSH has the session read no older epoch than
// that.
void Pausers::expect_still(SqlClient& client, const std::vector<std::string>& views) {
  if (!insist(client, "FLUSH")) return;
  std::map<std::string, std::string> first;
  for (uint64_t looks = 2 + world_.random().below(4); looks > 0; --looks) {
    for (const std::string& view : views) {
      const auto rows = rows_of(client, view);
      if (!rows) continue;
      ++looks_;
      const auto [at, added] = first.try_emplace(view, *rows);
      if (!added && at->second != *rows) world_.journal().fail("view {} is paused, and grows from {} rows to {}", view, at->second, *rows);
    }
    world_.pause(milliseconds(world_.random().below(600)));
    if (world_.random().below(2) == 0) (void)client.run("FLUSH");
  }
}

void Pausers::check() {
  world_.must("ALTER DATABASE dev RESUME");
  for (const std::string& job : jobs_) {
    world_.must(fmt::format("ALTER MATERIALIZED VIEW {} RESUME", job));
    world_.must(fmt::format("ALTER MATERIALIZED VIEW {} SET source_rate_limit = DEFAULT", job));
  }
  world_.journal().note("{} pauses, {} looks at what stood still", pauses_, looks_);
  if (pauses_ == 0 && world_.duration() >= std::chrono::seconds(15)) world_.journal().fail("nothing was ever paused");
}

}  // namespace penstock::sim
