#include "sim/tenants.h"

#include <unistd.h>

#include <fstream>

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;

constexpr int kGoodRows = 60;

// The path is nowhere in the journal: it is another one in each process.
std::filesystem::path make_folder() {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("penstock-simulate-{:08}", ::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream file(folder / "bad.csv");
  for (int i = 0; i < kGoodRows; ++i) file << i << ",1\n";
  file << "no number,1\n";
  return folder;
}

}  // namespace

Tenants::Tenants(World& world) : world_(world), folder_(make_folder()), good_("good", "sick") {
  world.must("CREATE DATABASE sick WITH (barrier_interval_ms = 200, checkpoint_frequency = 2)");
  good_.create(world);
  world.must("CREATE MATERIALIZED VIEW good_sum AS SELECT grp, count(*) AS n, sum(v) AS total FROM good GROUP BY grp", "sick");
  world.must(
      fmt::format("CREATE SOURCE bad (a BIGINT, b BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{}', match_pattern = 'bad.csv', "
                  "source_rate_limit = 30) FORMAT PLAIN ENCODE CSV (without_header = 'true', delimiter = ',')",
                  folder_.string()),
      "sick");
  world.must("CREATE TABLE slow_rows (id BIGINT PRIMARY KEY)", "sick");
  world.must("CREATE MATERIALIZED VIEW slow AS SELECT id, pg_sleep(0.9) FROM slow_rows", "sick");
  world.must(fmt::format("CREATE DATABASE idle WITH (barrier_interval_ms = {}, checkpoint_frequency = {})", kIdleInterval, kIdleFrequency));
  world.must("CREATE TABLE unused (id BIGINT PRIMARY KEY)", "idle");
  idle_since_ = world.cluster().world().now();
}

Tenants::~Tenants() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Tenants::start_clients() {
  world_.client("writer of sick", [this](SqlClient& client) { good_.write(world_, client, 1); }, "sick");
  world_.client("optimist", [this](SqlClient& client) { suffer(client); }, "sick");
  world_.client("dawdler", [this](SqlClient& client) { dawdle(client); }, "sick");
  world_.client("landlord", [this](SqlClient&) { come_and_go(); });
}

void Tenants::tolerate(std::string_view what, const Status& status) {
  if (status.has_error() && !is_transient(status.error())) world_.journal().fail("{}: {}", what, status.error());
}

// It is created before it comes to the bad record, kills its graph five times, and is left out.
void Tenants::suffer(SqlClient& client) {
  while (!world_.stopping()) {
    const Status made = client.run("CREATE MATERIALIZED VIEW IF NOT EXISTS broken AS SELECT a, b FROM bad");
    world_.journal().note("broken is {}", made.has_value() ? "created" : "not created");
    broken_ += made.has_value() ? 1 : 0;
    for (uint64_t i = 4 + world_.random().below(8); i > 0 && !world_.stopping(); --i) world_.pause(milliseconds(500));
    tolerate("DROP of what is broken", client.run("DROP MATERIALIZED VIEW IF EXISTS broken"));
  }
}

void Tenants::dawdle(SqlClient& client) {
  for (int64_t id = 0; !world_.stopping(); ++id) {
    tolerate("a slow row", client.run(fmt::format("INSERT INTO slow_rows VALUES ({})", id)));
    world_.pause(milliseconds(world_.random().below(2500)));
  }
}

void Tenants::come_and_go() {
  for (uint64_t round = 0; !world_.stopping(); ++round) {
    world_.pause(milliseconds(world_.random().below(1200)));
    live_in_passing(round);
  }
}

// Under a name of its own each time: of what was not answered nobody knows whether it is there.
void Tenants::live_in_passing(uint64_t round) {
  const std::string name = fmt::format("passing_{}", round);
  const auto landlord = world_.cluster().connect();
  if (!landlord) return;
  const Status made =
      landlord->run(fmt::format("CREATE DATABASE {} WITH (barrier_interval_ms = {})", name, 100 + world_.random().below(1000)));
  tolerate("CREATE DATABASE", made);
  if (made.has_value()) {
    const auto tenant = world_.cluster().connect(name);
    if (!tenant) return;
    bool all = true;
    for (const char* sql : {"CREATE TABLE t (id BIGINT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2), (3)",
                            "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t"}) {
      const Status done = all ? tenant->run(sql) : ok();
      tolerate(sql, done);
      all = all && done.has_value();
    }
    const auto rows = all ? tenant->query("SELECT n FROM v") : Result<std::vector<SqlClient::Row>>(std::vector<SqlClient::Row>{});
    if (rows.has_error()) tolerate("a read of a new database", rows.error());
    if (rows.has_value() && all && (rows.value().size() != 1 || rows.value()[0][0] != "3")) {
      world_.journal().fail("a view in {} has counted {} rows of 3", name, rows.value().empty() ? "no" : rows.value()[0][0]);
    }
    passed_ += all ? 1 : 0;
  }
  tolerate("DROP DATABASE", landlord->run(fmt::format("DROP DATABASE IF EXISTS {} CASCADE", name)));
}

void Tenants::start_watch(const std::string& database, runtime::Duration limit) {
  world_.client("watch over " + database, [this, database, limit](SqlClient& client) { watch(client, database, limit); }, database);
}

void Tenants::watch(SqlClient& client, const std::string& database, runtime::Duration limit) {
  while (!world_.stopping()) {
    const auto began = world_.cluster().world().now();
    const Status done = client.run("FLUSH");
    const runtime::Duration took = world_.cluster().world().now() - began;
    if (done.has_error()) world_.journal().fail("FLUSH in {}, where nothing fails: {}", database, done.error());
    if (took > limit) world_.journal().fail("FLUSH in {} took {} ms", database, took / milliseconds(1));
    ++watched_;
    world_.pause(milliseconds(world_.random().below(300)));
  }
}

void Tenants::check() {
  world_.must("DROP MATERIALIZED VIEW IF EXISTS broken", "sick");
  world_.must("FLUSH", "sick");
  good_.check(world_);
  world_.expect_view("good_sum", "SELECT grp, count(*) AS n, sum(v) AS total FROM good GROUP BY grp", "sick");
  world_.journal().note("broken was created {} times; {} databases passed; {} statements in sick; {} flushes", broken_, passed_,
                        good_.acknowledged(), watched_);
}

void Tenants::expect_only_sick_failed(std::initializer_list<std::string> healthy) {
  const auto recoveries = [this](const std::string& database) {
    const auto rows = world_.rows(fmt::format("SELECT recoveries FROM penstock_databases WHERE name = '{}'", database));
    return rows.empty() ? -1 : std::stoll(rows[0][0]);
  };
  for (const std::string& database : healthy) {
    if (recoveries(database) != 0) world_.journal().fail("{} has recovered {} times; nothing in it fails", database, recoveries(database));
  }
  if (broken_ > 1 && world_.duration() >= std::chrono::seconds(15) && recoveries("sick") == 0)
    world_.journal().fail("sick was to fail, and never did");
  const auto barriers = world_.rows("SELECT kind, count(*) FROM penstock_barriers WHERE database = 'idle' GROUP BY kind");
  std::map<std::string, int64_t> of;
  for (const auto& row : barriers) of[row[0]] = std::stoll(row[1]);
  // Since the world began, less what creating took; the first after that is a checkpoint out of turn.
  const auto expected = (world_.cluster().world().now() - idle_since_) / milliseconds(kIdleInterval);
  const int64_t all = of["barrier"] + of["checkpoint"];
  world_.journal().note("idle had {} barriers and {} checkpoints of {} due", of["barrier"], of["checkpoint"], expected);
  if (all < expected - 2 || all > expected + 3) world_.journal().fail("idle had {} barriers, {} were due", all, expected);
  const int64_t checkpoints = expected / kIdleFrequency;
  if (of["checkpoint"] < checkpoints - 1 || of["checkpoint"] > checkpoints + 3) {
    world_.journal().fail("idle had {} checkpoints, {} were due", of["checkpoint"], checkpoints);
  }
}

}  // namespace penstock::sim
