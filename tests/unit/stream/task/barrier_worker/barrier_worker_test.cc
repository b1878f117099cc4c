#include <gtest/gtest.h>

#include "proto/control_stream.pb.h"
#include "runtime/sim_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "stream/task/barrier_worker/local_barrier_worker.h"

namespace penstock::stream {
namespace {

constexpr GraphTerm kGraph{PartialGraphId{1}, Term{3}};
constexpr GraphTerm kJob{PartialGraphId{1ULL << 32 | 1}, Term{4}};  // is being created

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

TEST_F(BarrierWorker, joins_remembers_the_leader_and_answers_init) {
  connect();
  EXPECT_FALSE(worker_.connected());
  init();
  EXPECT_EQ(last(), "init");
  EXPECT_TRUE(worker_.connected());
  EXPECT_EQ(persisted_, (LeaderSeen{LeaderTerm{6}, 600}));
}

TEST_F(BarrierWorker, refuses_a_meta_whose_folder_is_a_copy_and_goes_on_with_the_one_it_follows) {
  connect();
  init();
  const auto followed = stream_;
  connect();
  init(6, "node", {601, 500});
  EXPECT_TRUE(stream_->closed.find("whose folder is a copy: in term 6 this node followed another meta") != std::string::npos)
      << stream_->closed;
  connect();
  init(8, "node", {801, 701, 601, 500});
  EXPECT_TRUE(stream_->closed.find("whose folder is a copy") != std::string::npos) << "a copy that was started again comes from elsewhere";
  EXPECT_EQ(followed->closed, "");
  EXPECT_TRUE(worker_.connected());
  connect();
  init(8, "node", {800, 700, 600, 500});
  EXPECT_EQ(last(), "init") << "the next but one comes after the one that was followed";
  EXPECT_EQ(followed->closed, "a newer control stream took over");
}

TEST_F(BarrierWorker, a_meta_that_looks_for_another_node_here_leaves_the_stream_alone) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  const auto served = stream_;
  auto of_served = std::move(accepted_);
  connect();
  EXPECT_EQ(served->closed, "") << "a stream that has said nothing takes nobody's place";
  init(6, "another node");
  EXPECT_TRUE(stream_->closed.starts_with("meta means node another node incarnation 7")) << stream_->closed;
  EXPECT_EQ(served->closed, "");
  EXPECT_TRUE(worker_.connected());
  stream_ = served;
  accepted_ = std::move(of_served);
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "complete 10") << "its graphs were not reset";
}

TEST_F(BarrierWorker, streams_that_say_nothing_are_closed_and_bounded) {
  std::vector<std::shared_ptr<FakeStream>> streams;
  for (int i = 0; i < 9; ++i) {
    connect();
    streams.push_back(stream_);
  }
  EXPECT_NE(streams[0]->closed, "");
  EXPECT_EQ(streams[1]->closed, "");
  runtime_.run_for(std::chrono::seconds(12));
  EXPECT_EQ(streams[8]->closed, "no Init came");
}

TEST_F(BarrierWorker, refuses_a_meta_of_an_older_term) {
  connect();
  init(4);
  EXPECT_EQ(stream_->closed, "a meta of term 4 speaks, but one of term 5 was seen");
}

TEST_F(BarrierWorker, wants_init_first) {
  connect();
  create();
  EXPECT_EQ(stream_->closed, "the first request on a control stream must be Init");
}

TEST_F(BarrierWorker, tells_meta_of_its_disk_when_it_changes_and_a_meta_that_comes_later) {
  worker_.report_disk({storage::DiskLevel::Low, "/data", 12, 35});
  connect();
  EXPECT_EQ(last(), "nothing");
  init();
  EXPECT_EQ(last(), "pressure DISK_LOW");
  worker_.report_disk({storage::DiskLevel::Enough, "/data", 120, 35});
  settle();
  EXPECT_EQ(last(), "pressure DISK_ENOUGH");
  connect();
  init();
  EXPECT_EQ(last(), "init");
}

TEST_F(BarrierWorker, a_pressure_has_these_bytes) {
  const std::string bytes = encode_pressure({storage::DiskLevel::Full, "/d", 1, 300}, {4, 5, 6, 7});
  EXPECT_EQ(bytes, std::string("\x42\x13\x08\x02\x12\x02/d\x18\x01\x20\xac\x02\x28\x04\x30\x05\x38\x06\x40\x07", 21));
}

TEST_F(BarrierWorker, takes_a_barrier_through_its_actors_and_syncs_a_checkpoint) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1, 2}, {1, 2});
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "init");
  EXPECT_TRUE(actors_.pass(2));
  settle();
  EXPECT_EQ(last(), "complete 10");
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1, 2});
  EXPECT_TRUE(actors_.pass(2));
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "complete 20");
}

TEST_F(BarrierWorker, a_job_that_is_slower_than_its_database_at_the_merge_still_gets_the_barriers_from_before) {
  connect();
  init();
  create();
  create_job();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  inject(10, 20, pb::BARRIER_INITIAL, {}, {}, kJob);
  EXPECT_TRUE(actors_.pass(1));
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1});
  inject(20, 30, pb::BARRIER_CHECKPOINT, {7}, {7}, kJob);
  merge_job(30);
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(stream_->received.back().barrier_complete().graph().id(), kGraph.graph.value);
  inject(30, 40, pb::BARRIER_CHECKPOINT, {1, 7});
  EXPECT_TRUE(actors_.pass(7));
  settle();
  EXPECT_EQ(stream_->received.back().barrier_complete().graph().id(), kJob.graph.value) << "20 is still there for the job's actor";
  EXPECT_EQ(last(), "complete 20");
  EXPECT_TRUE(actors_.pass(7));
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "complete 30");
}

TEST_F(BarrierWorker, takes_a_job_from_its_creation_to_its_merge) {
  connect();
  init();
  create();
  create_job();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  inject(10, 20, pb::BARRIER_INITIAL, {}, {}, kJob);
  EXPECT_TRUE(actors_.pass(1));
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1});
  inject(20, 30, pb::BARRIER_CHECKPOINT, {7}, {7}, kJob);
  EXPECT_TRUE(actors_.pass(1));
  settle();
  const size_t before = stream_->received.size();
  merge_job(30);
  ASSERT_EQ(actors_.merged.size(), 1U);
  inject(30, 40, pb::BARRIER_CHECKPOINT, {1, 7});
  EXPECT_TRUE(actors_.pass(1));
  EXPECT_TRUE(actors_.pass(7)) << "the barrier of its own graph";
  settle();
  ASSERT_EQ(stream_->received.size(), before + 1);
  EXPECT_EQ(stream_->received.back().barrier_complete().graph().id(), kJob.graph.value);
  EXPECT_EQ(last(), "complete 20");
  EXPECT_TRUE(actors_.pass(7)) << "and that of the graph it is in now";
  settle();
  EXPECT_EQ(stream_->received.back().barrier_complete().graph().id(), kGraph.graph.value);
  EXPECT_EQ(last(), "complete 30");
  send([&](pb::ControlRequest& r) {
    set_graph(r.mutable_commit_epoch()->mutable_graph());
    r.mutable_commit_epoch()->set_epoch(20);
    set_graph(r.mutable_commit_epoch()->add_with(), kJob);
  });
  EXPECT_EQ(store_.committed_epoch(kGraph.graph), Epoch{20});
  send([&](pb::ControlRequest& r) { set_graph(r.mutable_reset_partial_graphs()->add_graphs()); });
  EXPECT_EQ(last(), "reset");
  EXPECT_EQ(actors_.stopped, std::vector{kGraph}) << "its actors end with those they are among";
}

TEST_F(BarrierWorker, builds_backfills_that_wait_and_tells_every_actor_which_begin_while_the_end_of_others_goes_to_meta) {
  connect();
  init();
  create();
  create_job();
  inject(10, 20, pb::BARRIER_INITIAL, {}, {}, kJob);
  send([&](pb::ControlRequest& r) {
    auto* m = r.mutable_inject_barrier();
    set_graph(m->mutable_graph(), kJob);
    m->mutable_barrier()->mutable_epoch()->set_prev(20);
    m->mutable_barrier()->mutable_epoch()->set_curr(30);
    m->mutable_barrier()->set_kind(pb::BARRIER_CHECKPOINT);
    for (const uint32_t actor : {7U, 8U}) {
      m->add_actors_to_collect(actor);
      auto* fragment = m->add_build();
      fragment->set_fragment_id(actor);
      fragment->set_backfill_waits(actor == 8);
      fragment->mutable_root()->mutable_merge();
      fragment->add_actors()->set_actor_id(actor);
    }
  });
  EXPECT_EQ(actors_.backfill_waits, std::set{ActorId{8}});
  actors_.managers.at(ActorId{7})->report_create_progress(Epoch{20}, {ActorId{7}, true, 5});
  EXPECT_TRUE(actors_.pass(7));
  EXPECT_TRUE(actors_.pass(8));
  settle();
  ASSERT_EQ(last(), "complete 20");
  const auto& progress = stream_->received.back().barrier_complete().create_progress();
  ASSERT_EQ(progress.size(), 1);
  EXPECT_TRUE(progress[0].done());
  EXPECT_EQ(progress[0].rows(), 5U);
  send([&](pb::ControlRequest& r) {
    auto* m = r.mutable_inject_barrier();
    set_graph(m->mutable_graph(), kJob);
    m->mutable_barrier()->mutable_epoch()->set_prev(30);
    m->mutable_barrier()->mutable_epoch()->set_curr(40);
    m->mutable_barrier()->set_kind(pb::BARRIER_CHECKPOINT);
    for (const uint32_t actor : {7U, 8U}) m->add_actors_to_collect(actor);
    auto* combined = m->mutable_barrier()->mutable_mutation()->mutable_combined();
    combined->add_mutations()->mutable_start_backfill()->add_fragments(9);
    combined->add_mutations()->mutable_start_backfill()->add_fragments(8);
  });
  for (const uint32_t actor : {7U, 8U}) {
    EXPECT_TRUE(actors_.pass(actor));
    const auto& starts = actors_.passed.at(ActorId{actor}).mutation->start_backfill().fragments();
    EXPECT_EQ(std::vector<uint32_t>(starts.begin(), starts.end()), (std::vector<uint32_t>{8, 9}));
  }
  settle();
  EXPECT_EQ(last(), "complete 30");
}

TEST_F(BarrierWorker, wakes_only_actors_that_waited_for_a_barrier) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1, 2}, {1, 2});
  EXPECT_TRUE(actors_.pass(1));
  EXPECT_TRUE(actors_.pass(2));
  EXPECT_FALSE(actors_.pass(1));  // actor 1 asks again and finds nothing
  inject(20, 30, pb::BARRIER_BARRIER, {1, 2});
  EXPECT_EQ(actors_.wakes[ActorId{1}], 1);
  EXPECT_EQ(actors_.wakes[ActorId{2}], 0);
}

TEST_F(BarrierWorker, late_subscribers_find_their_first_barrier) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  inject(20, 30, pb::BARRIER_BARRIER, {1, 2}, {2});
  EXPECT_TRUE(actors_.pass(2));  // its first is 20, although 10 is in flight
  EXPECT_TRUE(actors_.pass(1));
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "complete 20");
}

TEST_F(BarrierWorker, reports_a_failure_and_resets_with_its_cause) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  actors_.managers.at(ActorId{1})->notify_failure(ActorId{1}, error(Code::NumericOutOfRange, "bigint out of range"));
  settle();
  EXPECT_EQ(last(), "failure: bigint out of range");
  send([&](pb::ControlRequest& r) { set_graph(r.mutable_reset_partial_graphs()->add_graphs()); });
  EXPECT_EQ(last(), "reset: bigint out of range");
  EXPECT_EQ(actors_.stopped, std::vector<GraphTerm>{kGraph});
}

TEST_F(BarrierWorker, what_actors_of_an_ended_term_say_reaches_nobody) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  const auto old = actors_.managers.at(ActorId{1});
  send([&](pb::ControlRequest& r) { set_graph(r.mutable_reset_partial_graphs()->add_graphs()); });
  create({kGraph.graph, Term{4}});
  const size_t before = stream_->received.size();
  old->notify_failure(ActorId{1}, error(Code::Internal, "too late"));
  old->collect(ActorId{1}, Barrier{{Epoch{10}, Epoch{20}}, BarrierKind::Initial, nullptr});
  settle();
  EXPECT_EQ(stream_->received.size(), before);
}

TEST_F(BarrierWorker, a_new_init_ends_every_graph_before_it_is_answered) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  connect();
  init(8);
  EXPECT_EQ(actors_.stopped, std::vector<GraphTerm>{kGraph});
  EXPECT_EQ(last(), "init");
  ASSERT_EQ(stream_->received.size(), 1U);
}

TEST_F(BarrierWorker, ends_a_stream_that_is_silent) {
  connect();
  init();
  runtime_.run_for(std::chrono::seconds(9));
  send([](pb::ControlRequest& r) { r.mutable_ping(); });
  EXPECT_EQ(last(), "pong");
  runtime_.run_for(std::chrono::seconds(9));
  EXPECT_EQ(stream_->closed, "");
  runtime_.run_for(std::chrono::seconds(3));
  EXPECT_TRUE(stream_->closed.starts_with("meta was silent for 1")) << stream_->closed;
  EXPECT_FALSE(worker_.connected());
}

TEST_F(BarrierWorker, says_who_is_missing_and_what_it_waits_for) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1, 2}, {1, 2});
  EXPECT_TRUE(actors_.pass(1));
  actors_.waiting = {
      {.actor = ActorId{2}, .fragment = FragmentId{1}, .job_name = "v", .waiting_for = "state read", .wait = {.micros = 2'000'000}}};
  send([](pb::ControlRequest& r) { r.mutable_inspect()->set_request(1); });
  EXPECT_NE(last().find("missing 1 actors: 2"), std::string::npos) << last();
  EXPECT_NE(last().find("actor 2 (fragment 1, v) epoch 0: state read for 2.000 s  <--"), std::string::npos) << last();
}

TEST_F(BarrierWorker, tells_the_await_tree_what_each_actor_waits_for_and_who_is_missing) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1, 2}, {1, 2});
  EXPECT_TRUE(actors_.pass(1));
  actors_.waiting = {{.actor = ActorId{2},
                      .fragment = FragmentId{1},
                      .wait = {.what = WaitingFor::Alignment, .actor = ActorId{7}, .awaited = Epoch{10}, .micros = 2'000'000}}};
  send([](pb::ControlRequest& r) {
    r.mutable_inspect()->set_request(5);
    r.mutable_inspect()->set_what("await");
  });
  const pb::ControlResponse& response = stream_->received.back();
  EXPECT_EQ(response.inspect().request(), 5U);
  const pb::WorkerSnapshot& snapshot = response.inspect().snapshot();
  ASSERT_EQ(snapshot.actors_size(), 1);
  EXPECT_EQ(snapshot.actors(0).wait(), pb::WAIT_ALIGNMENT);
  EXPECT_EQ(snapshot.actors(0).on_actor(), 7U);
  EXPECT_EQ(snapshot.actors(0).since_us(), 2'000'000U);
  ASSERT_EQ(snapshot.barriers_size(), 1);
  EXPECT_EQ(snapshot.barriers(0).prev(), 10U);
  EXPECT_EQ(snapshot.barriers(0).state(), "issued");
  ASSERT_EQ(snapshot.barriers(0).missing_actors_size(), 1);
  EXPECT_EQ(snapshot.barriers(0).missing_actors(0), 2U);
}

TEST_F(BarrierWorker, bytes_that_are_no_request_end_the_stream_and_not_the_process) {
  connect();
  init();
  accepted_.events.on_message("\xff\xff\xff nonsense");
  settle();
  EXPECT_EQ(stream_->closed, "control stream: 12 bytes that are no ControlRequest");
}

/// Holds what the test says; notes what barriers resolve.
class FakeHolder : public TransactionHolder {
 public:
  Status resolve(GraphTerm, Epoch prev, std::span<const TransactionId> commit, std::span<const TransactionId>) override {
    for (const TransactionId t : commit) {
      if (std::erase(waiting, t) == 0) return error(Code::Protocol, "transaction {} is not held", t);
      resolved.push_back(fmt::format("{} in {}", t, prev));
    }
    return ok();
  }
  std::vector<TransactionId> held(GraphTerm) const override { return waiting; }

  std::vector<TransactionId> waiting;
  std::vector<std::string> resolved;
};

TEST_F(BarrierWorker, a_barrier_resolves_the_transactions_it_names_and_a_checkpoint_tells_those_that_wait) {
  FakeHolder holder;
  holder.waiting = {TransactionId{7}, TransactionId{8}};
  worker_.on_transactions(holder);
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(stream_->received.back().barrier_complete().transactions_held_size(), 0);
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1}, {}, kGraph, {7});
  EXPECT_EQ(holder.resolved, std::vector<std::string>{"7 in 20"}) << "before the actor has passed the barrier";
  EXPECT_TRUE(actors_.pass(1));
  settle();
  ASSERT_EQ(last(), "complete 20");
  ASSERT_EQ(stream_->received.back().barrier_complete().transactions_held_size(), 1);
  EXPECT_EQ(stream_->received.back().barrier_complete().transactions_held(0), 8U);
}

TEST_F(BarrierWorker, a_barrier_that_names_a_transaction_which_is_not_here_never_completes) {
  FakeHolder holder;
  worker_.on_transactions(holder);
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  EXPECT_TRUE(actors_.pass(1));
  settle();
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1}, {}, kGraph, {7});
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "failure: transaction 7 is not held");
}

}  // namespace
}  // namespace penstock::stream
