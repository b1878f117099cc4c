// CheckpointControl while jobs move: tables of events and effects.
#include <gtest/gtest.h>

#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// Three nodes of one core each. Table 1 with actors 1 (node 1) and 2 (node 2) runs; its first barrier is committed, the clock is at 0.
class RescaleControlTest : public ::testing::Test {
 protected:
  void SetUp() override { world_.begin_with_table(3); }
  void run(std::string_view script) { world_.run(script); }
  std::string owners() {
    std::string out;
    for (const auto& [fragment, actors] : world_.model().placement(JobId{1})->fragments) {
      for (const ActorPlacement& actor : actors) out += fmt::format(" {}:{}", actor.worker, actor.vnodes.to_string());
    }
    return out;
  }
  /// Three actors are wanted, node 3 has joined, and its barrier is out: it is to get vnodes 2-3 of node 1 and vnode 7 of node 2.
  void with_rescale_in_flight() {
    run(R"(
      @10 ready 3      =>
      parallelism 1 3  =>
      @20 rescale 9    => 3:create(0), 3:initial 0..1, 1:checkpoint 1..20 a1,3 t1 b3 +update-1,2, 2:checkpoint 1..20 a2,4 t1 b4 +update-1,2, 3:checkpoint 1..20 a5 b5 +update-1,2
      collect 3        =>
    )");
  }
  void with_transfer_out() {
    with_rescale_in_flight();
    run(R"(
      collect 1 seg=4  =>
      collect 3        =>
      collect 2 seg=5  => commit 1
      commit           => 1:committed 1, 2:committed 1, 3:committed 1, 3:pull(1) 1:t1:v2-3 2:t1:v7
    )");
  }

  testing::ControlWorld world_;
};

TEST_F(RescaleControlTest, nothing_to_do_is_done_at_once) { run("@10 rescale 9 => rescaled 9"); }

TEST_F(RescaleControlTest, pulls_commits_once_and_tells_the_new_actors_to_begin) {
  with_transfer_out();
  EXPECT_FALSE(world_.control().recovering());
  EXPECT_EQ(owners(), " 1:0-3 2:4-7") << "until the commit";
  run(R"(
    @2000 tick       =>
    pulled 3 7 8     => move [3:s7 3:s8]
    moved            => 1:here(1), 2:here(1), 3:here(1)[s7,8], rescaled 9, 1:checkpoint 20..2000 a3 t1, 2:checkpoint 20..2000 a4 t1, 3:checkpoint 20..2000 a5 t1
    collect 1        =>
    collect 2        =>
    collect 3        => commit 20
    commit           => 1:committed 20, 2:committed 20, 3:committed 20
  )");
  EXPECT_EQ(owners(), " 1:0-1 2:4-6 3:2-3,7");
  EXPECT_EQ(world_.control().recoveries(), 0U) << "a move is no failure";
}

TEST_F(RescaleControlTest, new_owners_are_told_what_they_own_and_old_ones_too) {
  with_transfer_out();
  run(R"(
    pulled 3         => move []
    moved            => 1:here(1), 2:here(1), 3:here(1), rescaled 9
  )");
  const auto owned = [&](uint32_t worker) {
    std::string out;
    for (const pb::OwnedVnodes& o : world_.owned(worker)) {
      out += fmt::format("t{} {}", o.tables(0), VNodeBitmap::from_bytes(o.vnode_count(), o.vnodes()).value().to_string());
    }
    return out;
  };
  EXPECT_EQ(owned(1), "t1 0-1");
  EXPECT_EQ(owned(2), "t1 4-6");
  EXPECT_EQ(owned(3), "t1 2-3,7");
}

TEST_F(RescaleControlTest, no_barrier_follows_until_the_new_actors_may_begin) {
  with_rescale_in_flight();
  run(R"(
    @5000 tick       =>
    flush 3          =>
    checkpoint       =>
  )");
  EXPECT_FALSE(world_.control().next_wake() && *world_.control().next_wake() <= world_.now().mono) << "nor does it wake for one";
}

TEST_F(RescaleControlTest, a_move_within_nodes_pulls_nothing) {
  run(R"(
    parallelism 1 4  =>
    @20 rescale 9    => 1:checkpoint 1..20 a1,3,4 t1 b3,4 +update-1,2, 2:checkpoint 1..20 a2,5,6 t1 b5,6 +update-1,2
    collect 1        =>
    collect 2        => commit 1
    commit           => 1:committed 1, 2:committed 1, move []
    moved            => 1:here(1), 2:here(1), rescaled 9
    @2000 tick       => 1:checkpoint 20..2000 a3,4 t1, 2:checkpoint 20..2000 a5,6 t1
  )");
}

TEST_F(RescaleControlTest, new_actors_are_built_to_wait_for_their_rows) {
  with_rescale_in_flight();
  for (const uint32_t worker : {1, 2, 3}) {
    for (const pb::BuildFragment& fragment : world_.last_sent(worker).inject_barrier().build()) EXPECT_TRUE(fragment.awaits_vnodes());
  }
}

TEST_F(RescaleControlTest, a_drained_node_gives_up_everything) {
  run(R"(
    drain 2          =>
    @20 rescale 9    => 1:checkpoint 1..20 a1,3,4 t1 b3,4 +update-1,2, 2:checkpoint 1..20 a2 t1 +update-1,2
    collect 1        =>
    collect 2        => commit 1
    commit           => 1:committed 1, 2:committed 1, 1:pull(1) 2:t1:v4-7
    pulled 1 6       => move [1:s6]
    moved            => 2:remove, 1:here(1)[s6], rescaled 9
    @2000 tick       => 1:checkpoint 20..2000 a3,4 t1
  )");
  EXPECT_EQ(owners(), " 1:0-3 1:4-7");
}

TEST_F(RescaleControlTest, only_what_changes_and_what_reads_it_gets_new_actors) {
  world_.add(testing::view_on("v", 1));
  world_.add(testing::view_on("w", 1));
  run(R"(
    @10 create 2     => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..10 a1 t1 +add, 2:checkpoint 1..10 a2 t1 +add, 1/2:checkpoint 1..10 a3 b3 +add, 2/2:checkpoint 1..10 a4 b4 +add
    collect 1 done=3 =>
    collect 2 done=4 => commit 1
    commit           => 1:committed 1 with 2, 2:committed 1 with 2, created 2, 1/2:merge 10, 2/2:merge 10
    drain 2          =>
    rescale 9        => 1:checkpoint 10..11 a1,3,5,6,7,8 t1,2,3 b5,6,7,8 +update-1,2,3,4, 2:checkpoint 10..11 a2,4 t1,2,3 +update-1,2,3,4
  )");
}

TEST_F(RescaleControlTest, the_last_node_cannot_be_drained_and_keeps_its_actors) {
  run(R"(
    drain 1          =>
    drain 2          =>
    @20 rescale 9    => rescaled 9 Unavailable
    @1000 tick       => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
  )");
}

TEST_F(RescaleControlTest, a_transfer_that_fails_leaves_everything_where_it_was_and_is_tried_again) {
  with_transfer_out();
  run(R"(
    pulled 3 !       => 1:reset, 2:reset, 3:reset
    reset 1          =>
    reset 2          =>
    reset 3          => term ended at 1, 1:create(1)[s4], 2:create(1)[s5], 1:initial 1..21 a1 t1 b1, 2:initial 1..21 a2 t1 b2
    collect 1        =>
    collect 2        => 3:create(1), 3:initial 1..21, 1:checkpoint 21..22 a1,6 t1 b6 +update-1,2, 2:checkpoint 21..22 a2,7 t1 b7 +update-1,2, 3:checkpoint 21..22 a8 b8 +update-1,2
  )");
  EXPECT_EQ(owners(), " 1:0-3 2:4-7");
}

TEST_F(RescaleControlTest, gives_up_after_a_number_of_failures_and_runs_on) {
  testing::ControlWorld world({.rescale_attempts = 1});
  world.start_clock();
  world.nodes(2);
  world.start();
  world.add(testing::table("t", 1));
  world.run(R"(
    ready 1          =>
    create 1         => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1 b1 +add
    collect 1        =>
    collect 1        => commit 0
    commit           => 1:committed 0, created 1
    ready 2          =>
    drain 1          =>
    rescale 9        => 2:create(0), 2:initial 0..1, 1:checkpoint 1..2 a1 t1 +update-1, 2:checkpoint 1..2 a2 b2 +update-1
    collect 2        =>
    collect 2        =>
    collect 1        => commit 1
    commit           => 1:committed 1, 2:committed 1, 2:pull(1) 1:t1:v0-7
    pulled 2 !       => 1:reset, 2:reset
    reset 1          =>
    @100 reset 2     => term ended at 1, 1:create(1), 1:initial 1..100 a1 t1 b1
    collect 1        => rescaled 9 Unavailable, 1:checkpoint 100..101 a1 t1
  )");
}

TEST_F(RescaleControlTest, the_loss_of_an_old_owner_before_the_commit_changes_nothing) {
  with_transfer_out();
  run(R"(
    lost 1           => 2:reset, 3:reset
    pulled 3 7       =>
    reset 2          =>
    reset 3          => term ended at 1, 2:create(1)[s5]
    ready 1          => 1:create(1)[s4], 1:initial 1..21 a1 t1 b1, 2:initial 1..21 a2 t1 b2
  )");
  EXPECT_EQ(owners(), " 1:0-3 2:4-7");
}

TEST_F(RescaleControlTest, the_loss_of_a_node_while_the_commit_is_on_its_way_is_seen_after_it) {
  with_transfer_out();
  run(R"(
    pulled 3 7       => move [3:s7]
    lost 1           =>
    moved            => 2:reset, 3:reset
    reset 2          =>
    reset 3          => term ended at 1, 2:create(1)[s5], 3:create(1)[s7]
    ready 1          => 1:create(1)[s4], 1:initial 1..21 a3 t1 b3, 2:initial 1..21 a4 t1 b4, 3:initial 1..21 a5 t1 b5
  )");
  EXPECT_EQ(owners(), " 1:0-1 2:4-6 3:2-3,7");
}

TEST_F(RescaleControlTest, the_loss_of_the_new_owner_after_the_commit_blocks_until_it_is_back) {
  with_transfer_out();
  run(R"(
    pulled 3 7       => move [3:s7]
    moved            => 1:here(1), 2:here(1), 3:here(1)[s7], rescaled 9
    lost 3           => 1:reset, 2:reset
    reset 1          =>
    reset 2          => term ended at 1, 1:create(1)[s4], 2:create(1)[s5]
    ready 3          => 3:create(1)[s7], 1:initial 1..21 a3 t1 b3, 2:initial 1..21 a4 t1 b4, 3:initial 1..21 a5 t1 b5
  )");
}

TEST_F(RescaleControlTest, a_failure_of_its_barrier_is_one_like_any_other_and_the_move_is_made_again) {
  with_rescale_in_flight();
  run(R"(
    lost 2           => 1:reset, 3:reset
    reset 1          =>
    reset 3          => term ended at 0, 1:create(0)
    ready 2          => 2:create(0), 1:initial 0..21 a1 t1 b1, 2:initial 0..21 a2 t1 b2
    collect 1        =>
    collect 2        => 3:create(0), 3:initial 0..21, 1:checkpoint 21..22 a1,6 t1 b6 +update-1,2, 2:checkpoint 21..22 a2,7 t1 b7 +update-1,2, 3:checkpoint 21..22 a8 b8 +update-1,2
  )");
}

TEST_F(RescaleControlTest, a_meta_that_starts_again_finds_what_is_left_to_do) {
  with_transfer_out();
  world_.restart();
  run(R"(
    @100 ready 1     => 1:create(1)[s4]
    ready 2          => 2:create(1)[s5], 1:initial 1..100 a1 t1 b1, 2:initial 1..100 a2 t1 b2
    rescale          =>
    ready 3          =>
    collect 1        =>
    collect 2        => 3:create(1), 3:initial 1..100, 1:checkpoint 100..101 a1,2000000 t1 b2000000 +update-1,2, 2:checkpoint 100..101 a2,2000001 t1 b2000001 +update-1,2, 3:checkpoint 100..101 a2000002 b2000002 +update-1,2
  )");
}

TEST_F(RescaleControlTest, waits_until_a_job_that_is_being_created_has_joined_the_others) {
  world_.add(testing::view_on("v", 1));
  run(R"(
    @10 create 2     => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..10 a1 t1 +add, 2:checkpoint 1..10 a2 t1 +add, 1/2:checkpoint 1..10 a3 b3 +add, 2/2:checkpoint 1..10 a4 b4 +add
    drain 2          =>
    rescale 9        =>
    collect 1        =>
    collect 2        => commit 1
    commit           => 1:committed 1 with 2, 2:committed 1 with 2
    @2000 tick       => 1:checkpoint 10..2000 a1 t1, 2:checkpoint 10..2000 a2 t1, 1/2:checkpoint 10..2000 a3 t2,3, 2/2:checkpoint 10..2000 a4 t2,3
    collect 1 done=3 =>
    collect 2 done=4 => commit 10
    commit           => 1:committed 10 with 2, 2:committed 10 with 2, created 2, 1/2:merge 2000, 2/2:merge 2000, 1:checkpoint 2000..2001 a1,3,5,6,7,8 t1,2,3 b5,6,7,8 +update-1,2,3,4, 2:checkpoint 2000..2001 a2,4 t1,2,3 +update-1,2,3,4
  )");
}

TEST_F(RescaleControlTest, answers_of_nodes_that_were_not_asked_or_of_another_time_change_nothing) {
  run("@10 pulled 1 6 =>");
  with_rescale_in_flight();
  run("pulled 3 6 =>");
  run(R"(
    collect 1        =>
    collect 3        =>
    collect 2        => commit 1
    commit           => 1:committed 1, 2:committed 1, 3:committed 1, 3:pull(1) 1:t1:v2-3 2:t1:v7
    pulled 1 6       =>
    pulled 3 7       => move [3:s7]
    pulled 3 8       =>
  )");
  EXPECT_GE(world_.control().stale_events(), 4U);
}

TEST_F(RescaleControlTest, a_job_dropped_while_it_moves_is_gone) {
  with_transfer_out();
  run(R"(
    drop 1           =>
    pulled 3 7       => move [3:s7]
    moved            => 1:here(1), 2:here(1), 3:here(1)[s7], 1:checkpoint 20..21 a3 t1 +stop, 2:checkpoint 20..21 a4 t1 +stop, 3:checkpoint 20..21 a5 t1 +stop
    collect 1        =>
    collect 2        =>
    collect 3        => commit 20, rescaled 9
    commit           => 1:committed 20, 2:committed 20, 3:committed 20, 1:remove, 2:remove, 3:remove, term ended at 20
  )");
  EXPECT_EQ(world_.model().placement(JobId{1}), nullptr);
}

TEST_F(RescaleControlTest, flushes_that_come_meanwhile_are_answered_when_the_new_actors_have_begun) {
  with_transfer_out();
  run(R"(
    flush 5          =>
    pulled 3         => move []
    @40 moved        => 1:here(1), 2:here(1), 3:here(1), rescaled 9, 1:checkpoint 20..40 a3 t1, 2:checkpoint 20..40 a4 t1, 3:checkpoint 20..40 a5 t1
    collect 1        =>
    collect 2        =>
    collect 3        => commit 20
    commit           => 1:committed 20, 2:committed 20, 3:committed 20, flushed 5 at 20
  )");
}

/// As above, where rows are copied ahead.
class CopyAheadTest : public ::testing::Test {
 protected:
  void SetUp() override { world_.begin_with_table(3); }
  void run(std::string_view script) { world_.run(script); }
  /// Node 3 has joined, is a member of the graph, which runs on, and has its order as of epoch 1.
  void with_copy_out() {
    run(R"(
      @10 ready 3      =>
      parallelism 1 3  =>
      @50 rescale 9    => 3:create(0), 3:initial 0..1, 1:checkpoint 1..50 a1 t1, 2:checkpoint 1..50 a2 t1, 3:checkpoint 1..50
      collect 3        =>
      collect 1 seg=4  =>
      collect 3        =>
      collect 2 seg=5  => commit 1
      commit           => 1:committed 1, 2:committed 1, 3:committed 1, 3:copy(1) 1:t1:v2-3 2:t1:v7
    )");
  }

  testing::ControlWorld world_{CheckpointControl::Options{.copy_ahead = true}};
};

TEST_F(CopyAheadTest, actors_run_until_their_rows_are_copied_then_wait_for_what_has_changed) {
  with_copy_out();
  run(R"(
    @1050 tick       => 1:checkpoint 50..1050 a1 t1, 2:checkpoint 50..1050 a2 t1, 3:checkpoint 50..1050
    collect 1        =>
    collect 2        =>
    collect 3        => commit 50
    commit           => 1:committed 50, 2:committed 50, 3:committed 50
    @1500 pulled 3   => 1:checkpoint 1050..1500 a1,3 t1 b3 +update-1,2, 2:checkpoint 1050..1500 a2,4 t1 b4 +update-1,2, 3:checkpoint 1050..1500 a5 b5 +update-1,2
    collect 1        =>
    collect 2        =>
    collect 3        => commit 1050
    commit           => 1:committed 1050, 2:committed 1050, 3:committed 1050, 3:pull(1050) 1:t1:v2-3 2:t1:v7
    pulled 3 7 8     => move [3:s7 3:s8]
    moved            => 1:here(1050), 2:here(1050), 3:here(1050)[s7,8], rescaled 9
  )");
  EXPECT_EQ(world_.last_event(),
            "rescale: 1 jobs placed anew, 3 vnodes of tables moved; copied ahead in 1450 ms, barrier 0 ms, transfer 0 ms");
}

TEST_F(CopyAheadTest, a_copy_that_fails_only_makes_the_pause_longer) {
  with_copy_out();
  run("pulled 3 ! => 1:checkpoint 50..51 a1,3 t1 b3 +update-1,2, 2:checkpoint 50..51 a2,4 t1 b4 +update-1,2, 3:checkpoint 50..51 a5 b5 "
      "+update-1,2");
}

TEST_F(CopyAheadTest, another_wish_meanwhile_waits_and_the_change_goes_by_what_is_wanted_then) {
  with_copy_out();
  run(R"(
    @60 rescale 8    =>
    parallelism 1 2  =>
  )");
  EXPECT_GT(*world_.control().next_wake(), world_.now().mono) << "it does not ask again and again";
  run("pulled 3 => rescaled 9, rescaled 8");
}

TEST_F(CopyAheadTest, the_loss_of_a_node_meanwhile_is_a_recovery_and_the_next_attempt_copies_nothing) {
  with_copy_out();
  run(R"(
    lost 3           => 1:reset, 2:reset
    reset 1          =>
    reset 2          => term ended at 1, 1:create(1)[s4], 2:create(1)[s5], 1:initial 1..51 a1 t1 b1, 2:initial 1..51 a2 t1 b2
    pulled 3         =>
    ready 3          =>
    collect 1        =>
    collect 2        => 3:create(1), 3:initial 1..51, 1:checkpoint 51..52 a1,3 t1 b3 +update-1,2, 2:checkpoint 51..52 a2,4 t1 b4 +update-1,2, 3:checkpoint 51..52 a5 b5 +update-1,2
  )");
}

TEST_F(CopyAheadTest, nothing_is_copied_where_nothing_goes_to_another_node) {
  run(R"(
    parallelism 1 4  =>
    @20 rescale 9    => 1:checkpoint 1..20 a1,3,4 t1 b3,4 +update-1,2, 2:checkpoint 1..20 a2,5,6 t1 b5,6 +update-1,2
  )");
}

}  // namespace
}  // namespace penstock::meta
