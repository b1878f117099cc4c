#include "sim/movers.h"

#include "proto/meta_service.pb.h"

namespace penstock::sim {

using std::chrono::milliseconds;

void Movers::start_altering() {
  world_.client("mover", [this](SqlClient& client) { alter_jobs(client); });
}

void Movers::start_clients() {
  start_altering();
  world_.client("drainer", [this](SqlClient& client) { drain_nodes(client); });
  world_.client("operator", [this](SqlClient&) { come_and_go(); });
}

void Movers::note(const std::string& what, const Status& done) {
  ++(done.has_value() ? done_ : refused_);
  world_.journal().note("{}: {}", what, done.has_value() ? "done" : done.error().to_string());
  if (done.has_error() && !is_transient(done.error())) world_.journal().fail("{}: {}", what, done.error());
}

void Movers::alter_jobs(SqlClient& client) {
  while (!world_.stopping()) {
    const std::string& job = jobs_[world_.random().below(jobs_.size())];
    const uint64_t wanted = world_.random().below(9);  // several actors a node, and fewer than nodes
    const std::string sql = fmt::format("ALTER {} SET PARALLELISM = {}", job, wanted == 0 ? "ADAPTIVE" : fmt::to_string(wanted));
    if (world_.random().below(4) != 0) world_.ambush();
    const Status done = client.run(sql);
    note(sql, done);
    world_.pause(milliseconds(world_.random().below(done.has_value() ? 600 : 2000)));
  }
}

void Movers::drain_nodes(SqlClient&) {
  while (!world_.stopping()) {
    world_.pause(milliseconds(world_.random().below(3000)));
    const size_t compute = world_.random().below(world_.cluster().computes());
    if (world_.random().below(2) == 0) world_.ambush();
    note(fmt::format("drain compute-{}", compute), drain(compute, false));
    world_.pause(milliseconds(world_.random().below(1500)));
    // Of any: what was drained may be left so for long.
    const size_t other = world_.random().below(world_.cluster().computes());
    note(fmt::format("undo the drain of compute-{}", other), drain(other, true));
  }
}

Status Movers::drain(size_t compute, bool undo) {
  const WorkerId worker = world_.cluster().worker_of(compute);
  if (worker == WorkerId{}) return ok();  // it has never joined
  pb::DrainWorkerRequest request;
  request.set_worker_id(worker.value);
  request.set_undo(undo);
  const auto answer =
      world_.cluster().meta_client().call("/penstock.Meta/DrainWorker", request.SerializeAsString(), std::chrono::seconds(60), nullptr);
  if (answer.has_error()) return answer.error();
  return ok();
}

// Those that are away come, the late ones for the first time; others hand over and go.
void Movers::come_and_go() {
  Cluster& cluster = world_.cluster();
  while (!world_.stopping()) {
    world_.pause(milliseconds(500 + world_.random().below(3000)));
    const size_t compute = world_.random().below(cluster.computes());
    if (world_.stopping()) return;
    if (world_.random().below(2) == 0) world_.ambush();
    if (!cluster.has_compute(compute)) {
      cluster.start_compute(compute);
    } else if (world_.random().below(2) == 0) {
      cluster.leave_compute(compute);
    }
  }
}

void Movers::expect_parallelism(const std::string& job, const std::string& actors) {
  const std::string name = job.substr(job.rfind(' ') + 1);
  const auto rows = world_.rows(fmt::format("SELECT distribution, operators, actors FROM penstock_fragments WHERE job = '{}'", name));
  if (rows.empty()) world_.journal().fail("{} has no fragments", name);
  for (const auto& row : rows) {
    const bool follows = row[1].find("Scan") != std::string::npos || row[0] == "single";  // what it reads; nobody
    if (!follows && row[2] != actors) {
      world_.journal().fail("a fragment of {} ({}) is to have {} actors, and has {}", name, row[1], actors, row[2]);
    }
  }
}

void Movers::expect_no_actors(size_t compute) {
  const auto rows =
      world_.rows(fmt::format("SELECT count(*) FROM penstock_actors WHERE worker_id = {}", world_.cluster().worker_of(compute)));
  if (rows.size() != 1 || rows[0][0] != "0") {
    world_.journal().fail("compute-{} is drained and has {} actors", compute, rows.empty() ? "unknown" : rows[0][0]);
  }
}

void Movers::bring_back() {
  Cluster& cluster = world_.cluster();
  // Some may be on their way out still, and one that left in good order stays away.
  world_.pause(std::chrono::seconds(12));
  for (size_t i = 0; i < cluster.computes(); ++i) cluster.start_compute(i);
  world_.pause(std::chrono::seconds(2));
  for (size_t i = 0; i < cluster.computes(); ++i) {
    const Status undone = drain(i, true);
    if (undone.has_error()) world_.journal().fail("undoing the drain of compute-{}: {}", i, undone.error());
  }
}

void Movers::check() {
  Cluster& cluster = world_.cluster();
  for (const std::string& job : jobs_) {
    const std::string actors = fmt::to_string(1 + world_.random().below(6));
    world_.must(fmt::format("ALTER {} SET PARALLELISM = {}", job, actors));
    expect_parallelism(job, actors);
  }
  const size_t drained = world_.random().below(cluster.computes());
  if (const Status done = drain(drained, false); done.has_error()) {
    world_.journal().fail("draining compute-{} with nothing in its way: {}", drained, done.error());
  }
  expect_no_actors(drained);
  world_.journal().note("{} moves were done, {} refused", done_, refused_);
  if (done_ == 0 && world_.duration() >= std::chrono::seconds(15)) world_.journal().fail("no move was ever done");
}

}  // namespace penstock::sim
