#include <array>
#include <iterator>

#include "sim/accounts.h"
#include "sim/movers.h"
#include "sim/pausers.h"
#include "sim/scenario.h"
#include "sim/tables_workload.h"
#include "sim/tenants.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;

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
class Bids {
 public:
  explicit Bids(World& world) : world_(world) {
    const auto seconds = static_cast<uint64_t>(world.duration() / std::chrono::seconds(1));
    events_ = 300 * std::max<uint64_t>(seconds, 1);
    world.must(
        fmt::format("CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP) WITH (connector = 'nexmark', "
                    "nexmark.table.type = 'Bid', nexmark.event.num = '{}', nexmark.split.num = '4')",
                    events_));
    world.must(
        fmt::format("SET source_rate_limit = {}; CREATE MATERIALIZED VIEW raw AS SELECT auction, bidder, price, date_time FROM bid", 60));
    world.must(fmt::format("SET source_rate_limit = {}; CREATE MATERIALIZED VIEW busiest AS {}", 70, busiest("bid")));
    world.must(fmt::format("CREATE MATERIALIZED VIEW windows AS {}", windows("bid")));
  }

  // Each event is there once.
  void check() {
    world_.must("WAIT FOR SOURCE bid");
    const auto count = world_.rows("SELECT count(*) FROM raw");
    const uint64_t bids = events_ / 50 * 46;  // of 50 events 46 are bids
    if (!count.empty() && events_ % 50 == 0 && count[0][0] != fmt::to_string(bids))
      world_.journal().fail("{} rows of {} were read", count[0][0], bids);
    world_.expect_view("busiest", busiest("raw"));
    world_.expect_view("windows", windows("raw"));
  }

 private:
  static std::string busiest(std::string_view from) {
    return fmt::format("SELECT auction, count(*) AS n, max(price) AS top FROM {} GROUP BY auction", from);
  }
  static std::string windows(std::string_view from) {
    return fmt::format("SELECT window_start, count(*) AS n FROM TUMBLE({}, date_time, INTERVAL '1' SECOND) GROUP BY window_start", from);
  }

  World& world_;
  uint64_t events_ = 0;
};

void sources(World& world) {
  Bids bids(world);
  world.chaos({.kill_compute = 3, .crash_in_io = 2, .kill_meta = 1, .break_streams = 1, .partition = 1});
  bids.check();
}

// Actors, their rows and the splits of their sources move about, under `faults`.
void moves_under(World& world, const Faults& faults) {
  TablesAndViews workload(world);
  Bids bids(world);
  std::vector<std::string> jobs{"TABLE a", "TABLE b", "TABLE clock", "MATERIALIZED VIEW raw", "MATERIALIZED VIEW busiest"};
  for (const View& view : TablesAndViews::views()) {
    if (view.name != "totals") jobs.push_back("MATERIALIZED VIEW " + view.name);  // one actor for ever
  }
  Movers movers(world, std::move(jobs));
  workload.start_clients(1);
  movers.start_clients();
  world.chaos(faults);
  movers.bring_back();
  workload.check();
  movers.check();
  workload.check();
  bids.check();
}

void moves(World& world) { moves_under(world, {}); }
void moves_kills(World& world) {
  moves_under(world, {.kill_compute = 6,
                      .crash_in_io = 3,
                      .kill_meta = 1,
                      .rival_meta = 1,
                      .sync_fails = 1,
                      .ambush = 150,
                      .every_max = milliseconds(6000)});
}
void moves_network(World& world) {
  moves_under(world, {.kill_compute = 1,
                      .break_streams = 4,
                      .partition = 2,
                      .slow_network = 1,
                      .freeze = 1,
                      .disk_full = 1,
                      .ambush = 150,
                      .every_max = milliseconds(6000)});
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

// Transactions over tables on several computes, under `faults`.
void transactions_under(World& world, const Faults& faults, bool moving) {
  Accounts accounts(world);
  accounts.create();
  std::vector<std::string> jobs{"MATERIALIZED VIEW torn", "MATERIALIZED VIEW balance"};
  for (const std::string& table : Accounts::tables()) jobs.push_back("TABLE " + table);
  Movers movers(world, std::move(jobs));
  accounts.start_clients(2);
  if (moving) movers.start_altering();
  world.chaos(faults);
  accounts.check();
}

void transactions(World& world) { transactions_under(world, {}, false); }
void transactions_kills(World& world) {
  transactions_under(world,
                     {.kill_compute = 4,
                      .crash_in_io = 3,
                      .kill_meta = 2,
                      .rival_meta = 1,
                      .break_streams = 5,
                      .partition = 1,
                      .slow_network = 3,
                      .sync_fails = 1,
                      .ambush = 30,
                      .every_max = milliseconds(6000)},
                     false);
}
void transactions_moves(World& world) {
  transactions_under(world, {.kill_compute = 3, .kill_meta = 1, .break_streams = 2, .ambush = 100, .every_max = milliseconds(9000)}, true);
}

// One database fails again and again, others come and go: nobody else notices.
void databases(World& world) {
  TablesAndViews workload(world);
  Tenants tenants(world);
  workload.start_clients(1);
  tenants.start_clients();
  tenants.start_watch("dev", std::chrono::seconds(1));
  world.chaos({});
  workload.check();
  tenants.check();
  tenants.expect_only_sick_failed({"dev", "idle"});
}

void databases_kills(World& world) {
  TablesAndViews workload(world);
  world.must("CREATE DATABASE shop WITH (barrier_interval_ms = 400, checkpoint_frequency = 3)");
  TablesAndViews other(world, "shop");
  Tenants tenants(world);
  workload.start_clients(1);
  other.start_clients(1);
  tenants.start_clients();
  world.chaos({.kill_compute = 4, .crash_in_io = 2, .kill_meta = 2, .rival_meta = 1, .break_streams = 1, .partition = 1, .sync_fails = 2});
  workload.check();
  other.check();
  tenants.check();
}

// Reading is paused and goes on while everything fails.
void pauses(World& world) {
  TablesAndViews workload(world);
  Bids bids(world);
  Pausers pausers(world, {"raw", "busiest"});
  workload.start_clients(1);
  pausers.start_client();
  world.chaos({.kill_compute = 4,
               .crash_in_io = 2,
               .kill_meta = 2,
               .rival_meta = 1,
               .break_streams = 2,
               .partition = 1,
               .ambush = 60,
               .every_max = milliseconds(5000)});
  pausers.check();
  workload.check();
  bids.check();
}

constexpr auto kThree = Cluster::Options{.computes = 3};
constexpr auto kFourOneLate = Cluster::Options{.computes = 4, .late = 1};

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
    Scenario{"moves", "jobs get other parallelism, nodes are drained, leave and join; nothing fails", "39 20", moves, kFourOneLate},
    Scenario{"moves_kills", "the same, with computes and metas killed in the middle of it, and disks that do not sync", "20 30 38 39 46",
             moves_kills, kFourOneLate},
    Scenario{"moves_network", "the same, with broken streams, partitions, computes that stand still, full disks", "6 20 39 52",
             moves_network, kFourOneLate},
    Scenario{"transactions", "payments over four tables, some by frontends that die in the middle; nothing else fails", "48 51",
             transactions, kThree},
    Scenario{"transactions_kills", "the same, with computes and metas killed, disks and links that fail, often just then", "16 48 51",
             transactions_kills, kThree},
    Scenario{"transactions_moves", "the same, while the tables' actors move", "39 51", transactions_moves, kThree},
    Scenario{"databases", "one database fails again and again, others come and go; nobody else may notice", "11 15", databases, kThree},
    Scenario{"databases_kills", "several databases, under kills", "10 11 15", databases_kills, kThree},
    Scenario{"pauses", "sources paused and resumed, under kills: what is paused stands still", "30 43", pauses, kThree},
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
