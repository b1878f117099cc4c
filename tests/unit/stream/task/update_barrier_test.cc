// Actors that take the place of others at a barrier with the mutation Update, while those before them run on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/task/actor.h"
#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;
using data::Op;

/// Source 11 stays. What it feeds, 21 and 22, and what they feed, 31, give way to 23, 24, 25 and 32 at the barrier 2..3.
class UpdateBarrierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.actors.start_graph(kGraph);
    plan_.fragment(1, "emit", {11});
    plan_.fragment(2, "log(hold(merge:1))", {21, 22});
    plan_.fragment(3, "log(merge:2)", {31});
    plan_.edge(1, 2, 1, pb::DISPATCH_HASH);
    plan_.edge(2, 3, 2, pb::DISPATCH_HASH);
    for (const uint32_t fragment : {1, 2, 3}) build(fragment, {Epoch{1}, Epoch{2}});
    sim_.run_until_idle();
    barrier(1, 2);
  }
  ~UpdateBarrierTest() override {
    bool stopped = false;
    node_.actors.stop_graph(kGraph, [&stopped] { stopped = true; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 10s));
    EXPECT_EQ(world_.alive.load(), 0);
  }
  void build(uint32_t fragment, EpochPair first) {
    for (const uint32_t actor : plan_.actors(fragment)) manager_->first_of[ActorId{actor}] = first.prev.value;
    node_.actors.build(kGraph, plan_.build(fragment), first, manager_);
  }
  void barrier(uint64_t prev, uint64_t curr, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{prev}, Epoch{curr}}, BarrierKind::Checkpoint, std::move(mutation)});
    sim_.run_until_idle();
  }
  std::shared_ptr<const pb::Mutation> update() {
    plan_.replace(2, {23, 24, 25});
    plan_.replace(3, {32});
    return testing::mutation([&](pb::Mutation& m) {
      for (const uint32_t actor : {21, 22, 31}) m.mutable_update()->add_dropped_actors(actor);
      *(*m.mutable_update()->mutable_dispatchers())[11].add_dispatchers() = plan_.dispatcher(11, 1);
    });
  }
  void change_over() {
    const auto mutation = update();
    build(2, {Epoch{2}, Epoch{3}});
    build(3, {Epoch{2}, Epoch{3}});
    barrier(2, 3, mutation);
  }
  void emit(std::vector<std::pair<Op, int64_t>> rows) {
    world_.to_emit[11] = testing::one_column(rows);
    world_.wakes[11]();
    sim_.run_until_idle();
  }
  std::string collected(uint64_t prev) {
    std::string out;
    for (const ActorId actor : manager_->collected[prev]) out += (out.empty() ? "" : " ") + std::to_string(actor.value);
    return out;
  }
  std::string waits(uint32_t actor) {
    for (const ActorStatus& status : node_.actors.status()) {
      if (status.actor.value == actor) return status.waiting_for;
    }
    return "gone";
  }
  std::string failures() {
    std::string out;
    for (const auto& [actor, error] : manager_->failures) out += fmt::format("{}: {}\n", actor, error);
    return out;
  }
  /// What the actors of fragment 2 have taken in, whichever took it.
  std::multiset<std::string> taken() {
    std::multiset<std::string> out;
    for (const uint32_t actor : {21, 22, 23, 24, 25}) {
      std::istringstream words(world_.log[actor]);
      for (std::string word; words >> word;) {
        if (word.starts_with('+')) out.insert(word);
      }
    }
    return out;
  }

  testing::Playground world_;
  runtime::SimRuntime sim_{3};
  testing::Node node_{sim_, world_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
};

TEST_F(UpdateBarrierTest, old_and_new_actors_collect_it_and_the_old_ones_are_gone) {
  change_over();
  EXPECT_EQ(collected(2), "11 21 22 23 24 25 31 32");
  for (const uint32_t actor : {21, 22, 31}) EXPECT_EQ(waits(actor), "gone");
  EXPECT_EQ(failures(), "");
}

TEST_F(UpdateBarrierTest, new_actors_take_nothing_in_until_their_rows_are_there) {
  change_over();
  emit({{Op::Insert, 1}, {Op::Insert, 2}, {Op::Insert, 3}, {Op::Insert, 4}});
  for (const uint32_t actor : {23, 24, 25, 32}) {
    EXPECT_EQ(waits(actor), "rows that move here, as of epoch 2");
    EXPECT_EQ(world_.log[actor], "") << "their operators have not begun";
  }
  manager_->bring_vnodes(2);
  sim_.run_until_idle();
  EXPECT_EQ(world_.log[32], "| 2..3 > ") << "what comes in is held until the next barrier";
  barrier(3, 4);
  EXPECT_EQ(taken(), (std::multiset<std::string>{"+1", "+2", "+3", "+4"}));
  EXPECT_EQ(collected(3), "11 23 24 25 32");
  EXPECT_EQ(failures(), "");
}

TEST_F(UpdateBarrierTest, rows_before_it_are_the_old_actors_and_rows_after_it_the_new_ones) {
  emit({{Op::Insert, 1}, {Op::Insert, 2}});
  change_over();
  manager_->bring_vnodes(2);
  emit({{Op::Insert, 3}});
  barrier(3, 4);
  EXPECT_THAT(world_.log[31], ::testing::AllOf(::testing::HasSubstr("+1"), ::testing::HasSubstr("+2"), ::testing::HasSubstr("2..3")));
  EXPECT_EQ(world_.log[32], "| 2..3 > +3 | 3..4 > ");
}

TEST_F(UpdateBarrierTest, a_barrier_that_follows_waits_for_them) {
  change_over();
  barrier(3, 4);
  EXPECT_EQ(collected(3), "11");
  manager_->bring_vnodes(2);
  sim_.run_until_idle();
  EXPECT_EQ(collected(3), "11 23 24 25 32");
}

TEST_F(UpdateBarrierTest, the_one_before_them_is_held_up_by_a_full_channel_and_loses_nothing) {
  change_over();
  std::vector<std::pair<Op, int64_t>> rows;
  for (int64_t i = 0; i < 100; ++i) rows.emplace_back(Op::Insert, 7);
  for (int round = 0; round < 1000; ++round) emit(rows);
  EXPECT_THAT(waits(11), ::testing::StartsWith("output to actor"));
  manager_->bring_vnodes(2);
  sim_.run_until_idle();
  barrier(3, 4);
  EXPECT_EQ(failures(), "");
  EXPECT_EQ(collected(3), "11 23 24 25 32");
}

TEST_F(UpdateBarrierTest, rows_that_are_there_first_are_not_waited_for) {
  manager_->bring_vnodes(2);
  change_over();
  emit({{Op::Insert, 3}});
  barrier(3, 4);
  EXPECT_EQ(world_.log[32], "| 2..3 > +3 | 3..4 > ");
}

TEST_F(UpdateBarrierTest, a_reset_ends_those_that_wait) {
  change_over();
  EXPECT_EQ(waits(23), "rows that move here, as of epoch 2");  // the destructor stops them
}

TEST_F(UpdateBarrierTest, an_output_that_is_not_there_cannot_be_replaced) {
  barrier(2, 3, testing::mutation([&](pb::Mutation& m) {
            pb::Dispatcher other = plan_.dispatcher(11, 1);
            other.set_link(9);
            *(*m.mutable_update()->mutable_dispatchers())[11].add_dispatchers() = other;
          }));
  EXPECT_THAT(failures(), ::testing::HasSubstr("an edge to fragment 2 over link 9 is there not"));
}

}  // namespace
}  // namespace penstock::stream
