// Jobs that are created in graphs of their own, until these are merged into their databases'.
#include "unit/stream/task/barrier_worker/barrier_worker_fixture.h"

namespace penstock::stream {
namespace {

using testing::BarrierWorker;
using testing::kGraph;
using testing::kJob;

TEST_F(BarrierWorker, keeps_nothing_for_a_merged_job_whose_actors_have_ended) {
  connect();
  init();
  create();
  create_job();
  inject(10, 20, pb::BARRIER_INITIAL, {1}, {1});
  inject(10, 20, pb::BARRIER_INITIAL, {7}, {7}, kJob);
  EXPECT_TRUE(actors_.pass(1));
  EXPECT_TRUE(actors_.pass(7));
  settle();
  merge_job(20);
  inject(20, 30, pb::BARRIER_CHECKPOINT, {1, 7});
  EXPECT_TRUE(actors_.pass(1));
  EXPECT_TRUE(actors_.pass(7));
  settle();
  const std::weak_ptr<LocalBarrierManager> manager = actors_.managers.at(ActorId{7});
  actors_.managers.erase(ActorId{7});
  EXPECT_FALSE(manager.expired()) << "until the next barrier";
  inject(30, 40, pb::BARRIER_CHECKPOINT, {1});
  EXPECT_TRUE(actors_.pass(1));
  settle();
  EXPECT_EQ(last(), "complete 30");
  EXPECT_TRUE(manager.expired());
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

}  // namespace
}  // namespace penstock::stream
