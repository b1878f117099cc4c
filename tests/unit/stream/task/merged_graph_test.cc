#include <gtest/gtest.h>

#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;
using data::Op;
using testing::one_column;

constexpr storage::GraphTerm kJob{PartialGraphId{1ULL << 32 | 1}, Term{3}};

/// Actor 11 of the database's graph runs; actor 21 of a job that is being created reads it, in a graph of its own.
class MergedGraphTest : public ::testing::Test {
 protected:
  void SetUp() override {
    plan_.fragment(1, "log(emit)", {11});
    plan_.fragment(2, "log(merge:1)", {21});
    plan_.fragment(3, "log(merge:2)", {31});
    plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
    plan_.edge(2, 3, 2, pb::DISPATCH_SIMPLE);
    plan_.leave_out(1);
    plan_.leave_out(2);
    plan_.in_graph(2, kJob);
    node_.actors.start_graph(kGraph);
    build(kGraph, 1, 1);
    barrier(1, 2);
  }
  ~MergedGraphTest() override {
    stop(kGraph);
    EXPECT_EQ(world_.alive.load(), 0);
  }

  void stop(storage::GraphTerm graph) {
    int stopped = 0;
    node_.actors.stop_graph(graph, [&stopped] { ++stopped; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped > 0; }, 10s));
    sim_.run_until_idle();
    EXPECT_EQ(stopped, 1);
  }
  void build(storage::GraphTerm graph, uint32_t fragment, uint64_t first) {
    for (const uint32_t actor : plan_.actors(fragment)) manager_->first_of[ActorId{actor}] = first;
    node_.actors.build(graph, plan_.build(fragment), {Epoch{first}, Epoch{first + 1}}, manager_);
    sim_.run_until_idle();
  }
  void barrier(uint64_t prev, uint64_t curr, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{prev}, Epoch{curr}}, BarrierKind::Checkpoint, std::move(mutation)});
    sim_.run_until_idle();
  }
  /// The barrier that gives `actor` its output over `link`.
  void adding_barrier(uint64_t prev, uint32_t actor, uint32_t link) {
    barrier(prev, prev + 1, testing::mutation([&](pb::Mutation& m) {
              *(*m.mutable_add()->mutable_dispatchers())[actor].add_dispatchers() = plan_.dispatcher(actor, link);
            }));
  }
  void emit(int64_t value) {
    world_.to_emit[11] = one_column({{Op::Insert, value}});
    world_.wakes[11]();
    sim_.run_until_idle();
  }
  void create_job() {
    node_.actors.start_graph(kJob);
    build(kJob, 2, 2);
    adding_barrier(2, 11, 1);
  }

  testing::Playground world_;
  runtime::SimRuntime sim_{3};
  testing::Node node_{sim_, world_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
};

TEST_F(MergedGraphTest, the_upstream_goes_on_when_a_job_that_is_being_created_is_stopped) {
  create_job();
  emit(1);
  stop(kJob);
  emit(2);
  barrier(3, 4);
  emit(3);
  barrier(4, 5, testing::mutation([&](pb::Mutation& m) {
            m.mutable_stop()->add_fragments(2);
            m.mutable_stop()->add_actors(21);
          }));
  EXPECT_TRUE(manager_->failures.empty());
  EXPECT_TRUE(manager_->collected[4].contains(ActorId{11}));
  EXPECT_EQ(world_.log[21], "| 2..3 > +1 ");
}

TEST_F(MergedGraphTest, the_upstream_goes_on_when_a_job_that_is_being_created_is_never_built) {
  adding_barrier(2, 11, 1);
  emit(1);
  barrier(3, 4);
  EXPECT_TRUE(manager_->collected[3].contains(ActorId{11}));
  EXPECT_TRUE(manager_->failures.empty());
}

TEST_F(MergedGraphTest, merged_actors_end_with_the_graph_they_are_part_of) {
  create_job();
  node_.actors.merge_graph(kJob, kGraph);
  emit(1);
  barrier(3, 4);
  EXPECT_EQ(world_.log[21], "| 2..3 > +1 | 3..4 > ");
  stop(kGraph);
  EXPECT_EQ(world_.alive.load(), 0);
  EXPECT_TRUE(node_.actors.status().empty());
  build(kJob, 2, 4);
  EXPECT_TRUE(node_.actors.status().empty()) << "its own graph is over, too";
}

TEST_F(MergedGraphTest, outputs_of_merged_actors_are_asked_for_under_either_name) {
  create_job();
  plan_.in_graph(2, kGraph);
  build(kGraph, 3, 3);
  EXPECT_EQ(node_.actors.parked_requests(), 1U) << "the other node had heard of the merge before";
  node_.actors.merge_graph(kJob, kGraph);
  sim_.run_until_idle();
  EXPECT_EQ(node_.actors.parked_requests(), 0U);
  adding_barrier(3, 21, 2);
  emit(7);
  barrier(4, 5);
  EXPECT_EQ(world_.log[31], "| 3..4 > +7 | 4..5 > ");

  plan_.fragment(4, "log(merge:3)", {41});
  plan_.edge(2, 4, 3, pb::DISPATCH_SIMPLE);
  plan_.leave_out(3);
  plan_.in_graph(2, kJob);
  build(kGraph, 4, 5);
  EXPECT_EQ(node_.actors.parked_requests(), 0U);
  EXPECT_EQ(node_.actors.refused_requests(), 0U);
}

}  // namespace
}  // namespace penstock::stream
