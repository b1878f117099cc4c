#include "meta/barrier/checkpoint_control.h"

#include "unit/meta/checkpoint_fixture.h"

namespace penstock::meta {
namespace {

using testing::CheckpointControlTest;

TEST_F(CheckpointControlTest, an_empty_database_runs_without_barriers) {
  run(R"(
    ready 1        =>
    @5000 tick     =>
    flush 1        => flushed 1 at 0
  )");
  EXPECT_FALSE(world_.control().recovering());
}

TEST_F(CheckpointControlTest, a_job_waits_for_the_first_node) {
  world_.add(testing::table("t"));
  run(R"(
    create 1       =>
    @10 ready 1    => 1:create(0), 1:initial 0..0, 1:checkpoint 0..10 a1,2 b1,2 +add
  )");
}

TEST_F(CheckpointControlTest, commits_only_after_every_node_and_then_tells_them) {
  with_running_table();
  run(R"(
    @999 tick      =>
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 2      =>
    collect 1      => commit 1
    commit         => 1:committed 1, 2:committed 1
  )");
  EXPECT_EQ(testing::ControlWorld::show(world_.model().committed(PartialGraphId{1})), 1);
}

TEST_F(CheckpointControlTest, commits_in_order_one_at_a_time_although_nodes_run_ahead) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    @2000 tick     => 1:checkpoint 1000..2000 a1 t1, 2:checkpoint 1000..2000 a2 t1
    collect 1      =>
    collect 1      =>
    collect 2      => commit 1
    collect 2      =>
    commit         => 1:committed 1, 2:committed 1, commit 1000
    commit         => 1:committed 1000, 2:committed 1000
  )");
}

TEST_F(CheckpointControlTest, a_node_killed_after_the_other_reported_keeps_the_epoch_uncommitted) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 seg=9 =>
    lost 2         => 1:reset
    reset 1        => term ended at 0, 1:create(0)
  )");
  EXPECT_TRUE(world_.control().recovering());
  EXPECT_TRUE(world_.model().segments(PartialGraphId{1}, WorkerId{1}).empty());
  EXPECT_EQ(testing::ControlWorld::show(world_.model().committed(PartialGraphId{1})), 0);
}

TEST_F(CheckpointControlTest, waits_for_the_node_that_owns_vnodes_and_says_for_whom) {
  with_running_table();
  run(R"(
    lost 2         => 1:reset
    reset 1        => term ended at 0, 1:create(0)
    @3000 tick     =>
  )");
  EXPECT_EQ(world_.control().recovery_reason(),
            "lost node 2 (host:2, uuid uuid-2): gone; waits for node 2 (host:2, uuid uuid-2), which owns vnodes 4-7 of t");
  EXPECT_EQ(world_.control().standstill_reason(JobId{1}, world_.now()),
            "waits for node 2 (host:2, uuid uuid-2), away for 3.0 s: gone, which owns its vnodes 4-7");
  run(R"(
    ready 2        => 2:create(0), 1:initial 0..3000 a1 t1 b1, 2:initial 0..3000 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 3000..3001 a1 t1, 2:checkpoint 3000..3001 a2 t1
  )");
  EXPECT_FALSE(world_.control().recovering());
}

TEST_F(CheckpointControlTest, a_lost_node_is_the_cause_and_not_the_job_whose_channel_it_closed) {
  with_running_table();
  world_.apply({"fail", "1", "1", "9"});  // a closed channel, heard of before the loss
  run(R"(
    lost 2         =>
    reset 1        => term ended at 0, 1:create(0)
  )");
  EXPECT_TRUE(world_.control().recovery_reason().starts_with("lost node 2")) << world_.control().recovery_reason();
  EXPECT_TRUE(world_.control().job_errors().empty());
}

TEST_F(CheckpointControlTest, the_first_checkpoint_after_a_recovery_is_at_once_whatever_the_interval) {
  with_running_table();
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 2..3 a1 t1, 2:checkpoint 2..3 a2 t1
  )");
}

TEST_F(CheckpointControlTest, waits_for_a_running_commit_before_it_resets_and_tells_the_nodes_of_it) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 seg=4 =>
    collect 2 seg=8 => commit 1
    fail 1 1       =>
    commit         => 1:committed 1, 2:committed 1, 1:reset, 2:reset
    reset 2        =>
    reset 1        => term ended at 1, 1:create(1)[s4], 2:create(1)[s8], 1:initial 1..1001 a1 t1 b1, 2:initial 1..1001 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, drops_checkpoints_that_a_failure_has_overtaken) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    @2000 tick     => 1:checkpoint 1000..2000 a1 t1, 2:checkpoint 1000..2000 a2 t1
    collect 1      =>
    collect 2      => commit 1
    collect 1 seg=5 =>
    collect 2 seg=6 =>
    fail 1 1       =>
    commit         => 1:committed 1, 2:committed 1, 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 1, 1:create(1), 2:create(1), 1:initial 1..2001 a1 t1 b1, 2:initial 1..2001 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, segments_leave_the_list_when_their_node_has_flushed_them) {
  with_running_table();
  run(R"(
    @1000 tick          => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 seg=4     =>
    collect 2           => commit 1
    commit              => 1:committed 1, 2:committed 1
    @2000 tick          => 1:checkpoint 1000..2000 a1 t1, 2:checkpoint 1000..2000 a2 t1
    collect 1 seg=5 flushed=4 =>
    collect 2           => commit 1000
    commit              => 1:committed 1000 struck 4, 2:committed 1000
  )");
  const auto& segments = world_.model().segments(PartialGraphId{1}, WorkerId{1});
  EXPECT_EQ(segments.size(), 1U);
  EXPECT_TRUE(segments.contains(5));
  EXPECT_EQ(world_.model().worker(WorkerId{1})->highest_segment(), 5U);
}

TEST_F(CheckpointControlTest, periodic_barriers_pause_while_too_many_are_in_flight_and_commands_do_not) {
  with_running_table();
  for (int i = 1; i <= 16; ++i) world_.apply({fmt::format("@{}", i * 1000), "tick"});
  world_.add(testing::view_on("v", 1));
  run(R"(
    @17000 tick    =>
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..16000, 2/2:initial 0..16000, 1:checkpoint 16000..17000 a1 t1 +add, 2:checkpoint 16000..17000 a2 t1 +add, 1/2:checkpoint 16000..17000 a3 b3 +add, 2/2:checkpoint 16000..17000 a4 b4 +add
  )");
}

TEST_F(CheckpointControlTest, flushes_and_early_checkpoints_share_the_next_barrier_and_come_at_most_every_20_ms) {
  with_running_table();
  run(R"(
    @100 flush 1   => 1:checkpoint 1..100 a1 t1, 2:checkpoint 1..100 a2 t1
    @105 flush 2   =>
    checkpoint     =>
    flush 3        =>
    @119 tick      =>
    @120 tick      => 1:checkpoint 100..120 a1 t1, 2:checkpoint 100..120 a2 t1
    collect 1      =>
    collect 2      => commit 1
    commit         => 1:committed 1, 2:committed 1, flushed 1 at 1
    collect 1      =>
    collect 2      => commit 100
    commit         => 1:committed 100, 2:committed 100, flushed 2 at 100, flushed 3 at 100
  )");
}

TEST_F(CheckpointControlTest, every_nth_barrier_is_a_checkpoint_and_those_between_commit_nothing) {
  CheckpointControl::Options options;
  options.schedule.checkpoint_frequency = 3;
  testing::ControlWorld world(options);
  world.start_clock();
  world.nodes(1);
  world.start();
  world.add(testing::table("t", 1));
  world.run(R"(
    ready 1     =>
    create 1    => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1 b1 +add
    collect 1   =>
    collect 1   => commit 0
    commit      => 1:committed 0, created 1
    @1000 tick  => 1:barrier 1..1000 a1 t1
    collect 1   =>
    @2000 tick  => 1:barrier 1000..2000 a1 t1
    @3000 tick  => 1:checkpoint 2000..3000 a1 t1
    collect 1   =>
    collect 1   => commit 2000
    commit      => 1:committed 2000
  )");
}

TEST_F(CheckpointControlTest, says_so_when_a_barrier_is_stuck_and_again_later) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1      =>
  )");
  for (int i = 2; i <= 10; ++i) world_.apply({fmt::format("@{}", i * 1000), "tick"});
  EXPECT_NE(world_.apply({"@11000", "tick"}).find("stuck 1 2"), std::string::npos);
  EXPECT_EQ(world_.apply({"@12000", "tick"}).find("stuck"), std::string::npos);
  EXPECT_NE(world_.apply({"@21000", "tick"}).find("stuck 1 2"), std::string::npos);
}

TEST_F(CheckpointControlTest, asks_for_a_lease_before_it_uses_an_epoch_beyond_it) {
  with_running_table();
  world_.epochs() = EpochGenerator(testing::ControlWorld::kEpochZero + 500);
  run("@1000 tick => lease");
  world_.epochs().on_leased(testing::ControlWorld::kEpochZero + 10'000);
  run("tick => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1");
}

TEST_F(CheckpointControlTest, offsets_become_durable_with_the_checkpoint_and_come_back_with_the_actors) {
  world_.add(testing::source("s"));
  world_.add(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a.csv", "x"}, {"b.csv", "y"}}}});
  run(R"(
    ready 1        =>
    ready 2        =>
    create 2       => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1/2:create(0), 2/2:create(0), 1/2:initial 0..0, 2/2:initial 0..0, 1:checkpoint 0..1 +add, 2:checkpoint 0..1 +add, 1/2:checkpoint 0..1 a1,3 b1,3 +add, 2/2:checkpoint 0..1 a2,4 b2,4 +add
    collect 1      =>
    collect 2      =>
    collect 1 split=1/0/begin =>
    collect 2      => commit 0
    commit         => 1:committed 0 with 2, 2:committed 0 with 2, created 2, 1/2:merge 1, 2/2:merge 1
    @1000 tick     => 1:checkpoint 1..1000 a1,3 t1,2, 2:checkpoint 1..1000 a2,4 t1,2
    collect 1 split=1/0/100   =>
    collect 2 split=2/1/200   => commit 1
    @2000 tick     => 1:checkpoint 1000..2000 a1,3 t1,2, 2:checkpoint 1000..2000 a2,4 t1,2
    commit         => 1:committed 1, 2:committed 1
    collect 1 split=1/0/999   =>
    lost 2         => 1:reset
    reset 1        => term ended at 1, 1:create(1)
    ready 2        => 2:create(1), 1:initial 1..2001 a1,3 t1,2 b1,3, 2:initial 1..2001 a2,4 t1,2 b2,4
  )");
  const pb::BuildActor& first = world_.last_sent(1).inject_barrier().build(0).actors(0);
  ASSERT_EQ(first.splits_size(), 1);
  EXPECT_EQ(first.splits(0).id(), "a.csv");
  EXPECT_EQ(first.splits(0).offset(), "100");
  EXPECT_EQ(world_.last_sent(2).inject_barrier().build(0).actors(0).splits(0).offset(), "200");
}

TEST_F(CheckpointControlTest, a_new_split_is_given_to_one_actor_once_although_commands_follow_each_other) {
  world_.add(testing::source("s"));
  world_.add(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a", ""}}}});
  run(R"(
    ready 1        =>
    ready 2        =>
    create 2       => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1/2:create(0), 2/2:create(0), 1/2:initial 0..0, 2/2:initial 0..0, 1:checkpoint 0..1 +add, 2:checkpoint 0..1 +add, 1/2:checkpoint 0..1 a1,3 b1,3 +add, 2/2:checkpoint 0..1 a2,4 b2,4 +add
  )");
  ASSERT_TRUE(world_.model().apply(adopt_listing(world_.model(), ObjectId{1}, {{"a", ""}, {"b", ""}})).has_value());
  run("splits 2 => 1:checkpoint 1..2 +splits, 2:checkpoint 1..2 +splits, 1/2:checkpoint 1..2 a1,3 t1,2 +splits, 2/2:checkpoint 1..2 a2,4 "
      "t1,2 +splits");
  const auto& given = world_.last_sent(1).inject_barrier().barrier().mutation().source_change_split().splits();
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given.at(2).splits(0).id(), "b");
  run("splits 2 =>");
  ASSERT_TRUE(world_.model().apply(adopt_listing(world_.model(), ObjectId{1}, {{"c", ""}})).has_value());
  run("splits 2 => 1:checkpoint 2..3 +splits, 2:checkpoint 2..3 +splits, 1/2:checkpoint 2..3 a1,3 t1,2 +splits, 2/2:checkpoint 2..3 a2,4 "
      "t1,2 +splits");
  const auto& more = world_.last_sent(1).inject_barrier().barrier().mutation().source_change_split().splits();
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more.begin()->second.splits_size(), 2);
}

TEST_F(CheckpointControlTest, the_trace_of_a_barrier_keeps_its_time_line) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    @1010 collect 1 =>
    @1020 collect 2 => commit 1
    @1025 commit   => 1:committed 1, 2:committed 1
  )");
  const BarrierTrace& trace = world_.control().traces().back();
  EXPECT_EQ(trace.collected, 20'000);
  EXPECT_EQ(trace.committed, 25'000);
  EXPECT_EQ(trace.outcome, "committed");
}

}  // namespace
}  // namespace penstock::meta
