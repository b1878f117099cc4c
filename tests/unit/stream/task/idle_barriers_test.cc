// Barriers before which nothing came in: the actor passes them on, its operators hear of them later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/task/actor.h"
#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;
using data::Op;

// Actor 11 emits, actor 21 reads it.
class IdleBarriers : public ::testing::Test {
 protected:
  void SetUp() override { node_.actors.start_graph(kGraph); }
  ~IdleBarriers() override {
    bool stopped = false;
    node_.actors.stop_graph(kGraph, [&stopped] { stopped = true; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 10s));
  }

  void build(const std::string& reader) {
    plan_.fragment(1, "emit", {11});
    plan_.fragment(2, reader, {21});
    plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
    for (const uint32_t fragment : plan_.fragments()) {
      for (const uint32_t actor : plan_.actors(fragment)) manager_->first_of[ActorId{actor}] = 1;
      node_.actors.build(kGraph, plan_.build(fragment), {Epoch{1}, Epoch{2}}, manager_);
    }
    sim_.run_until_idle();
  }
  // The next one.
  void barrier(std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{epoch_}, Epoch{epoch_ + 1}}, BarrierKind::Checkpoint, std::move(mutation)});
    sim_.run_until_idle();
    EXPECT_EQ(manager_->collects(epoch_), 2U) << epoch_;
    ++epoch_;
  }
  void barriers(size_t count) {
    for (size_t i = 0; i < count; ++i) barrier();
  }
  void emit(int64_t value) {
    world_.to_emit[11] = testing::one_column({{Op::Insert, value}});
    world_.wakes[11]();
    sim_.run_until_idle();
  }
  const std::string& log() { return world_.log[21]; }

  testing::Playground world_;
  runtime::SimRuntime sim_{3};
  testing::Node node_{sim_, world_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
  uint64_t epoch_ = 1;
};

TEST_F(IdleBarriers, are_left_out_and_told_of_all_at_once_before_the_next_row) {
  build("rest(merge:1)");
  barriers(5);
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ") << "what the first found undone the second has sealed";
  emit(7);
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..6 +7 ");
  barriers(3);
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..6 +7 | 6..7 > | 7..8 > ");
}

TEST_F(IdleBarriers, are_told_of_before_one_with_a_mutation) {
  build("rest(merge:1)");
  barriers(4);
  barrier(testing::mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..5 | 5..6 > ");
}

TEST_F(IdleBarriers, are_told_of_from_input_to_consumer) {
  build("rest(rest(merge:1))");
  barriers(3);
  emit(1);
  EXPECT_EQ(log(), "| 1..2 | 1..2 > > | 2..3 | 2..3 > > ~3..4 ~3..4 +1 +1 ");
}

TEST_F(IdleBarriers, go_through_where_an_operator_acts_by_itself) {
  build("rest(log(merge:1))");
  barriers(3);
  EXPECT_EQ(log(), "| 1..2 | 1..2 > > | 2..3 | 2..3 > > | 3..4 | 3..4 > > ");
}

TEST_F(IdleBarriers, go_through_after_rows_that_nobody_passed_on) {
  build("rest(hold(merge:1))");
  barriers(4);
  emit(7);
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..5 ") << "the chain has caught up, the row is held";
  barriers(3);
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..5 +7 | 5..6 > | 6..7 > ");
}

TEST_F(IdleBarriers, go_through_once_in_a_while) {
  build("rest(merge:1)");
  barriers(200);
  EXPECT_EQ(std::ranges::count(log(), '|'), 2 + 3) << log();
}

TEST_F(IdleBarriers, that_stop_the_actor_stop_it) {
  build("rest(merge:1)");
  barriers(4);
  barrier(testing::mutation([](pb::Mutation& m) { m.mutable_stop()->add_actors(21); }));
  EXPECT_EQ(log(), "| 1..2 > | 2..3 > ~3..5 | 5..6 ");
}

}  // namespace
}  // namespace penstock::stream
