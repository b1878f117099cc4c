// Commands that wait at the same moment share one barrier.
#include <gtest/gtest.h>

#include "meta/source/split_assignment.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// One node. Table 1 (actor 1) runs and is committed; views 2, 3, 4 on it are in the catalog. The clock is at 0, where epoch 1 began.
class CombinedCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin(CheckpointControl::Options options = {}) {
    world_ = std::make_unique<testing::ControlWorld>(options);
    world_->start_clock();
    world_->nodes(1);
    world_->start();
    world_->add(testing::table("t", 1));
    run(R"(
      ready 1     =>
      create 1    => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1 b1 +add
      collect 1   =>
      collect 1   => commit 0
      commit      => 1:committed 0, created 1
    )");
    for (const char* name : {"v", "w", "x"}) world_->add(testing::view_on(name, 1));
  }
  void run(std::string_view script) { world_->run(script); }
  std::string apply(std::string_view event) { return world_->apply(::penstock::testing::split_words(event)); }
  /// View 2 is on its way; 3 and 4 share the barrier that ends epoch 2.
  void with_two_in_one() {
    run(R"(
      create 2    => 1/2:create(0), 1/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 1/2:checkpoint 1..2 a2 b2 +add
      create 3    =>
      create 4    =>
      collect 1   => commit 1, 1/3:create(0), 1/3:initial 0..2, 1/4:create(0), 1/4:initial 0..2,
                  |  1:checkpoint 2..3 a1 t1 +add +add, 1/2:checkpoint 2..3 a2 t2,3 +add +add, 1/3:checkpoint 2..3 a3 b3 +add +add,
                  |  1/4:checkpoint 2..3 a4 b4 +add +add
    )");
  }
  [[nodiscard]] bool placed(uint32_t job) const { return world_->model().placement(ObjectId{job}) != nullptr; }
  [[nodiscard]] bool created(uint32_t job) const { return world_->model().object(ObjectId{job})->state() == pb::JOB_CREATED; }

  std::unique_ptr<testing::ControlWorld> world_;
};

TEST_F(CombinedCommandsTest, what_comes_while_a_command_is_on_its_way_shares_the_next_barrier_and_its_commit) {
  with_two_in_one();
  EXPECT_EQ(world_->control().traces().back().command, "create 3, create 4");
  run(R"(
    commit      => 1:committed 1 with 2
    collect 1   => commit 2
  )");
  EXPECT_EQ(world_->record().placed.size(), 2U);
  EXPECT_FALSE(placed(3) || placed(4)) << "before it is durable";
  apply("commit");
  EXPECT_TRUE(placed(3) && placed(4));
}

TEST_F(CombinedCommandsTest, each_is_answered_by_itself) {
  with_two_in_one();
  apply("commit");
  apply("collect 1");
  run(R"(
    commit                => 1:committed 2 with 2 with 3 with 4
    @20 tick              => 1:checkpoint 3..20 a1 t1, 1/2:checkpoint 3..20 a2 t2,3, 1/3:checkpoint 3..20 a3 t4,5, 1/4:checkpoint 3..20 a4 t6,7
    collect 1 done=4      => commit 3
    commit                => 1:committed 3 with 2 with 3 with 4, created 4, 1/4:merge 20
    @1020 tick            => 1:checkpoint 20..1020 a1,4 t1,6,7, 1/2:checkpoint 20..1020 a2 t2,3, 1/3:checkpoint 20..1020 a3 t4,5
    collect 1 done=2 done=3 => commit 20
    commit                => 1:committed 20 with 2 with 3, created 2, 1/2:merge 1020, created 3, 1/3:merge 1020
  )");
}

// The transaction is all or nothing, whenever the process dies.
TEST_F(CombinedCommandsTest, a_restart_at_any_step_makes_all_of_them_or_none) {
  const std::vector<std::string> steps = {"create 2", "create 3", "create 4", "collect 1", "commit", "collect 1", "commit"};
  for (size_t upto = 0; upto <= steps.size(); ++upto) {
    SCOPED_TRACE(upto);
    begin();
    for (size_t i = 0; i < upto; ++i) apply(steps[i]);
    world_->restart();
    const std::string effects = apply("@5000 ready 1");
    EXPECT_EQ(placed(3), upto == steps.size());
    EXPECT_EQ(placed(4), placed(3));
    for (const char* graph : {"1/3:create", "1/4:create"}) EXPECT_EQ(effects.find(graph) != std::string::npos, placed(3)) << effects;
  }
}

TEST_F(CombinedCommandsTest, those_whose_barrier_died_are_made_again_together) {
  with_two_in_one();
  run(R"(
    commit      => 1:committed 1 with 2
    fail 1 1 50 => 1:reset+2+3+4
    reset 1     => term ended at 1, 1:create(1), 1/2:create(1), 1:initial 1..4 a1 t1 b1, 1/2:initial 1..4 a2 t2,3 b2
    collect 1   => 1/3:create(1), 1/3:initial 1..4, 1/4:create(1), 1/4:initial 1..4,
                |  1:checkpoint 4..5 a1 t1 +add +add, 1/2:checkpoint 4..5 a2 t2,3 +add +add,
                |  1/3:checkpoint 4..5 a5 b5 +add +add, 1/4:checkpoint 4..5 a6 b6 +add +add
  )");
}

TEST_F(CombinedCommandsTest, a_creation_that_lost_several_barriers_rides_alone_since_it_may_be_the_cause) {
  begin({.create_alone_after = 1});
  with_two_in_one();
  apply("commit");
  apply("fail 1 1 50");
  apply("reset 1");
  run(R"(
    collect 1   => 1/3:create(1), 1/3:initial 1..4, 1:checkpoint 4..5 a1 t1 +add, 1/2:checkpoint 4..5 a2 t2,3 +add, 1/3:checkpoint 4..5 a5 b5 +add
    collect 1   => commit 4, 1/4:create(1), 1/4:initial 1..5, 1:checkpoint 5..6 a1 t1 +add, 1/2:checkpoint 5..6 a2 t2,3 +add,
                |  1/3:checkpoint 5..6 a5 t4,5 +add, 1/4:checkpoint 5..6 a6 b6 +add
  )");
}

TEST_F(CombinedCommandsTest, one_that_fails_leaves_the_others_in_the_barrier) {
  with_two_in_one();
  run(R"(
    commit          => 1:committed 1 with 2
    fail 1 3 50 3   => 1:reset3
    collect 1 job=0 =>
    collect 1 job=2 =>
    collect 1 job=4 => commit 2, 1:checkpoint 3..4 a1 t1 +stop, 1/2:checkpoint 3..4 a2 t2,3 +stop, 1/4:checkpoint 3..4 a4 t6,7 +stop
    commit          => 1:committed 2 with 2 with 4
  )");
  EXPECT_TRUE(placed(4));
  EXPECT_FALSE(placed(3));
}

TEST_F(CombinedCommandsTest, a_stuck_barrier_holds_others_up_for_half_a_second) {
  run(R"(
    create 2    => 1/2:create(0), 1/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 1/2:checkpoint 1..2 a2 b2 +add
    create 3    =>
    @499 tick   =>
    create 4    =>
  )");
  EXPECT_EQ(world_->control().next_wake()->nanos, 500'000'000);
  EXPECT_NE(apply("@500 tick").find("1:checkpoint 2..500 a1 t1 +add +add"), std::string::npos);
}

TEST_F(CombinedCommandsTest, where_barriers_are_slow_others_wait_twice_as_long_as_the_last_one_took) {
  begin({.schedule = {.interval = std::chrono::seconds(10)}});
  run("@100 create 2 => 1/2:create(0), 1/2:initial 0..1, 1:checkpoint 1..100 a1 t1 +add, 1/2:checkpoint 1..100 a2 b2 +add");
  apply("@900 collect 1");
  apply("commit");
  ASSERT_NE(apply("create 3").find("1:checkpoint 900..901 a1 t1 +add"), std::string::npos);
  EXPECT_EQ(apply("create 4"), "");
  EXPECT_EQ(apply("@2499 tick"), "");
  EXPECT_EQ(world_->control().next_wake()->nanos, 2'500'000'000);
  EXPECT_NE(apply("@2500 tick").find("1:checkpoint 901..2500 a1 t1 +add"), std::string::npos);
}

TEST_F(CombinedCommandsTest, a_barrier_that_goes_out_anyway_takes_them_along) {
  run(R"(
    create 2    => 1/2:create(0), 1/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 1/2:checkpoint 1..2 a2 b2 +add
    @10 flush 7 =>
    create 3    =>
    @20 tick    => 1/3:create(0), 1/3:initial 0..2, 1:checkpoint 2..20 a1 t1 +add, 1/2:checkpoint 2..20 a2 t2,3 +add, 1/3:checkpoint 2..20 a3 b3 +add
    collect 1   => commit 1
    commit      => 1:committed 1 with 2
    collect 1   => commit 2
    commit      => 1:committed 2 with 2 with 3, flushed 7 at 2
  )");
}

/// Tables 5 and 6 beside it, view 7 on table 5, all created; and a source 8 that view 9 reads.
class CombinedKindsTest : public CombinedCommandsTest {
 protected:
  void SetUp() override {
    begin();
    for (const uint32_t view : {2U, 3U, 4U}) apply(fmt::format("drop {}", view));
    world_->add(testing::table("a", 1));
    world_->add(testing::table("b", 1));
    for (const char* job : {"5", "6"}) create(job);
    world_->add(testing::view_on("va", 5));
    create("7");
    world_->add(testing::source("s"));
    world_->add(testing::view_on_source("vs", 8, 1), {{ObjectId{8}, {{"x", ""}}}});
    create("9");
    ASSERT_TRUE(created(5) && created(6) && created(7) && created(9));
    ASSERT_EQ(apply("@3000 tick"), "1:checkpoint 1500..3000 a1,2,3,4,5,6 t1,8,9,10,11,12,13");
    settle();
    apply("@3001 flush 1");
    ASSERT_EQ(apply("@3020 tick"), "1:checkpoint 3000..3020 a1,2,3,4,5,6 t1,8,9,10,11,12,13");
    settle();
  }
  void settle() {
    for (int i = 0; i < 8; ++i) {
      apply("collect 1 done=4");
      apply("commit");
    }
  }
  void create(const std::string& job) {
    apply("create " + job);
    settle();
    clock_ += 500;
    apply(fmt::format("@{} tick", clock_));
    settle();
  }
  int64_t clock_ = 0;
};

TEST_F(CombinedKindsTest, creates_drops_splits_rates_options_and_pauses_go_together) {
  world_->add(testing::table("c", 1));
  ASSERT_TRUE(world_->model().apply(adopt_listing(world_->model(), ObjectId{8}, {{"x", ""}, {"y", ""}})).has_value());
  run(R"(
    drop 6        => 1:checkpoint 3020..3021 a1,2,3,4,5,6 t1,8,9,10,11,12,13 +stop
    create 10     =>
    drop 7        =>
    splits 9      =>
    throttle 8 50 =>
    option 8 on_error skip =>
    pause 9       =>
  )");
  EXPECT_EQ(
      apply("collect 1"),
      "commit 3020, 1:checkpoint 3021..3022 a1,2,4,5,6,7 t1,8,10,11,12,13 b7 +throttle 5=50 +props 8:skip +pause5,6 +add +stop +splits");
  EXPECT_EQ(world_->control().traces().back().command, "throttle 9, alter sources of 9, pause 9, create 10, drop 7, change splits of 9");
}

TEST_F(CombinedKindsTest, a_pause_of_all_names_them_if_something_else_is_added) {
  world_->add(testing::table("c", 1));
  run(R"(
    drop 6        => 1:checkpoint 3020..3021 a1,2,3,4,5,6 t1,8,9,10,11,12,13 +stop
    pause         =>
    create 10     =>
  )");
  EXPECT_EQ(apply("collect 1"), "commit 3020, 1:checkpoint 3021..3022 a1,2,4,5,6,7 t1,8,10,11,12,13 b7 +pause1,2,4,5,6 +add paused");
}

TEST_F(CombinedKindsTest, a_dropped_job_is_not_told_anything_else) {
  ASSERT_TRUE(world_->model().apply(adopt_listing(world_->model(), ObjectId{8}, {{"x", ""}, {"y", ""}})).has_value());
  run(R"(
    drop 6        => 1:checkpoint 3020..3021 a1,2,3,4,5,6 t1,8,9,10,11,12,13 +stop
    splits 9      =>
    pause 9       =>
    drop 9        =>
    splits 9      =>
  )");
  EXPECT_EQ(apply("collect 1"), "commit 3020, 1:checkpoint 3021..3022 a1,2,4,5,6 t1,8,10,11,12,13 +stop");
}

TEST_F(CombinedKindsTest, a_move_waits_until_nothing_else_goes) {
  run(R"(
    drop 6          => 1:checkpoint 3020..3021 a1,2,3,4,5,6 t1,8,9,10,11,12,13 +stop
    drop 7          =>
    parallelism 5 2 =>
    rescale 9       =>
  )");
  EXPECT_EQ(apply("collect 1"), "commit 3020, 1:checkpoint 3021..3022 a1,2,4,5,6 t1,8,10,11,12,13 +stop");
  EXPECT_EQ(apply("collect 1"), "1:checkpoint 3022..3023 a1,2,5,6,7,8 t1,8,12,13 b7,8 +update-2");
}

// The end of a creation comes as an event; until then there is nothing to look at.
TEST_F(CombinedCommandsTest, a_command_that_waits_for_something_else_does_not_have_meta_look_again_and_again) {
  (void)apply("create 2");
  (void)apply("rescale 9");
  (void)apply("@600 tick");
  (void)apply("@601 tick");
  const auto wake = world_->control().next_wake();
  EXPECT_TRUE(!wake || *wake > world_->now().mono);
}

}  // namespace
}  // namespace penstock::meta
