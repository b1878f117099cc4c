#include "unit/stream/task/barrier_worker/barrier_worker_fixture.h"

namespace penstock::stream {
namespace {

using testing::BarrierWorker;
using testing::FakeStream;
using testing::kGraph;
using testing::kJob;

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

TEST_F(BarrierWorker, a_commit_that_comes_while_vnodes_are_taken_waits_until_they_are) {
  connect();
  init();
  create();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1});
  inject(30, 40, pb::BARRIER_CHECKPOINT, {1});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(actors_.pass(1));
  settle();
  ASSERT_EQ(last(), "complete 30");
  pb::ControlRequest commit;
  set_graph(commit.mutable_commit_epoch()->mutable_graph());
  commit.mutable_commit_epoch()->set_epoch(20);
  accepted_.events.on_message(commit.SerializeAsString());
  settle();
  pb::ControlRequest here = commit;
  here.mutable_commit_epoch()->set_vnodes_here(true);
  commit.mutable_commit_epoch()->set_epoch(30);
  accepted_.events.on_message(here.SerializeAsString());
  accepted_.events.on_message(commit.SerializeAsString());
  settle();
  EXPECT_EQ(last(), "complete 30") << "and no failure";
  EXPECT_TRUE(actors_.managers.at(ActorId{1})->vnodes_here(ActorId{1}, Epoch{20}, [] {}));
  EXPECT_EQ(store_.committed_epoch(kGraph.graph), Epoch{30});
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
