#include <array>
#include <iterator>

#include "sim/model_table.h"
#include "sim/scenario.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;

/// A view and the query it is made of.
struct View {
  std::string name, sql;
};

// Over tables a and b of ModelTable: aggregation, join, view on view, union.
const std::vector<View>& views() {
  static const std::vector<View> all{
      {"by_group", "SELECT grp, count(*) AS n, sum(v) AS total, max(v) AS top FROM a GROUP BY grp"},
      {"pairs", "SELECT a.id AS left_id, b.id AS right_id, a.v + b.v AS both FROM a JOIN b ON a.grp = b.grp AND a.v < b.v"},
      {"sizes", "SELECT n, count(*) AS groups FROM by_group GROUP BY n"},
      {"all_rows", "SELECT id, v FROM a WHERE v > 100 UNION ALL SELECT id, v FROM b"},
      {"unmatched", "SELECT a.id AS id, b.id AS other FROM a LEFT JOIN b ON a.v = b.v"},
  };
  return all;
}

// Two tables with writers, views over them, a reader that compares each view with its query at every epoch it sees, and several who make
// and drop views all the time, so that their commands often share a barrier.
class TablesAndViews {
 public:
  explicit TablesAndViews(World& world) : world_(world) {
    world.must("SELECT 1");
    a_.create(world);
    b_.create(world);
    for (const View& view : views()) world.must(fmt::format("CREATE MATERIALIZED VIEW {} AS {}", view.name, view.sql));
  }

  void start_clients() {
    world_.client("writer-1", [this](SqlClient& client) { a_.write(world_, client, 1); });
    world_.client("writer-2", [this](SqlClient& client) { a_.write(world_, client, 2); });
    world_.client("writer-3", [this](SqlClient& client) { b_.write(world_, client, 3); });
    world_.client("auditor", [this](SqlClient& client) { audit(client); });
    for (const char* name : {"passing", "passing_too", "passing_three"}) {
      world_.client(fmt::format("builder of {}", name), [this, name](SqlClient& client) { build(client, name); });
    }
  }

  void check() {
    world_.must("FLUSH");
    a_.check(world_);
    b_.check(world_);
    for (const View& view : views()) world_.expect_view(view.name, view.sql);
    world_.journal().note("{} statements were acknowledged, {} views were built, {} audits", a_.acknowledged() + b_.acknowledged(), built_,
                          audits_);
    if (a_.acknowledged() == 0 && world_.duration() >= std::chrono::seconds(5)) world_.journal().fail("nothing was ever acknowledged");
  }

 private:
  void audit(SqlClient& client) {
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

  void build(SqlClient& client, std::string_view name) {
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

  World& world_;
  ModelTable a_{"a"}, b_{"b"};
  size_t built_ = 0, audits_ = 0;
};

template <typename Choose>
void tables_under(World& world, Choose faults) {
  TablesAndViews workload(world);
  workload.start_clients();
  world.chaos(faults());
  workload.check();
}

void calm(World& world) {
  tables_under(world, [] { return Faults{}; });
}
void kills(World& world) {
  tables_under(world, [] { return Faults{.kill_compute = 3, .crash_in_io = 1}; });
}
void meta_dies(World& world) {
  tables_under(world, [] { return Faults{.kill_compute = 1, .kill_meta = 3, .rival_meta = 1}; });
}
void network(World& world) {
  tables_under(world, [] { return Faults{.break_streams = 3, .partition = 2, .slow_network = 1}; });
}
void frozen(World& world) {
  tables_under(world, [] {
    return Faults{.kill_compute = 1, .slow_network = 1, .freeze = 2, .every_min = milliseconds(500), .every_max = milliseconds(6000)};
  });
}
void disk_full(World& world) {
  tables_under(world, [] { return Faults{.kill_compute = 1, .kill_meta = 1, .disk_full = 4}; });
}
void everything(World& world) {
  tables_under(world, [] {
    return Faults{.kill_compute = 2,
                  .crash_in_io = 1,
                  .kill_meta = 2,
                  .rival_meta = 1,
                  .break_streams = 2,
                  .partition = 2,
                  .slow_network = 1,
                  .freeze = 1};
  });
}

// Generated events, read by two jobs each: what was read, kept as it came, and views over it.
void sources(World& world) {
  const auto seconds = static_cast<uint64_t>(world.duration() / std::chrono::seconds(1));
  const uint64_t events = 300 * std::max<uint64_t>(seconds, 1);
  world.must(
      fmt::format("CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP) WITH (connector = 'nexmark', "
                  "nexmark.table.type = 'Bid', nexmark.event.num = '{}', nexmark.split.num = '4')",
                  events));
  world.must(
      fmt::format("SET source_rate_limit = {}; CREATE MATERIALIZED VIEW raw AS SELECT auction, bidder, price, date_time FROM bid", 60));
  const std::string busiest = "SELECT auction, count(*) AS n, max(price) AS top FROM {} GROUP BY auction";
  const std::string windows = "SELECT window_start, count(*) AS n FROM TUMBLE({}, date_time, INTERVAL '1' SECOND) GROUP BY window_start";
  world.must(
      fmt::format("SET source_rate_limit = {}; CREATE MATERIALIZED VIEW busiest AS {}", 70, fmt::format(fmt::runtime(busiest), "bid")));
  world.must(fmt::format("CREATE MATERIALIZED VIEW windows AS {}", fmt::format(fmt::runtime(windows), "bid")));
  world.chaos({.kill_compute = 3, .crash_in_io = 2, .kill_meta = 1, .break_streams = 1, .partition = 1});
  world.must("WAIT FOR SOURCE bid");
  const auto count = world.rows("SELECT count(*) FROM raw");
  const uint64_t bids = events / 50 * 46;  // of 50 events 46 are bids
  if (!count.empty() && events % 50 == 0 && count[0][0] != fmt::to_string(bids))
    world.journal().fail("{} rows of {} were read", count[0][0], bids);
  world.expect_view("busiest", fmt::format(fmt::runtime(busiest), "raw"));
  world.expect_view("windows", fmt::format(fmt::runtime(windows), "raw"));
}

// Kills so frequent that an epoch hardly ever commits: still everything moves, if slowly.
void crash_loop(World& world) {
  tables_under(world, [] {
    return Faults{.kill_compute = 1, .every_min = milliseconds(150), .every_max = milliseconds(600), .down_max = milliseconds(100)};
  });
}

// Views are dropped and made while a node is away.
void drop_in_recovery(World& world) {
  TablesAndViews workload(world);
  workload.start_clients();
  world.client("dropper", [&](SqlClient& client) {
    while (!world.stopping()) {
      const size_t victim = world.random().below(world.cluster().computes());
      if (world.cluster().may_kill_compute(victim)) world.cluster().kill_compute(victim);
      world.pause(milliseconds(world.random().below(800)));
      const Status made = client.run("DROP MATERIALIZED VIEW IF EXISTS doomed");
      if (made.has_error()) world.journal().fail("DROP while a node is away: {}", made.error());
      world.cluster().start_compute(victim);
      world.pause(milliseconds(world.random().below(3000)));
      const Status again = client.run("CREATE MATERIALIZED VIEW IF NOT EXISTS doomed AS SELECT grp, min(v) AS low FROM a GROUP BY grp");
      if (again.has_error() && !is_transient(again.error())) world.journal().fail("CREATE while nodes come and go: {}", again.error());
    }
  });
  world.chaos({});
  workload.check();
}

constexpr auto kThree = Cluster::Options{.computes = 3};

const std::array kScenarios{
    Scenario{"calm", "tables with DML, views, backfill and DROP; nothing fails", "42 49", calm},
    Scenario{"kills", "the same, with computes killed at any moment, also inside a call to their disk", "1 5 6 7 8 10 13 38 39 40 42 48",
             kills, kThree},
    Scenario{"meta", "the same, with meta killed and other metas leading", "7 8 16 38 46 48", meta_dies},
    Scenario{"network", "the same, with broken streams, partitions and delays", "1 5 6 9 17 41 52", network, kThree},
    Scenario{"frozen", "the same, with computes that stop and go on, some after everybody gave them up", "1 5 9 52", frozen, kThree},
    Scenario{"disk_full", "the same, with disks that fill up", "33", disk_full},
    Scenario{"everything", "the same, with all of it", "1 5 6 7 8 9 10 13 16 38 41 52", everything, kThree},
    Scenario{"crash_loop", "computes die several times a second", "43", crash_loop},
    Scenario{"drop_in_recovery", "views dropped and made while nodes are away", "7 11 12", drop_in_recovery},
    Scenario{"sources", "generated sources under all faults: no row lost or doubled", "30 38 43", sources},
};

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace penstock::sim
