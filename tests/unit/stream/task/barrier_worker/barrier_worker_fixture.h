#pragma once

#include <gtest/gtest.h>

#include "proto/control_stream.pb.h"
#include "runtime/sim_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "stream/task/barrier_worker/local_barrier_worker.h"

namespace penstock::stream::testing {

inline constexpr GraphTerm kGraph{PartialGraphId{1}, Term{3}};
inline constexpr GraphTerm kJob{PartialGraphId{1ULL << 32 | 1}, Term{4}};  // is being created

/// Actors that do what the test says: they subscribe when built and wait.
class FakeActors : public ActorManager {
 public:
  void build(GraphTerm, std::shared_ptr<const pb::BuildFragment> plan, EpochPair, std::shared_ptr<LocalBarrierManager> manager) override {
    for (const pb::BuildActor& actor : plan->actors()) {
      const ActorId id{actor.actor_id()};
      subscriptions[id] = manager->subscribe_barrier(id, [this, id] { ++wakes[id]; });
      managers[id] = manager;
      if (plan->backfill_waits()) backfill_waits.insert(id);
    }
  }
  void stop_graph(GraphTerm graph, absl::AnyInvocable<void()> done) override {
    stopped.push_back(graph);
    done();
  }
  void remove_graph(GraphTerm graph, absl::AnyInvocable<void()> done) override {
    removed.push_back(graph);
    done();
  }
  void start_graph(GraphTerm graph) override { started.push_back(graph); }
  void merge_graph(GraphTerm graph, GraphTerm into) override { merged.emplace_back(graph, into); }
  std::vector<ActorStatus> status() const override { return waiting; }

  /// The actor takes its next barrier and passes it on.
  bool pass(uint32_t actor) {
    auto barrier = subscriptions.at(ActorId{actor})->next();
    if (barrier) managers.at(ActorId{actor})->collect(ActorId{actor}, *barrier);
    if (barrier) passed[ActorId{actor}] = *barrier;
    return barrier.has_value();
  }

  std::map<ActorId, std::shared_ptr<BarrierSubscription>> subscriptions;
  std::map<ActorId, std::shared_ptr<LocalBarrierManager>> managers;
  std::map<ActorId, int> wakes;
  std::map<ActorId, Barrier> passed;  // last
  std::set<ActorId> backfill_waits;   // as they were built
  std::vector<GraphTerm> started, stopped, removed;
  std::vector<std::pair<GraphTerm, GraphTerm>> merged;
  std::vector<ActorStatus> waiting;
};

/// Meta's end of the control stream.
class FakeStream : public rpc::Stream {
 public:
  bool write(rpc::Bytes message) override {
    pb::ControlResponse response;
    EXPECT_TRUE(response.ParseFromString(message));
    received.push_back(response);
    return true;
  }
  size_t queued_bytes() const override { return 0; }
  void close(Status reason) override { closed = reason.has_error() ? reason.error().message() : "closed"; }
  std::string peer() const override { return "meta"; }

  std::vector<pb::ControlResponse> received;
  std::string closed;
};

class BarrierWorker : public ::testing::Test {
 protected:
  BarrierWorker()
      : worker_({.node_id = "node",
                 .incarnation = Incarnation{7},
                 .leader = {LeaderTerm{5}, 500},
                 .persist_leader =
                     [this](const LeaderSeen& seen) {
                       persisted_ = seen;
                       return ok();
                     }},
                runtime_, store_, actors_) {}
  ~BarrierWorker() override {
    worker_.stop([] {});
    runtime_.run_for(std::chrono::seconds(2));
    runtime_.stop();
  }

  void connect() {
    stream_ = std::make_shared<FakeStream>();
    accepted_ = worker_.on_control_stream(stream_);
    settle();
  }
  void send(const std::function<void(pb::ControlRequest&)>& fill) {
    pb::ControlRequest request;
    fill(request);
    accepted_.events.on_message(request.SerializeAsString());
    settle();
  }
  void init(uint64_t leader = 6, const std::string& node = "node", const std::vector<uint64_t>& leaders = {600, 500}) {
    send([&](pb::ControlRequest& r) {
      auto* m = r.mutable_init();
      m->set_protocol_version(kControlVersion);
      m->set_min_supported(kControlMinSupported);
      m->set_node_id(node);
      m->set_incarnation(7);
      m->set_leader_term(leader);
      for (const uint64_t id : leaders) m->add_leaders(id);
      m->set_worker_id(1);
    });
  }
  static void set_graph(pb::GraphId* graph, GraphTerm value = kGraph) {
    graph->set_id(value.graph.value);
    graph->set_term(value.term.value);
  }
  void create(GraphTerm graph = kGraph) {
    send([&](pb::ControlRequest& r) {
      set_graph(r.mutable_create_partial_graph()->mutable_graph(), graph);
      r.mutable_create_partial_graph()->set_committed_epoch(10);
    });
  }
  void create_job() {
    send([&](pb::ControlRequest& r) {
      set_graph(r.mutable_create_partial_graph()->mutable_graph(), kJob);
      set_graph(r.mutable_create_partial_graph()->mutable_trunk());
      r.mutable_create_partial_graph()->set_committed_epoch(10);
    });
  }
  void merge_job(uint64_t epoch) {
    send([&](pb::ControlRequest& r) {
      set_graph(r.mutable_merge_partial_graph()->mutable_from(), kJob);
      set_graph(r.mutable_merge_partial_graph()->mutable_into());
      r.mutable_merge_partial_graph()->set_epoch(epoch);
    });
  }
  void inject(uint64_t prev, uint64_t curr, pb::BarrierKind kind, const std::vector<uint32_t>& collect,
              const std::vector<uint32_t>& build = {}, GraphTerm graph = kGraph, const std::vector<uint64_t>& commit = {}) {
    send([&](pb::ControlRequest& r) {
      auto* m = r.mutable_inject_barrier();
      set_graph(m->mutable_graph(), graph);
      m->mutable_barrier()->mutable_epoch()->set_prev(prev);
      m->mutable_barrier()->mutable_epoch()->set_curr(curr);
      m->mutable_barrier()->set_kind(kind);
      for (const uint64_t transaction : commit) m->add_commit_txns(transaction);
      for (const uint32_t actor : collect) m->add_actors_to_collect(actor);
      if (build.empty()) return;
      auto* fragment = m->add_build();
      fragment->set_fragment_id(1);
      fragment->mutable_root()->mutable_merge();
      for (const uint32_t actor : build) fragment->add_actors()->set_actor_id(actor);
    });
  }
  // The periodic liveness check keeps timers alive, so time is bounded.
  void settle() { runtime_.run_for(std::chrono::milliseconds(20)); }
  std::string last() const {
    if (stream_->received.empty()) return "nothing";
    const pb::ControlResponse& r = stream_->received.back();
    if (r.has_barrier_complete()) return fmt::format("complete {}", r.barrier_complete().epoch());
    if (r.has_partial_graph_failure()) return "failure: " + r.partial_graph_failure().error().message();
    if (r.has_reset_partial_graph())
      return "reset" + (r.reset_partial_graph().has_error() ? ": " + r.reset_partial_graph().root_error().message() : "");
    if (r.has_init()) return "init";
    if (r.has_pong()) return "pong";
    if (r.has_inspect()) return r.inspect().text();
    if (r.has_pressure()) return fmt::format("pressure {}", pb::DiskLevel_Name(r.pressure().level()));
    return "?";
  }

  runtime::SimRuntime runtime_{1};
  storage::MemoryStateStore store_;
  FakeActors actors_;
  LeaderSeen persisted_;
  LocalBarrierWorker worker_;
  std::shared_ptr<FakeStream> stream_;
  rpc::Service::Accepted accepted_{};
};

}  // namespace penstock::stream::testing
