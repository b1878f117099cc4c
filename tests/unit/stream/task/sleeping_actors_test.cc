// Actors that sleep with nothing to do: barriers are passed for them by whoever brings them, and they are none the worse for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/task/actor.h"
#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;
using data::Op;

// Actors 11 and 12 emit, and sleep as many seconds as a row says; 21 joins them, 31 reads 21.
class SleepingActors : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.actors.start_graph(kGraph);
    plan_.fragment(1, "sleep(emit)", {11, 12});
    plan_.fragment(2, "rest(merge:1)", {21});
    plan_.fragment(3, "rest(merge:2)", {31});
    plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
    plan_.edge(2, 3, 2, pb::DISPATCH_SIMPLE);
    for (const uint32_t fragment : plan_.fragments()) {
      for (const uint32_t actor : plan_.actors(fragment)) manager_->first_of[ActorId{actor}] = 1;
      node_.actors.build(kGraph, plan_.build(fragment), {Epoch{1}, Epoch{2}}, manager_);
    }
    sim_.run_until_idle();
  }
  ~SleepingActors() override {
    bool stopped = false;
    node_.actors.stop_graph(kGraph, [&stopped] { stopped = true; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 10s));
  }
  void put(std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{epoch_}, Epoch{epoch_ + 1}}, BarrierKind::Checkpoint, std::move(mutation)});
    ++epoch_;
    sim_.run_until_idle();
  }
  void barriers(size_t count, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    for (size_t i = 0; i < count; ++i) {
      put(mutation);
      EXPECT_EQ(manager_->collects(epoch_ - 1), 4U) << epoch_ - 1;
    }
  }
  /// Passed without being run, by either of the two that can.
  size_t slept_through(size_t count) {
    const size_t before = manager_->collected_idle;
    barriers(count);
    return manager_->collected_idle - before;
  }
  void emit(uint32_t actor, int64_t value) {
    world_.to_emit[actor] = testing::one_column({{Op::Insert, value}});
    world_.wakes[actor]();
    sim_.run_until_idle();
  }
  ActorStatus status(uint32_t actor) {
    for (ActorStatus& status : node_.actors.status()) {
      if (status.actor == ActorId{actor}) return status;
    }
    return {};
  }

  testing::Playground world_;
  runtime::SimRuntime sim_{5};
  testing::Node node_{sim_, world_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
  uint64_t epoch_ = 1;
};

TEST_F(SleepingActors, are_passed_in_a_row_from_the_first_to_the_last) {
  barriers(2);
  EXPECT_EQ(slept_through(5), 10U);
  EXPECT_EQ(world_.log[31], "| 1..2 > | 2..3 > ") << "none was run";
  EXPECT_EQ(status(31).epoch, Epoch{8}) << "and yet it is known how far it is";
  EXPECT_EQ(status(21).epoch, Epoch{8});
}

TEST_F(SleepingActors, go_on_from_the_last_barrier_when_rows_come) {
  barriers(2);
  barriers(5);
  emit(12, 0);
  EXPECT_EQ(world_.log[31], "| 1..2 > | 2..3 > ~3..8 +0 ");
  EXPECT_EQ(slept_through(1), 0U) << "what it has taken in must be sealed";
  EXPECT_EQ(slept_through(1), 0U) << "and what is sealed may have to be done with";
  EXPECT_EQ(slept_through(3), 6U);
  EXPECT_EQ(manager_->failures.size(), 0U);
}

TEST_F(SleepingActors, are_run_for_a_mutation) {
  barriers(4);
  barriers(1, testing::mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  EXPECT_EQ(world_.log[31], "| 1..2 > | 2..3 > ~3..5 | 5..6 > ");
}

TEST_F(SleepingActors, with_an_upstream_that_is_held_up_say_so) {
  barriers(3);
  emit(12, 60);
  put();
  const ActorStatus waiting = status(21);
  EXPECT_EQ(waiting.wait.what, WaitingFor::Alignment);
  EXPECT_EQ(waiting.wait.actor, ActorId{12}) << waiting.waiting_for;
  EXPECT_EQ(waiting.waiting_for, "input from fragment 1 (actor 12 has not sent barrier 4)");
  EXPECT_EQ(status(31).waiting_for, "input");
}

TEST_F(SleepingActors, that_are_stopped_pass_no_more) {
  barriers(3);
  bool stopped = false;
  node_.actors.stop_graph(kGraph, [&stopped] { stopped = true; });
  EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 10s));
  const size_t before = manager_->collected_idle;
  put();
  EXPECT_EQ(manager_->collected_idle, before);
  EXPECT_EQ(manager_->failures.size(), 0U);
}

}  // namespace
}  // namespace penstock::stream
