// What a database does when a disk that it needs has no room.
#include <gtest/gtest.h>

#include "meta/barrier/pause_reasons.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

using Reason = PauseReasons::Reason;

TEST(PauseReasons, sources_run_again_when_the_last_reason_is_gone) {
  PauseReasons reasons;
  EXPECT_FALSE(reasons.paused());
  EXPECT_TRUE(reasons.set(Reason::Disk, "full"));
  EXPECT_FALSE(reasons.set(Reason::Disk, "full"));
  reasons.set(Reason::User, "paused by the user");
  EXPECT_EQ(reasons.describe(), "paused by the user; full");
  reasons.set(Reason::Disk, "");
  EXPECT_TRUE(reasons.paused()) << "the user's pause stays";
  reasons.set(Reason::User, "");
  EXPECT_FALSE(reasons.paused());
}

/// Two nodes of one core each; table 1 runs with actors 1 (node 1) and 2 (node 2).
class DiskPause : public ::testing::Test {
 protected:
  void SetUp() override { world_.begin_with_table(2); }
  void run(std::string_view script) { world_.run(script); }

  testing::ControlWorld world_{{.command_patience = {}}};  // no change waits for others to share its barrier
};

TEST_F(DiskPause, pauses_at_once_when_a_disk_is_low_and_resumes_when_it_has_room) {
  run(R"(
    @10 disk 2 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    @20 disk 2 full    =>
    @30 disk 2 low     =>
    @40 disk 2 enough  => 1:checkpoint 10..40 a1 t1 +resume, 2:checkpoint 10..40 a2 t1 +resume
  )");
  EXPECT_EQ(world_.last_event(), "disk has room again: ");
}

TEST_F(DiskPause, says_which_disk_and_whether_it_is_full) {
  run("@10 disk 2 low => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause");
  const std::string low = "the disk of node 2 (host:2) is nearly full: 12 MB free for /data, 35 MB are kept in reserve";
  EXPECT_EQ(world_.control().pauses().why(Reason::Disk), low);
  EXPECT_EQ(world_.last_event(), "disk nearly full: " + low);
  EXPECT_FALSE(world_.control().disk_full());
  run("disk 2 full =>");
  EXPECT_TRUE(world_.control().disk_full());
}

TEST_F(DiskPause, the_pause_is_injected_although_too_many_checkpoints_wait_for_space) {
  for (int i = 1; i <= 16; ++i) {
    const int prev = i == 1 ? 1 : (i - 1) * 1000;
    const std::string stuck = i == 11 ? ", stuck 1 1 2" : "";
    run(fmt::format("@{0}000 tick => 1:checkpoint {1}..{0}000 a1 t1, 2:checkpoint {1}..{0}000 a2 t1{2}", i, prev, stuck));
  }
  run(R"(
    @17000 tick        =>
    @17001 disk 1 full => 1:checkpoint 16000..17001 a1 t1 +pause, 2:checkpoint 16000..17001 a2 t1 +pause
  )");
}

TEST_F(DiskPause, of_two_low_disks_both_must_have_room) {
  run(R"(
    @10 disk 1 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    @20 disk 0 low     =>
    @30 disk 1 enough  =>
    @40 disk 0 enough  => 1:checkpoint 10..40 a1 t1 +resume, 2:checkpoint 10..40 a2 t1 +resume
  )");
}

TEST_F(DiskPause, actors_that_a_recovery_builds_begin_paused) {
  run(R"(
    @10 disk 1 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    fail 1 1           => 1:reset, 2:reset
    reset 1            =>
    reset 2            => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..11 a1 t1 b1 paused, 2:initial 0..11 a2 t1 b2 paused
    collect 1          =>
    collect 2          => 1:checkpoint 11..12 a1 t1, 2:checkpoint 11..12 a2 t1
    disk 1 enough      => 1:checkpoint 12..13 a1 t1 +resume, 2:checkpoint 12..13 a2 t1 +resume
  )");
}

TEST_F(DiskPause, a_disk_that_got_room_while_the_database_recovered_leaves_nobody_paused) {
  run(R"(
    @10 disk 1 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    fail 1 1           => 1:reset, 2:reset
    reset 1            =>
    disk 1 enough      =>
    reset 2            => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..11 a1 t1 b1, 2:initial 0..11 a2 t1 b2
    collect 1          =>
    collect 2          => 1:checkpoint 11..12 a1 t1, 2:checkpoint 11..12 a2 t1
  )");
}

TEST_F(DiskPause, a_node_that_is_lost_takes_its_pressure_with_it) {
  run(R"(
    @10 disk 2 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    lost 2             => 1:reset
    reset 1            => term ended at 0, 1:create(0)
    ready 2            => 2:create(0), 1:initial 0..11 a1 t1 b1, 2:initial 0..11 a2 t1 b2
  )");
}

TEST_F(DiskPause, a_user_s_pause_and_a_full_disk_do_not_undo_each_other) {
  run(R"(
    @10 disk 1 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    pause              =>
    @20 disk 1 enough  =>
    resume             => 1:checkpoint 10..20 a1 t1 +resume, 2:checkpoint 10..20 a2 t1 +resume
    pause              => 1:checkpoint 20..21 a1 t1 +pause, 2:checkpoint 20..21 a2 t1 +pause
    @30 disk 1 low     =>
    resume             =>
    @40 disk 1 enough  => 1:checkpoint 21..40 a1 t1 +resume, 2:checkpoint 21..40 a2 t1 +resume
  )");
}

TEST_F(DiskPause, a_job_made_meanwhile_begins_paused) {
  world_.add(testing::table("u"));
  run(R"(
    @10 disk 1 low     => 1:checkpoint 1..10 a1 t1 +pause, 2:checkpoint 1..10 a2 t1 +pause
    create 2           => 1:checkpoint 10..11 a1,3 t1 b3 +add paused, 2:checkpoint 10..11 a2,4 t1 b4 +add paused
  )");
}

}  // namespace
}  // namespace penstock::meta
