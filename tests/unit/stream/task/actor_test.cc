#include "stream/task/actor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;
using data::Op;
using testing::one_column;

// One node, one graph; actors of fragment 1 are 11, 12 …, of fragment 2 are 21 ….
class ActorTest : public ::testing::Test {
 protected:
  void SetUp() override { node_.actors.start_graph(kGraph); }
  ~ActorTest() override { stop(); }

  void stop() {
    bool stopped = false;
    node_.actors.stop_graph(kGraph, [&stopped] { stopped = true; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 10s));
    EXPECT_EQ(world_.alive.load(), 0);
  }
  void build(uint32_t fragment, EpochPair first = {Epoch{1}, Epoch{2}}) {
    for (const uint32_t actor : plan_.actors(fragment)) manager_->first_of[ActorId{actor}] = first.prev.value;
    node_.actors.build(kGraph, plan_.build(fragment), first, manager_);
  }
  void build_all() {
    for (const uint32_t fragment : plan_.fragments()) build(fragment);
    sim_.run_until_idle();
  }
  void barrier(uint64_t prev, uint64_t curr, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{prev}, Epoch{curr}}, BarrierKind::Checkpoint, std::move(mutation)});
    sim_.run_until_idle();
  }
  void emit(uint32_t actor, std::vector<std::pair<Op, int64_t>> rows) {
    give(actor, std::move(rows));
    world_.wakes[actor]();
    sim_.run_until_idle();
  }
  void give(uint32_t actor, std::vector<std::pair<Op, int64_t>> rows) { world_.to_emit[actor] = one_column(rows); }
  std::string collected(uint64_t prev) {
    std::string out;
    for (const ActorId actor : manager_->collected[prev]) out += (out.empty() ? "" : " ") + std::to_string(actor.value);
    return out;
  }
  std::string failures() {
    std::string out;
    for (const auto& [actor, error] : manager_->failures) out += fmt::format("{}: {}\n", actor, error);
    return out;
  }
  std::string waits(uint32_t actor) {
    for (const ActorStatus& status : node_.actors.status()) {
      if (status.actor.value == actor) return status.waiting_for;
    }
    return "gone";
  }

  testing::Playground world_;
  runtime::SimRuntime sim_{3};
  testing::Node node_{sim_, world_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
};

TEST_F(ActorTest, passes_barriers_and_rows_in_order) {
  plan_.fragment(1, "log(emit)", {11});
  build_all();
  EXPECT_EQ(waits(11), "input");
  barrier(1, 2);
  emit(11, {{Op::Insert, 5}});
  emit(11, {{Op::Delete, 5}});
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +5 -5 | 2..3 > ");
  EXPECT_EQ(collected(1), "11");
  EXPECT_EQ(collected(2), "11");
}

TEST_F(ActorTest, polls_no_generator_before_the_first_barrier) {
  plan_.fragment(1, "log(emit)", {11});
  build_all();
  emit(11, {{Op::Insert, 5}});
  EXPECT_EQ(world_.log[11], "");
  barrier(1, 2);
  EXPECT_EQ(world_.log[11], "+5 | 1..2 > ") << "what was accepted before the barrier comes before it";
}

TEST_F(ActorTest, drains_generators_before_it_takes_a_barrier) {
  plan_.fragment(1, "log(emit)", {11});
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 1}});
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > ");
}

TEST_F(ActorTest, runs_operators_post_order_at_a_barrier_with_their_output_going_first) {
  plan_.fragment(1, "log(hold(hold(emit)))", {11});
  build_all();
  barrier(1, 2);
  for (int64_t i = 1; i <= 3; ++i) emit(11, {{Op::Insert, i}});
  EXPECT_EQ(world_.log[11], "| 1..2 > ");
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 +2 +3 | 2..3 > ");
}

TEST_F(ActorTest, lets_rows_of_after_barrier_flow_behind_it) {
  plan_.fragment(1, "log(echo)", {11});
  plan_.fragment(2, "log(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +2 | 2..3 > +3 ") << "a consumer is in the new epoch before its input gives rows of it";
  EXPECT_EQ(world_.log[21], "| 1..2 > +2 | 2..3 > +3 ");
}

TEST_F(ActorTest, reads_state_and_goes_on) {
  plan_.fragment(1, "log(ask(ask(emit)))", {11});
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 1}});
  world_.wakes[11]();
  ASSERT_TRUE(sim_.run_until([&] { return waits(11) == "state read"; }, 1s));
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > ") << "a barrier waits behind the read";
}

TEST_F(ActorTest, aligns_what_comes_over_several_links) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "emit", {21, 22});
  plan_.fragment(3, "log(pass(merge:1,merge:2))", {31});
  plan_.edge(1, 3, 1, pb::DISPATCH_SIMPLE);
  plan_.edge(2, 3, 2, pb::DISPATCH_HASH);
  build_all();
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  emit(22, {{Op::Insert, 2}});
  barrier(2, 3);
  emit(21, {{Op::Insert, 3}});
  barrier(3, 4);
  EXPECT_EQ(world_.log[31], "| 1..2 > +1 +2 | 2..3 > +3 | 3..4 > ");
  EXPECT_EQ(collected(3), "11 21 22 31");
}

TEST_F(ActorTest, tells_two_edges_between_the_same_actors_apart) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(pass(merge:1,merge:2))", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  plan_.edge(1, 2, 2, pb::DISPATCH_HASH);
  build_all();
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  barrier(2, 3);
  EXPECT_EQ(world_.log[21], "| 1..2 > +1 +1 | 2..3 > ");
}

TEST_F(ActorTest, waits_for_a_downstream_that_is_built_later) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build(1);
  barrier(1, 2);
  EXPECT_EQ(waits(11), "actor 21 to connect");
  EXPECT_EQ(collected(1), "");
  build(2);
  sim_.run_until_idle();
  EXPECT_EQ(collected(1), "11 21");
}

TEST_F(ActorTest, parks_the_request_of_a_downstream_that_is_built_first) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build(2);
  barrier(1, 2);
  EXPECT_EQ(node_.actors.parked_requests(), 1U);
  build(1);
  sim_.run_until_idle();
  EXPECT_EQ(node_.actors.parked_requests(), 0U);
  EXPECT_EQ(collected(1), "11 21");
}

TEST_F(ActorTest, says_what_it_waits_for) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "merge:1", {21});
  plan_.fragment(3, "merge:2", {31});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  plan_.edge(2, 3, 2, pb::DISPATCH_SIMPLE);
  build(1);
  build(2);
  barrier(1, 2);
  EXPECT_EQ(waits(11), "input");
  EXPECT_EQ(waits(21), "actor 31 to connect");
  sim_.run_for(5ms);
  for (const ActorStatus& status : node_.actors.status()) EXPECT_GE(status.wait.micros, 4000);
}

TEST_F(ActorTest, sleeps_as_long_as_an_expression_asks_without_a_thread_and_is_named_meanwhile) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(sleep(merge:1))", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 3}, {Op::Insert, 4}});
  world_.wakes[11]();
  sim_.run_for(2s);
  EXPECT_EQ(waits(21), "pg_sleep");
  for (const ActorStatus& status : node_.actors.status()) {
    if (status.actor == ActorId{21}) EXPECT_THAT(status.at_work, ::testing::StartsWith("sleep"));
  }
  manager_->put({{Epoch{2}, Epoch{3}}, BarrierKind::Checkpoint, nullptr});
  sim_.run_for(4s);
  EXPECT_EQ(collected(2), "11") << "the barrier waits behind the rows";
  sim_.run_for(2s);
  EXPECT_EQ(collected(2), "11 21");
}

TEST_F(ActorTest, a_reset_wakes_nobody_up_it_just_ends_them) {
  plan_.fragment(1, "sleep(emit)", {11});
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 3600}});
  world_.wakes[11]();
  sim_.run_for(1s);
  EXPECT_EQ(waits(11), "pg_sleep");
  stop();
}

TEST_F(ActorTest, applies_new_outputs_before_and_takes_old_ones_away_after_the_barrier) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  plan_.leave_out(1);
  build(1);
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  build(2, {Epoch{2}, Epoch{3}});
  barrier(2, 3, testing::mutation([&](pb::Mutation& m) {
            *(*m.mutable_add()->mutable_dispatchers())[11].add_dispatchers() = plan_.dispatcher(11, 1);
          }));
  emit(11, {{Op::Insert, 2}});
  barrier(3, 4, testing::mutation([&](pb::Mutation& m) {
            m.mutable_stop()->add_actors(21);
            m.mutable_stop()->add_fragments(2);
          }));
  emit(11, {{Op::Insert, 3}});
  barrier(4, 5);
  EXPECT_EQ(world_.log[21], "| 2..3 > +2 | 3..4 ");
  EXPECT_EQ(collected(3), "11 21");
  EXPECT_EQ(collected(4), "11");
  EXPECT_EQ(waits(21), "gone");
  EXPECT_EQ(failures(), "");
}

TEST_F(ActorTest, goes_on_without_an_upstream_that_was_stopped) {
  plan_.fragment(1, "emit", {11, 12});
  plan_.fragment(2, "log(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_HASH);
  build_all();
  barrier(1, 2);
  barrier(2, 3, testing::mutation([](pb::Mutation& m) { m.mutable_stop()->add_actors(12); }));
  emit(11, {{Op::Insert, 1}});
  barrier(3, 4);
  EXPECT_EQ(world_.log[21], "| 1..2 > | 2..3 > +1 | 3..4 > ");
  EXPECT_EQ(failures(), "");
}

TEST_F(ActorTest, a_stopping_barrier_goes_through_everything_it_stops) {
  plan_.fragment(1, "log(hold(emit))", {11});
  plan_.fragment(2, "log(hold(merge:1))", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  barrier(2, 3, testing::mutation([](pb::Mutation& m) {
            m.mutable_stop()->add_actors(11);
            m.mutable_stop()->add_actors(21);
          }));
  EXPECT_EQ(world_.log[21], "| 1..2 > +1 | 2..3 ");
  EXPECT_EQ(collected(2), "11 21");
  EXPECT_EQ(world_.alive.load(), 0);
  EXPECT_EQ(failures(), "");
}

TEST_F(ActorTest, pause_stops_generators_but_not_what_was_accepted) {
  plan_.fragment(1, "log(emit)", {11});
  build_all();
  barrier(1, 2, testing::mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  emit(11, {{Op::Insert, 1}});
  EXPECT_EQ(world_.log[11], "| 1..2 > ");
  barrier(2, 3);
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > ") << "before_barrier is not held";
  emit(11, {{Op::Insert, 2}});
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > ");
  give(11, {{Op::Insert, 3}});
  barrier(3, 4, testing::mutation([](pb::Mutation& m) { m.mutable_resume(); }));
  emit(11, {{Op::Insert, 4}});
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > +3 | 3..4 > +4 ");
}

TEST_F(ActorTest, begins_paused_if_it_is_built_so_until_a_resume_names_it) {
  plan_.fragment(1, "log(emit)", {11});
  plan_.paused(1);
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 1}});
  world_.wakes[11]();
  EXPECT_EQ(world_.log[11], "| 1..2 > ");
  barrier(2, 3, testing::mutation([](pb::Mutation& m) { m.mutable_resume()->add_actors(12); }));
  emit(11, {{Op::Insert, 2}});
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > ");
  barrier(3, 4, testing::mutation([](pb::Mutation& m) { m.mutable_resume()->add_actors(11); }));
  emit(11, {{Op::Insert, 3}});
  EXPECT_EQ(world_.log[11], "| 1..2 > +1 | 2..3 > +2 | 3..4 > +3 ");
}

TEST_F(ActorTest, asks_a_generator_again_when_it_said) {
  plan_.fragment(1, "log(tick)", {11});
  build_all();
  barrier(1, 2);
  sim_.run_for(35ms);
  EXPECT_EQ(world_.log[11], "| 1..2 > +0 +1 +2 +3 ");
  barrier(2, 3, testing::mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  sim_.run_for(100ms);
  barrier(3, 4, testing::mutation([](pb::Mutation& m) { m.mutable_resume(); }));
  sim_.run_for(15ms);
  EXPECT_EQ(world_.log[11], "| 1..2 > +0 +1 +2 +3 | 2..3 > | 3..4 > +4 +5 ");
}

TEST_F(ActorTest, an_error_names_operator_actor_and_job_and_ends_the_actor) {
  plan_.fragment(1, "emit", {11});
  plan_.fragment(2, "log(fail(merge:1))", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  EXPECT_EQ(failures(),
            "11: downstream actor 21 has ended (in output to actor 21, actor 11 of fragment 1, job toy)\n"
            "21: division by zero (in fail, actor 21 of fragment 2, job toy)\n");
  EXPECT_EQ(world_.alive.load(), 0);
}

TEST_F(ActorTest, fails_when_a_state_read_fails) {
  plan_.fragment(1, "fail_read(emit)", {11});
  build_all();
  barrier(1, 2);
  emit(11, {{Op::Insert, 1}});
  EXPECT_EQ(failures(), "11: broken block (in fail_read, actor 11 of fragment 1, job toy)\n");
}

TEST_F(ActorTest, waits_for_a_state_read_before_it_lets_go_of_its_operators) {
  plan_.fragment(1, "ask(emit)", {11});
  plan_.fragment(2, "emit", {21});
  plan_.fragment(3, "fail(pass(merge:1,merge:2))", {31});
  plan_.edge(1, 3, 1, pb::DISPATCH_SIMPLE);
  plan_.edge(2, 3, 2, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  give(11, {{Op::Insert, 1}});
  give(21, {{Op::Insert, 2}});
  world_.wakes[11]();
  ASSERT_TRUE(sim_.run_until([&] { return waits(11) == "state read"; }, 1s));
  world_.wakes[21]();
  ASSERT_TRUE(sim_.run_until([&] { return manager_->failures.size() == 3; }, 1s));
  EXPECT_EQ(world_.alive.load(), 2) << "the reader still has them";
  sim_.run_until_idle();
  EXPECT_EQ(world_.alive.load(), 0);
}

TEST_F(ActorTest, refuses_a_barrier_that_does_not_continue_the_chain) {
  plan_.fragment(1, "log(emit)", {11});
  build_all();
  barrier(1, 2);
  barrier(3, 4);
  EXPECT_THAT(failures(), ::testing::StartsWith("11: barrier 3..4 does not continue the chain, which ends at 2"));
}

TEST_F(ActorTest, fails_a_build_with_the_reason) {
  plan_.fragment(1, "unheard", {11});
  build_all();
  EXPECT_EQ(failures(), "11: no toy is called unheard (in actor 11 of fragment 1, job toy)\n");
  plan_.fragment(2, "log(merge:1)", {21});
  build(2);
  sim_.run_until_idle();
  EXPECT_THAT(failures(), ::testing::HasSubstr("21: link 1 has no upstream actor"));
}

TEST_F(ActorTest, a_reset_ends_everything_at_any_moment) {
  for (uint64_t steps = 0; steps < 300; steps += 3) {
    const storage::GraphTerm graph{PartialGraphId{100 + steps}, Term{1}};
    auto manager = std::make_shared<testing::FakeBarrierManager>();
    testing::Topology plan(graph);
    plan.fragment(1, "source", {11, 12});
    plan.fragment(2, "record(ask(merge:1))", {21, 22});
    plan.edge(1, 2, 1, pb::DISPATCH_HASH);
    node_.actors.start_graph(graph);
    for (const uint32_t fragment : {1, 2}) node_.actors.build(graph, plan.build(fragment), {Epoch{1}, Epoch{2}}, manager);
    manager->put({{Epoch{1}, Epoch{2}}, BarrierKind::Initial, nullptr});
    manager->put({{Epoch{2}, Epoch{3}}, BarrierKind::Barrier, nullptr});
    for (uint64_t step = 0; step < steps; ++step) sim_.step();
    bool stopped = false;
    node_.actors.stop_graph(graph, [&] { stopped = true; });
    ASSERT_TRUE(sim_.run_until([&] { return stopped; }, 10s)) << "after " << steps;
    EXPECT_EQ(world_.alive.load(), 0) << "after " << steps;
    sim_.run_until_idle();
    EXPECT_TRUE(node_.actors.status().empty());
  }
}

TEST_F(ActorTest, takes_only_what_is_in_front_of_a_barrier_when_nothing_can_be_given_back_before_it) {
  testing::Playground world;
  world.source_rows_per_epoch = 100'000'000;
  world.source_chunk = 1000;
  testing::Node small(sim_, world, WorkerId{1}, 10'000'000);
  small.actors.start_graph(kGraph);
  plan_.fragment(1, "source", {11});
  plan_.fragment(2, "dirty(merge:1)", {21});
  plan_.edge(1, 2, 1, pb::DISPATCH_HASH);
  for (const uint32_t fragment : {1, 2}) small.actors.build(kGraph, plan_.build(fragment), {Epoch{1}, Epoch{2}}, manager_);
  sim_.run_until_idle();
  constexpr size_t kHeld = 10'000'000 + 2'500'000 + (1 << 20) + 4'096'000;  // and the last chunk
  for (uint64_t epoch = 1; epoch < 6; ++epoch) {
    barrier(epoch, epoch + 1);
    EXPECT_LE(small.budget.used(), kHeld) << "epoch " << epoch;
    EXPECT_GE(small.budget.used(), 10'000'000U) << "epoch " << epoch << ": it went on after the barrier";
    std::string waits;
    for (const ActorStatus& actor : small.actors.status()) waits += fmt::format("{}: {} ", actor.actor, actor.waiting_for);
    EXPECT_EQ(waits, "11: output to actor 21: no budget 21: memory: the next barrier, after which state can be evicted ");
  }
  bool stopped = false;
  small.actors.stop_graph(kGraph, [&] { stopped = true; });
  EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 1s));
}

TEST_F(ActorTest, gives_state_back_when_the_node_is_over_its_budget) {
  testing::Playground world;
  testing::Node small(sim_, world, WorkerId{1}, 10'000);
  small.actors.start_graph(kGraph);
  plan_.fragment(1, "greedy(greedy(emit))", {11});
  small.actors.build(kGraph, plan_.build(1), {Epoch{1}, Epoch{2}}, manager_);
  sim_.run_until_idle();
  barrier(1, 2);
  for (int i = 0; i < 20; ++i) {
    world.to_emit[11] = one_column({{Op::Insert, i}});
    world.wakes[11]();
    sim_.run_until_idle();
    EXPECT_LE(small.budget.used(), 12'000U);
  }
  EXPECT_GE(world.evicted, 28'000U);
  bool stopped = false;
  small.actors.stop_graph(kGraph, [&] { stopped = true; });
  EXPECT_TRUE(sim_.run_until([&] { return stopped; }, 1s));
}

}  // namespace
}  // namespace penstock::stream
