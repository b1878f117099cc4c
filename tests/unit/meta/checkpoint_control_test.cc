#include "meta/barrier/checkpoint_control.h"

#include <gtest/gtest.h>

#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// Two nodes of one core each. Ids: objects from 1, tables from 1, actors from 1, as they are made.
class CheckpointControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.start_clock();
    world_.nodes(2);
    world_.start();
  }
  void run(std::string_view script) { world_.run(script); }
  /// Table 1 with actors 1 (node 1) and 2 (node 2) runs; the clock is at 0, the last barrier began epoch 3.
  void with_table() {
    world_.add(testing::table("t"));
    run(R"(
      ready 1     =>
      ready 2     =>
      create 1    => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1:checkpoint 0..1 a1 b1 +add, 2:checkpoint 0..1 a2 b2 +add
    )");
  }
  /// The same, its first barrier committed.
  void with_running_table() {
    with_table();
    run(R"(
      collect 1   =>
      collect 2   =>
      collect 1   =>
      collect 2   => commit 0
      commit      => 1:committed 0, 2:committed 0, created 1
    )");
  }

  testing::ControlWorld world_{{.command_patience = {}}};  // a command does not wait for others to share its barrier
};

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

TEST_F(CheckpointControlTest, a_view_with_backfill_is_created_when_its_actors_are_done_and_a_checkpoint_committed) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2              => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1             =>
    collect 2             => commit 1
    commit                => 1:committed 1 with 2, 2:committed 1 with 2
    @1002 tick            => 1:checkpoint 2..1002 a1 t1, 2:checkpoint 2..1002 a2 t1, 1/2:checkpoint 2..1002 a3 t2,3, 2/2:checkpoint 2..1002 a4 t2,3
    collect 1 done=3      =>
    collect 2             => commit 2
    commit                => 1:committed 2 with 2, 2:committed 2 with 2
    @2002 tick            => 1:checkpoint 1002..2002 a1 t1, 2:checkpoint 1002..2002 a2 t1, 1/2:checkpoint 1002..2002 a3 t2,3, 2/2:checkpoint 1002..2002 a4 t2,3
    collect 1             =>
    collect 2 done=4      => commit 1002
    commit                => 1:committed 1002 with 2, 2:committed 1002 with 2, created 2, 1/2:merge 2002, 2/2:merge 2002
  )");
  EXPECT_EQ(world_.model().object(ObjectId{2})->state(), pb::JOB_CREATED);
}

TEST_F(CheckpointControlTest, upstream_actors_get_outputs_to_a_new_view_on_their_own_node) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  world_.apply({"create", "2"});
  const pb::AddMutation& add = world_.last_sent(1).inject_barrier().barrier().mutation().add();
  ASSERT_EQ(add.dispatchers().size(), 2U);
  const pb::Dispatcher& to_first = add.dispatchers().at(1).dispatchers(0);
  EXPECT_EQ(to_first.actors_size(), 1);
  EXPECT_EQ(to_first.actors(0).actor_id(), 3U);
  EXPECT_EQ(to_first.actors(0).worker_id(), 1U);
  EXPECT_EQ(to_first.actors(0).endpoint(), "host:1");
  EXPECT_EQ(add.dispatchers().at(2).dispatchers(0).actors(0).actor_id(), 4U);
  const pb::BuildActor& built = world_.last_sent(1).inject_barrier().build(0).actors(0);
  EXPECT_EQ(built.upstreams(0).actors(0).actor_id(), 1U);
  EXPECT_EQ(built.upstreams(0).link(), to_first.link());
}

TEST_F(CheckpointControlTest, a_creating_view_goes_on_after_a_recovery_with_what_its_actors_had_done) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2              => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1             =>
    collect 2             => commit 1
    commit                => 1:committed 1 with 2, 2:committed 1 with 2
    @1002 tick            => 1:checkpoint 2..1002 a1 t1, 2:checkpoint 2..1002 a2 t1, 1/2:checkpoint 2..1002 a3 t2,3, 2/2:checkpoint 2..1002 a4 t2,3
    collect 1 done=3      =>
    collect 2             => commit 2
    commit                => 1:committed 2 with 2, 2:committed 2 with 2
    fail 2 4              => 1:reset+2, 2:reset+2
    reset 1               =>
    reset 2               => term ended at 2, 1:create(2), 2:create(2), 1/2:create(2), 2/2:create(2), 1:initial 2..1003 a1 t1 b1, 2:initial 2..1003 a2 t1 b2, 1/2:initial 2..1003 a3 t2,3 b3, 2/2:initial 2..1003 a4 t2,3 b4
    collect 1             =>
    collect 2             => 1:checkpoint 1003..1004 a1 t1, 2:checkpoint 1003..1004 a2 t1, 1/2:checkpoint 1003..1004 a3 t2,3, 2/2:checkpoint 1003..1004 a4 t2,3
    collect 1             =>
    collect 2 done=4      => commit 1003
    commit                => 1:committed 1003 with 2, 2:committed 1003 with 2, created 2, 1/2:merge 1004, 2/2:merge 1004
  )");
}

TEST_F(CheckpointControlTest, a_creation_whose_barrier_dies_with_a_node_is_made_again) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    lost 2         => 1:reset+2
    reset 1        => term ended at 0, 1:create(0)
    ready 2        => 2:create(0), 1:initial 0..3 a1 t1 b1, 2:initial 0..3 a2 t1 b2
    collect 1      =>
    collect 2      => 1/2:create(0), 2/2:create(0), 1/2:initial 0..3, 2/2:initial 0..3, 1:checkpoint 3..4 a1 t1 +add, 2:checkpoint 3..4 a2 t1 +add, 1/2:checkpoint 3..4 a5 b5 +add, 2/2:checkpoint 3..4 a6 b6 +add
    collect 1      =>
    collect 2      => commit 3
    commit         => 1:committed 3 with 2, 2:committed 3 with 2
  )");
  EXPECT_NE(world_.model().placement(ObjectId{2}), nullptr);
}

TEST_F(CheckpointControlTest, a_creation_that_fails_resets_its_own_graph_and_the_barriers_go_on_without_it) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    fail 1 3 10 2  => 1:reset2, 2:reset2, 1:checkpoint 2..3 a1 t1 +stop, 2:checkpoint 2..3 a2 t1 +stop
    reset 1        =>
    collect 1      =>
    collect 2      => commit 1
    reset 2 4 100  =>
    commit         => 1:committed 1, 2:committed 1, failed 2
    drop 2         =>
    collect 1      =>
    collect 2      => commit 2
    commit         => 1:committed 2, 2:committed 2
    @1003 tick     => 1:checkpoint 3..1003 a1 t1, 2:checkpoint 3..1003 a2 t1
  )");
  EXPECT_EQ(world_.control().recoveries(), 0U) << "the table did not notice";
}

TEST_F(CheckpointControlTest, a_creation_whose_barrier_is_lost_again_and_again_is_given_up) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  world_.apply({"create", "2"});
  std::string last;
  for (int i = 0; i < 5; ++i) {
    world_.apply({"lost", "2"});
    last = world_.apply({"reset", "1"});
    world_.apply({"ready", "2"});
    world_.apply({"collect", "1"});
    world_.apply({"collect", "2"});
  }
  EXPECT_EQ(last, "term ended at 0, failed 2, 1:create(0)");
}

TEST_F(CheckpointControlTest, a_drop_of_a_creating_job_resets_its_graph_at_once_and_no_barrier_waits_for_it) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    drop 2         => 1:reset2, 2:reset2, 1:checkpoint 2..3 a1 t1 +stop, 2:checkpoint 2..3 a2 t1 +stop
    collect 1      =>
    collect 2      => commit 1
    commit         => 1:committed 1, 2:committed 1
    collect 1      =>
    collect 2      => commit 2
    commit         => 1:committed 2, 2:committed 2
    reset 1        =>
    reset 2        =>
    @1003 tick     => 1:checkpoint 3..1003 a1 t1, 2:checkpoint 3..1003 a2 t1
  )");
  EXPECT_EQ(world_.model().placement(ObjectId{2}), nullptr);
}

TEST_F(CheckpointControlTest, the_last_drop_removes_the_graph_and_the_next_job_begins_a_new_term) {
  with_running_table();
  const Term before = world_.control().graph().term;
  run(R"(
    drop 1         => 1:checkpoint 1..2 a1 t1 +stop, 2:checkpoint 1..2 a2 t1 +stop
    collect 1      =>
    collect 2      => commit 1
    commit         => 1:committed 1, 2:committed 1, 1:remove, 2:remove, term ended at 1
    @5000 tick     =>
  )");
  EXPECT_GT(world_.control().graph().term, before);
  world_.add(testing::table("u", 1));
  run("create 2 => 1:create(1), 1:initial 1..2, 1:checkpoint 2..5000 a3 b3 +add");
}

TEST_F(CheckpointControlTest, a_drop_during_recovery_takes_effect_in_it) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1      =>
    collect 2      => commit 1
    commit         => 1:committed 1 with 2, 2:committed 1 with 2
    fail 1 3       => 1:reset+2, 2:reset+2
    reset 1        =>
    drop 2         =>
    reset 2        => term ended at 1, 1:create(1), 2:create(1), 1:initial 1..3 a1 t1 b1, 2:initial 1..3 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, a_drop_of_a_creating_job_that_recovery_is_building_leaves_the_attempt_alone) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1      =>
    collect 2      => commit 1
    commit         => 1:committed 1 with 2, 2:committed 1 with 2
    fail 1 3       => 1:reset+2, 2:reset+2
    reset 1        =>
    reset 2        => term ended at 1, 1:create(1), 2:create(1), 1/2:create(1), 2/2:create(1), 1:initial 1..3 a1 t1 b1, 2:initial 1..3 a2 t1 b2, 1/2:initial 1..3 a3 t2,3 b3, 2/2:initial 1..3 a4 t2,3 b4
    drop 2         => 1:reset2, 2:reset2
    collect 1      =>
    collect 2      => 1:checkpoint 3..4 a1 t1 +stop, 2:checkpoint 3..4 a2 t1 +stop
  )");
}

TEST_F(CheckpointControlTest, a_drop_of_the_job_that_waits_for_a_node_ends_the_waiting) {
  with_running_table();
  run(R"(
    lost 2         => 1:reset
    reset 1        => term ended at 0, 1:create(0)
    drop 1         => 1:remove, term ended at 0
  )");
  EXPECT_FALSE(world_.control().recovering());
}

TEST_F(CheckpointControlTest, commands_and_flushes_wait_while_it_recovers) {
  with_running_table();
  world_.add(testing::table("u", 2));
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    create 2       =>
    flush 7        =>
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 2..3 a1,3 t1 b3 +add, 2:checkpoint 2..3 a2,4 t1 b4 +add
    collect 1      =>
    collect 2      => commit 2
    commit         => 1:committed 2, 2:committed 2, flushed 7 at 2, created 2
  )");
}

TEST_F(CheckpointControlTest, a_flush_whose_barrier_died_runs_again_in_the_next_term) {
  with_running_table();
  run(R"(
    @100 flush 7   => 1:checkpoint 1..100 a1 t1, 2:checkpoint 1..100 a2 t1
    collect 1      =>
    fail 2 2       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..101 a1 t1 b1, 2:initial 0..101 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 101..102 a1 t1, 2:checkpoint 101..102 a2 t1
    collect 1      =>
    collect 2      => commit 101
    commit         => 1:committed 101, 2:committed 101, flushed 7 at 101
  )");
}

TEST_F(CheckpointControlTest, backs_off_after_failures_in_a_row_but_not_before_the_first_attempt) {
  with_running_table();
  std::vector<double> delays;
  int64_t at = 0;
  for (int i = 0; i < 12; ++i) {
    world_.apply({"fail", "1", "0"});  // of no job
    world_.apply({"reset", "1"});
    std::string effects = world_.apply({"reset", "2"});
    const int64_t from = at;
    while (effects.find("initial") == std::string::npos) {
      ASSERT_LT(at - from, 6000);
      effects = world_.apply({fmt::format("@{}", ++at), "tick"});
    }
    delays.push_back(static_cast<double>(at - from));
  }
  EXPECT_EQ(delays[0], 0);
  for (size_t i = 1; i < delays.size(); ++i) {
    const double most = std::min(20.0 * (1 << (i - 1)), 5000.0);
    EXPECT_LE(delays[i], most + 1) << i;
    EXPECT_GE(delays[i], most * 0.75) << i;
  }
}

TEST_F(CheckpointControlTest, a_job_that_fails_the_graph_again_and_again_is_left_out_with_all_that_read_it) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1 done=3 =>
    collect 2 done=4 => commit 1
    commit         => 1:committed 1 with 2, 2:committed 1 with 2, created 2, 1/2:merge 2, 2/2:merge 2
  )");
  int64_t at = 10;
  for (int i = 0; i < 4; ++i) {
    world_.apply({"fail", "1", "3"});
    world_.apply({"reset", "1"});
    std::string effects = world_.apply({"reset", "2"});
    while (effects.find("initial") == std::string::npos) effects = world_.apply({fmt::format("@{}", ++at), "tick"});
  }
  run(R"(
    fail 1 3       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => quarantine 2, term ended at 1
    @9000 tick     =>
    quarantined 2  => 1:create(1), 2:create(1), 1:initial 1..9000 a1 t1 b1, 2:initial 1..9000 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 9000..9001 a1 t1, 2:checkpoint 9000..9001 a2 t1
  )");
  EXPECT_EQ(world_.model().object(ObjectId{2})->state(), pb::JOB_QUARANTINED);
  EXPECT_EQ(testing::ControlWorld::show(world_.model().object(ObjectId{2})->stale_since()), 1);
  run("drop 2 =>");
}

TEST_F(CheckpointControlTest, errors_that_may_pass_are_borne_for_half_a_minute_and_consequences_of_others_for_ever) {
  with_running_table();
  const auto quarantined_after = [&](const std::string& score) {
    const int64_t from = world_.now().mono.nanos / 1'000'000;
    int64_t at = from;
    while (at - from < 120'000) {
      world_.apply({"fail", "1", "1", score});
      world_.apply({"reset", "1"});
      std::string effects = world_.apply({"reset", "2"});
      if (effects.find("quarantine 1") != std::string::npos) break;
      while (effects.find("initial") == std::string::npos) effects = world_.apply({fmt::format("@{}", ++at), "tick"});
    }
    return at - from;
  };
  EXPECT_GE(quarantined_after("10"), 120'000);
  const int64_t borne = quarantined_after("50");
  EXPECT_GE(borne, 30'000);
  EXPECT_LE(borne, 36'000);
}

TEST_F(CheckpointControlTest, failures_far_apart_do_not_add_up_to_quarantine) {
  with_running_table();
  for (int i = 1; i <= 8; ++i) {
    world_.apply({fmt::format("@{}", i * 20'000), "tick"});
    world_.apply({"fail", "1", "1"});
    world_.apply({"reset", "1"});
    ASSERT_NE(world_.apply({"reset", "2"}).find("initial"), std::string::npos) << i;
    world_.apply({"collect", "1"});
    world_.apply({"collect", "2"});
  }
}

TEST_F(CheckpointControlTest, does_not_back_off_when_a_node_was_lost) {
  with_running_table();
  for (int i = 0; i < 5; ++i) {
    world_.apply({"lost", "2"});
    world_.apply({"reset", "1"});
    EXPECT_NE(world_.apply({"ready", "2"}).find("initial"), std::string::npos);
    world_.apply({"collect", "1"});
    EXPECT_NE(world_.apply({"collect", "2"}).find("checkpoint"), std::string::npos);
  }
}

TEST_F(CheckpointControlTest, what_a_node_says_of_an_ended_term_changes_nothing) {
  with_running_table();
  const GraphTerm old_term = world_.control().graph();
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
  )");
  BarrierCompleted complete{WorkerId{1}, {}};
  to_pb(old_term, complete.report.mutable_graph());
  complete.report.set_kind(pb::BARRIER_INITIAL);
  EXPECT_EQ(world_.handle(complete), "");
  EXPECT_EQ(world_.handle(GraphFailed{WorkerId{1}, old_term, {}}), "");
  EXPECT_EQ(world_.handle(GraphReset{WorkerId{1}, old_term, std::nullopt}), "");
  EXPECT_EQ(world_.control().stale_events(), 3U);
  run(R"(
    collect 1      =>
    collect 2      => 1:checkpoint 2..3 a1 t1, 2:checkpoint 2..3 a2 t1
  )");
}

TEST_F(CheckpointControlTest, a_node_that_completes_what_it_does_not_owe_fails_the_graph) {
  with_running_table();
  BarrierCompleted complete{WorkerId{1}, {}};
  to_pb(world_.control().graph(), complete.report.mutable_graph());
  complete.report.set_epoch(99);
  complete.report.set_kind(pb::BARRIER_CHECKPOINT);
  EXPECT_EQ(world_.handle(complete), "1:reset, 2:reset");
}

TEST_F(CheckpointControlTest, a_node_that_does_not_answer_a_reset_is_disconnected) {
  with_running_table();
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    reset 1        =>
    @9999 tick     =>
    @10000 tick    => disconnect 2
    lost 2         => term ended at 0, 1:create(0)
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

TEST_F(CheckpointControlTest, a_restarted_meta_goes_on_from_the_committed_epoch_in_a_new_term) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 seg=4 =>
    collect 2      => commit 1
    commit         => 1:committed 1, 2:committed 1
  )");
  const Term before = world_.control().graph().term;
  world_.restart();
  run(R"(
    ready 1        => 1:create(1)[s4]
    ready 2        => 2:create(1), 1:initial 1..1001 a1 t1 b1, 2:initial 1..1001 a2 t1 b2
  )");
  EXPECT_GT(world_.control().graph().term, before);
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

TEST_F(CheckpointControlTest, a_transaction_is_named_by_a_checkpoint_that_comes_soon) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 on=2/2 key=5  => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1 +x7, named 7
    @501 txn 8 on=1/1 key=6         =>
    @520 tick                       => 1:checkpoint 500..520 a1 t1 +x8, 2:checkpoint 500..520 a2 t1, named 8
    collect 1                       =>
    collect 2                       => commit 1
    commit                          => 1:committed 1, 2:committed 1
  )");
}

TEST_F(CheckpointControlTest, a_barrier_that_is_no_checkpoint_names_none) {
  testing::ControlWorld world({.schedule = {.interval = std::chrono::milliseconds(10), .checkpoint_frequency = 100}});
  world.start_clock();
  world.nodes(1);
  world.start();
  world.add(testing::table("t"));
  world.run(R"(
    ready 1             =>
    create 1            => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1,2 b1,2 +add
    collect 1           =>
    collect 1           => commit 0
    commit              => 1:committed 0, created 1
    @5 txn 7 on=1/1     =>
    @11 tick            => 1:barrier 1..11 a1,2 t1
    @20 tick            => 1:checkpoint 11..20 a1,2 t1 +x7, named 7
  )");
}

TEST_F(CheckpointControlTest, a_second_change_of_a_row_that_was_read_before_is_refused_and_its_rows_are_dropped) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 key=5    => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1, named 7
    @501 txn 8 on=2/2 key=5    =>
    @520 tick                  => 1:checkpoint 500..520 a1 t1 -x8, 2:checkpoint 500..520 a2 t1 -x8, conflict 8
    collect 1 changed=1        =>
    collect 2                  => commit 1
    commit                     => 1:committed 1, 2:committed 1
    @540 txn 9 on=2/2 key=5    => 1:checkpoint 520..540 a1 t1, 2:checkpoint 520..540 a2 t1 +x9, named 9
  )");
}

TEST_F(CheckpointControlTest, rows_that_came_without_a_transaction_are_changes_too) {
  with_running_table();
  run(R"(
    @1000 tick                 => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 changed=1        =>
    collect 2                  => commit 1
  )");
  world_.run("commit => 1:committed 1, 2:committed 1");
  run(R"(
    @1020 txn 7 on=1/1 whole=5 => 1:checkpoint 1000..1020 a1 t1 +x7, 2:checkpoint 1000..1020 a2 t1, named 7
  )");
}

TEST_F(CheckpointControlTest, a_transaction_of_an_older_term_is_gone) {
  with_running_table();
  run(R"(
    txn 7 stale on=1/1         => gone 7
    txn 8                      => gone 8
  )");
}

TEST_F(CheckpointControlTest, a_recovery_before_it_is_named_ends_a_transaction) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 key=5    => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1, named 7
    @501 txn 8 on=2/2 key=6    =>
    @502 lost 2                => 1:reset
    @503 txn 9 on=1/1          =>
    reset 1                    => term ended at 0, gone 8, gone 9, 1:create(0)
    @504 txn 10 on=1/1         =>
    ready 2                    => 2:create(0), 1:initial 0..504 a1 t1 b1, 2:initial 0..504 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, a_transaction_named_by_a_barrier_that_a_recovery_ends_is_lost_with_its_term) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 on=2/2   => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1 +x7, named 7
    collect 1                  =>
    @501 lost 2                => 1:reset
    reset 1                    => term ended at 0, 1:create(0)
  )");
}

TEST_F(CheckpointControlTest, a_transaction_may_ride_the_barrier_that_drops_its_table_but_no_later_one) {
  with_running_table();
  world_.add(testing::table("u"));
  run(R"(
    @100 create 2              => 1:checkpoint 1..100 a1,3 t1 b3 +add, 2:checkpoint 1..100 a2,4 t1 b4 +add
    @101 txn 7 on=1/3 on=2/2   =>
    @102 drop 2                => 1:checkpoint 100..102 a1,3 t1,2 +stop +x7, 2:checkpoint 100..102 a2,4 t1,2 +stop +x7, named 7
    @103 txn 8 on=1/3 on=2/2   =>
    @122 tick                  => 1:checkpoint 102..122 a1 t1 -x8, 2:checkpoint 102..122 a2 t1 -x8, gone 8
  )");
}

TEST_F(CheckpointControlTest, rows_held_for_a_frontend_that_is_gone_are_dropped) {
  with_running_table();
  run(R"(
    @1000 tick                 => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 held=7           =>
    collect 2                  => commit 1
    commit                     => 1:committed 1, 2:committed 1
    @62000 tick                => 1:checkpoint 1000..62000 a1 t1 -x7, 2:checkpoint 1000..62000 a2 t1 -x7
    @62000 txn 7 on=1/1        => gone 7
  )");
}

}  // namespace
}  // namespace penstock::meta
