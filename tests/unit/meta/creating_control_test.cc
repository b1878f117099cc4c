#include <gtest/gtest.h>

#include "meta/barrier/checkpoint_control.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// Table 1 with actors 1 (node 1) and 2 (node 2); view 2 on it is created with actors 3 and 4, in a graph of its own.
class CreatingControlTest : public ::testing::Test {
 protected:
  void begin(CheckpointControl::Options options = {}) {
    world_ = std::make_unique<testing::ControlWorld>(options);
    world_->begin_with_table(2);
    world_->add(testing::view_on("v", 1));
  }
  /// The view's first checkpoint is committed, the next one is out.
  void with_creating_view() {
    begin();
    run(R"(
      create 2    => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
      collect 1   =>
      collect 2   => commit 1
      commit      => 1:committed 1 with 2, 2:committed 1 with 2
      @1002 tick  => 1:checkpoint 2..1002 a1 t1, 2:checkpoint 2..1002 a2 t1, 1/2:checkpoint 2..1002 a3 t2,3, 2/2:checkpoint 2..1002 a4 t2,3
    )");
  }
  void run(std::string_view script) { world_->run(script); }

  std::unique_ptr<testing::ControlWorld> world_;
};

TEST_F(CreatingControlTest, barriers_in_flight_stop_waiting_for_a_job_that_fails) {
  with_creating_view();
  run(R"(
    collect 1          =>
    collect 2 job=0    =>
    fail 2 4 50 2      => commit 2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    collect 2 job=2    =>
    commit             => 1:committed 2, 2:committed 2, 1:reset2, 2:reset2
  )");
  EXPECT_EQ(world_->control().recoveries(), 0U);
  EXPECT_EQ(world_->control().stale_events(), 1U) << "what the dead graph still says";
}

TEST_F(CreatingControlTest, a_job_that_failed_begins_again_with_nothing_and_in_new_tables) {
  with_creating_view();
  run(R"(
    collect 1 seg=7    =>
    collect 2 seg=3    => commit 2
    commit             => 1:committed 2 with 2, 2:committed 2 with 2
    fail 2 4 50 2      => 1:reset2, 2:reset2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    reset 1            =>
    reset 2            =>
  )");
  EXPECT_NE(world_->model().placement(ObjectId{2}), nullptr) << "no commit has left it behind yet";
  run(R"(
    @1500 tick         =>
    collect 1          =>
    collect 2          => commit 1002
    commit             => 1:committed 1002, 2:committed 1002, 1/2:create(1002)[s7], 2/2:create(1002)[s3], 1/2:initial 1002..1003, 2/2:initial 1002..1003, 1:checkpoint 1003..1500 a1 t1 +add, 2:checkpoint 1003..1500 a2 t1 +add, 1/2:checkpoint 1003..1500 a5 b5 +add, 2/2:checkpoint 1003..1500 a6 b6 +add
    collect 1 done=5   =>
    collect 2 done=6   => commit 1003
    commit             => 1:committed 1003 with 2, 2:committed 1003 with 2, created 2, 1/2:merge 1500, 2/2:merge 1500
    @2500 tick         => 1:checkpoint 1500..2500 a1,5 t1,4,5, 2:checkpoint 1500..2500 a2,6 t1,4,5
  )");
  EXPECT_EQ(world_->model().object(ObjectId{2})->table().table_id(), 4U);
  EXPECT_TRUE(world_->control().job_errors().empty());
}

TEST_F(CreatingControlTest, the_tables_of_a_job_that_failed_are_dropped_with_its_edges) {
  with_creating_view();
  run(R"(
    collect 1          =>
    collect 2          => commit 2
    commit             => 1:committed 2 with 2, 2:committed 2 with 2
    fail 2 4 50 2      => 1:reset2, 2:reset2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    collect 1          =>
    collect 2          => commit 1002
    commit             => 1:committed 1002, 2:committed 1002
  )");
  const auto& dropped = world_->last_sent(1).commit_epoch().dropped_tables();
  EXPECT_EQ(std::vector<uint32_t>(dropped.begin(), dropped.end()), (std::vector<uint32_t>{2, 3}));
  const auto& live = world_->model().job(ObjectId{2})->tables();
  EXPECT_EQ(live, (std::vector{TableId{4}, TableId{5}}));
}

TEST_F(CreatingControlTest, an_error_that_is_certain_to_come_again_fails_the_creation_at_once) {
  with_creating_view();
  run(R"(
    fail 1 3 10 2      => 1:reset2, 2:reset2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    reset 1            =>
    reset 2 4 100      => failed 2
    drop 2             =>
    collect 1          =>
    collect 2          => commit 2
    commit             => 1:committed 2, 2:committed 2
  )");
  EXPECT_EQ(world_->control().recoveries(), 0U);
}

TEST_F(CreatingControlTest, a_job_that_fails_again_and_again_is_given_up_after_a_while) {
  begin({.patience = std::chrono::seconds(10)});
  world_->apply({"create", "2"});
  int64_t at = 10;
  uint32_t actor = 3;
  std::string effects;
  int attempts = 1;
  while (effects.find("failed 2") == std::string::npos && at < 60'000) {
    world_->apply({"fail", "1", std::to_string(actor), "50", "2"});
    world_->apply({"reset", "1"});
    effects = world_->apply({"reset", "2"});
    if (effects.find("failed 2") != std::string::npos) break;
    while (effects.find("1/2:create") == std::string::npos && at < 60'000) {
      for (const char* node : {"1", "2"}) {
        while (world_->apply({"collect", node}) != "owes nothing") {
        }
      }
      effects = world_->apply({"commit"});
      if (effects.find("1/2:create") == std::string::npos) effects = world_->apply({fmt::format("@{}", at += 10), "tick"});
    }
    ++attempts;
    actor += 2;
  }
  EXPECT_NE(effects.find("failed 2"), std::string::npos);
  EXPECT_GE(attempts, 5);
  EXPECT_LE(attempts, 20) << "it is made again ever more slowly";
  EXPECT_GE(at, 10'000);
  EXPECT_EQ(world_->control().recoveries(), 0U);
}

TEST_F(CreatingControlTest, a_recovery_before_a_commit_has_left_the_job_behind_takes_it_along) {
  with_creating_view();
  run(R"(
    fail 2 4 50 2      => 1:reset2, 2:reset2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    fail 1 1           => 1:reset+2, 2:reset+2
    reset 1            =>
    reset 2            => term ended at 1, 1:create(1), 2:create(1), 1/2:create(1), 2/2:create(1), 1:initial 1..1004 a1 t1 b1, 2:initial 1..1004 a2 t1 b2, 1/2:initial 1..1004 a3 t2,3 b3, 2/2:initial 1..1004 a4 t2,3 b4
  )");
}

TEST_F(CreatingControlTest, a_recovery_after_a_commit_without_the_job_creates_it_anew) {
  with_creating_view();
  run(R"(
    collect 1 job=0    =>
    collect 2 job=0    =>
    fail 2 4 50 2      => commit 2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    fail 1 1           =>
    commit             => 1:committed 2, 2:committed 2, 1:reset+2, 2:reset+2
    reset 1            =>
    reset 2            => term ended at 2, 1:create(2), 2:create(2), 1:initial 2..1004 a1 t1 b1, 2:initial 2..1004 a2 t1 b2
    collect 1          =>
    collect 2          => 1/2:create(2), 2/2:create(2), 1/2:initial 2..1004, 2/2:initial 2..1004, 1:checkpoint 1004..1005 a1 t1 +add, 2:checkpoint 1004..1005 a2 t1 +add, 1/2:checkpoint 1004..1005 a5 b5 +add, 2/2:checkpoint 1004..1005 a6 b6 +add
  )");
}

TEST_F(CreatingControlTest, a_job_that_fails_while_a_commit_makes_it_a_job_like_others_fails_the_database) {
  with_creating_view();
  run(R"(
    collect 1 done=3   =>
    collect 2 done=4   => commit 2
    fail 2 4 50 2      => 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    commit             => 1:committed 2 with 2, 2:committed 2 with 2, created 2, 1:reset+2, 2:reset+2
    reset 1            =>
    reset 2            => term ended at 2, 1:create(2), 2:create(2), 1:initial 2..1004 a1,3 t1,2,3 b1,3, 2:initial 2..1004 a2,4 t1,2,3 b2,4
  )");
  EXPECT_EQ(world_->model().object(ObjectId{2})->state(), pb::JOB_CREATED);
}

TEST_F(CreatingControlTest, a_created_job_answers_for_the_barriers_in_flight_and_its_failure_is_the_databases) {
  with_creating_view();
  run(R"(
    @2002 tick         => 1:checkpoint 1002..2002 a1 t1, 2:checkpoint 1002..2002 a2 t1, 1/2:checkpoint 1002..2002 a3 t2,3, 2/2:checkpoint 1002..2002 a4 t2,3
    collect 1 done=3   =>
    collect 2 done=4   => commit 2
    commit             => 1:committed 2 with 2, 2:committed 2 with 2, created 2, 1/2:merge 2002, 2/2:merge 2002
    @3002 tick         => 1:checkpoint 2002..3002 a1,3 t1,2,3, 2:checkpoint 2002..3002 a2,4 t1,2,3
    collect 1          =>
    collect 2 job=0    =>
    collect 2 job=2    => commit 1002
    commit             => 1:committed 1002 with 2, 2:committed 1002 with 2
    collect 1          =>
    collect 2          => commit 2002
    commit             => 1:committed 2002, 2:committed 2002
    @4002 tick         => 1:checkpoint 3002..4002 a1,3 t1,2,3, 2:checkpoint 3002..4002 a2,4 t1,2,3
  )");
  with_creating_view();
  run(R"(
    @2002 tick         => 1:checkpoint 1002..2002 a1 t1, 2:checkpoint 1002..2002 a2 t1, 1/2:checkpoint 1002..2002 a3 t2,3, 2/2:checkpoint 1002..2002 a4 t2,3
    collect 1 done=3   =>
    collect 2 done=4   => commit 2
    commit             => 1:committed 2 with 2, 2:committed 2 with 2, created 2, 1/2:merge 2002, 2/2:merge 2002
    fail 2 4 50 2      => 1:reset, 2:reset
    reset 1            =>
    reset 2            => term ended at 2, 1:create(2), 2:create(2), 1:initial 2..2003 a1,3 t1,2,3 b1,3, 2:initial 2..2003 a2,4 t1,2,3 b2,4
  )");
}

TEST_F(CreatingControlTest, a_drop_resets_the_graph_whatever_the_barriers_wait_for) {
  with_creating_view();
  run(R"(
    collect 1 job=0    =>
    collect 2 job=0    =>
    drop 2             => commit 2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    commit             => 1:committed 2, 2:committed 2, 1:reset2, 2:reset2
    reset 1            =>
    reset 2            =>
    collect 1          =>
    collect 2          => commit 1002
    commit             => 1:committed 1002, 2:committed 1002
    @2003 tick         => 1:checkpoint 1003..2003 a1 t1, 2:checkpoint 1003..2003 a2 t1
  )");
}

TEST_F(CreatingControlTest, a_node_that_does_not_answer_the_reset_of_a_job_is_disconnected) {
  with_creating_view();
  run(R"(
    drop 2             => 1:reset2, 2:reset2, 1:checkpoint 1002..1003 a1 t1 +stop, 2:checkpoint 1002..1003 a2 t1 +stop
    reset 1            =>
    collect 1          =>
    collect 2          => commit 2
    commit             => 1:committed 2, 2:committed 2
    collect 1          =>
    collect 2          => commit 1002
    commit             => 1:committed 1002, 2:committed 1002
    @11002 tick        => disconnect 2, 1:checkpoint 1003..11002 a1 t1, 2:checkpoint 1003..11002 a2 t1
    lost 2             => 1:reset
  )");
}

TEST_F(CreatingControlTest, a_job_that_fails_while_the_database_begins_does_not_hold_it_up) {
  with_creating_view();
  run(R"(
    fail 1 1           => 1:reset+2, 2:reset+2
    reset 1            =>
    reset 2            => term ended at 1, 1:create(1), 2:create(1), 1/2:create(1), 2/2:create(1), 1:initial 1..1003 a1 t1 b1, 2:initial 1..1003 a2 t1 b2, 1/2:initial 1..1003 a3 t2,3 b3, 2/2:initial 1..1003 a4 t2,3 b4
    collect 1          =>
    fail 2 4 50 2      => 1:reset2, 2:reset2
    collect 2 job=0    => 1:checkpoint 1003..1004 a1 t1 +stop, 2:checkpoint 1003..1004 a2 t1 +stop
  )");
  EXPECT_FALSE(world_->control().recovering());
}

TEST_F(CreatingControlTest, only_so_many_jobs_are_created_at_a_time) {
  begin({.command_patience = {}, .max_creating = 1});
  world_->add(testing::view_on("w", 1));
  world_->apply({"create", "2"});
  EXPECT_EQ(world_->apply({"create", "3"}), "");
  EXPECT_NE(world_->control().debug_string(world_->now()).find("w waits: 1 jobs are being created"), std::string::npos);
  run(R"(
    collect 1 done=3   =>
    collect 2 done=4   => commit 1
    commit             => 1:committed 1 with 2, 2:committed 1 with 2, created 2, 1/2:merge 2, 2/2:merge 2, 1/3:create(1), 2/3:create(1), 1/3:initial 1..2, 2/3:initial 1..2, 1:checkpoint 2..3 a1,3 t1,2,3 +add, 2:checkpoint 2..3 a2,4 t1,2,3 +add, 1/3:checkpoint 2..3 a5 b5 +add, 2/3:checkpoint 2..3 a6 b6 +add
  )");
}

// Meta dies after each step, and is started again on what is durable.
TEST_F(CreatingControlTest, a_restart_at_any_step_of_a_creation_goes_on_from_what_was_committed) {
  const std::vector<::penstock::testing::Words> steps = {
      {"create", "2"},   {"collect", "1"},           {"collect", "2"},           {"commit"},
      {"@1002", "tick"}, {"collect", "1", "done=3"}, {"collect", "2", "done=4"}, {"commit"},
      {"@2002", "tick"}, {"collect", "1"},           {"collect", "2"},           {"commit"}};
  for (size_t upto = 0; upto <= steps.size(); ++upto) {
    SCOPED_TRACE(upto);
    begin();
    for (size_t i = 0; i < upto; ++i) world_->apply(steps[i]);
    const bool placed = world_->model().placement(ObjectId{2}) != nullptr;
    const bool created = world_->model().object(ObjectId{2})->state() == pb::JOB_CREATED;
    world_->restart();
    world_->apply({"@5000", "ready", "1"});
    const std::string effects = world_->apply({"ready", "2"});
    EXPECT_EQ(effects.find("1/2:create") != std::string::npos, placed && !created) << effects;
    EXPECT_EQ(effects.find("a1,3") != std::string::npos, created) << effects;
    EXPECT_EQ(upto >= 4, placed);
    EXPECT_EQ(upto >= 8, created);
    world_->apply({"collect", "1"});
    world_->apply({"collect", "2"});
    EXPECT_FALSE(world_->control().recovering());
  }
}

}  // namespace
}  // namespace penstock::meta
