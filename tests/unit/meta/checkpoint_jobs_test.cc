// Jobs that are created and dropped while barriers go on.
#include "unit/meta/checkpoint_fixture.h"

namespace penstock::meta {
namespace {

using testing::CheckpointControlTest;

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

}  // namespace
}  // namespace penstock::meta
