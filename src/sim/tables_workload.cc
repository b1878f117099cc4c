#include "sim/tables_workload.h"

#include <array>

namespace penstock::sim {

using std::chrono::milliseconds;

const std::vector<View>& TablesAndViews::views() {
  static const std::vector<View> all{
      {"by_group", "SELECT grp, count(*) AS n, sum(v) AS total, max(v) AS top FROM a GROUP BY grp"},
      {"pairs", "SELECT a.id AS left_id, b.id AS right_id, a.v + b.v AS both FROM a JOIN b ON a.grp = b.grp AND a.v < b.v"},
      {"sizes", "SELECT n, count(*) AS groups FROM by_group GROUP BY n"},
      {"all_rows", "SELECT id, v FROM a WHERE v > 100 UNION ALL SELECT id, v FROM b"},
      {"unmatched", "SELECT a.id AS id, b.id AS other FROM a LEFT JOIN b ON a.v = b.v"},
      {"totals", "SELECT count(*) AS n, sum(v) AS total, min(id) AS first FROM a"},
  };
  return all;
}

TablesAndViews::TablesAndViews(World& world, std::string database)
    : world_(world), database_(std::move(database)), a_("a", database_), b_("b", database_), clock_("clock", database_) {
  world.must("SELECT 1", database_);
  a_.create(world);
  b_.create(world);
  clock_.create(world);
  for (const View& view : views()) world.must(fmt::format("CREATE MATERIALIZED VIEW {} AS {}", view.name, view.sql), database_);
}

// Of the database too, where it is not the only one.
std::string TablesAndViews::named(std::string_view what) const {
  return database_ == "dev" ? std::string(what) : fmt::format("{} of {}", what, database_);
}

void TablesAndViews::start_clients(size_t builders) {
  static constexpr std::array kPassing{"passing", "passing_too", "passing_three"};
  world_.client(named("writer-1"), [this](SqlClient& client) { a_.write(world_, client, 1); }, database_);
  world_.client(named("writer-2"), [this](SqlClient& client) { a_.write(world_, client, 2); }, database_);
  world_.client(named("writer-3"), [this](SqlClient& client) { b_.write(world_, client, 3); }, database_);
  world_.client(named("auditor"), [this](SqlClient& client) { audit(client); }, database_);
  world_.client(named("ticker"), [this](SqlClient& client) { clock_.tick(world_, client); }, database_);
  world_.client(named("watcher"), [this](SqlClient& client) { clock_.watch(world_, client); }, database_);
  for (size_t i = 0; i < std::min(builders, kPassing.size()); ++i) {
    const char* name = kPassing[i];
    world_.client(named(fmt::format("builder of {}", name)), [this, name](SqlClient& client) { build(client, name); }, database_);
  }
}

void TablesAndViews::check() {
  world_.must("FLUSH", database_);
  a_.check(world_);
  b_.check(world_);
  clock_.check(world_);
  for (const View& view : views()) world_.expect_view(view.name, view.sql, database_);
  world_.journal().note("{} statements were acknowledged, {} views were built, {} audits", acknowledged(), built_, audits_);
  if (acknowledged() == 0 && world_.duration() >= std::chrono::seconds(5)) world_.journal().fail("nothing was ever acknowledged");
}

void TablesAndViews::audit(SqlClient& client) {
  while (!world_.stopping()) {
    const View& view = views()[world_.random().below(views().size())];
    const auto differs = view_differs(client, view.name, view.sql);
    if (differs.has_error() && !is_transient(differs.error())) world_.journal().fail("auditing {}: {}", view.name, differs.error());
    if (differs.has_value() && !differs.value().empty()) {
      world_.journal().fail("view {} is not what its query gives at the same epoch: {}", view.name, differs.value());
    }
    audits_ += differs.has_value() ? 1 : 0;
    world_.pause(milliseconds(world_.random().below(400)));
  }
}

void TablesAndViews::build(SqlClient& client, std::string_view name) {
  const std::string sql = "SELECT g.n AS n, x.id AS id FROM a AS x JOIN by_group AS g ON x.grp = g.grp";
  while (!world_.stopping()) {
    const Status made = client.run(fmt::format("CREATE MATERIALIZED VIEW IF NOT EXISTS {} AS {}", name, sql));
    if (made.has_error() && !is_transient(made.error())) world_.journal().fail("CREATE: {}", made.error());
    if (made.has_value()) {
      ++built_;
      const auto differs = view_differs(client, std::string(name), sql);
      if (differs.has_value() && !differs.value().empty()) world_.journal().fail("view {} after its backfill: {}", name, differs.value());
    }
    world_.pause(milliseconds(world_.random().below(500)));
    const Status gone = client.run(fmt::format("DROP MATERIALIZED VIEW IF EXISTS {}", name));
    if (gone.has_error() && !is_transient(gone.error())) world_.journal().fail("DROP: {}", gone.error());
    world_.pause(milliseconds(world_.random().below(500)));
  }
}

}  // namespace penstock::sim
