// Pause, resume, throttle and intervals of a database.
#include <gtest/gtest.h>

#include "meta/catalog/alter.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// One node. Source 1; view 2 reads it (actor 1 the source, actor 2 the aggregation); table 3 (actor 3); view 4 on table 3 (actor 4). All
/// of them run, the clock is at 0, the last barrier began epoch 4.
class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.start_clock();
    world_.nodes(1);
    world_.start();
    world_.add(testing::source("s"));
    world_.add(testing::view_on_source("v", 1, 1));
    world_.add(testing::table("t", 1));
    world_.add(testing::view_on("w", 3));
    run(R"(
      ready 1     =>
      create 2    => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1,2 b1,2 +add
      create 3    => 1:checkpoint 1..2 a1,2,3 t1,2 b3 +add
      create 4    => 1:checkpoint 2..3 a1,2,3,4 t1,2,3 b4 +add
      collect 1   =>
      collect 1   => commit 0
      commit      => 1:committed 0, created 2
      collect 1   => commit 1
      commit      => 1:committed 1, created 3
      collect 1   => commit 2
      commit      => 1:committed 2
    )");
  }
  void run(std::string_view script) { world_.run(script); }

  testing::ControlWorld world_;
};

TEST_F(SettingsTest, a_paused_database_is_held_by_the_next_barrier_and_goes_on_by_another) {
  run(R"(
    pause       => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause
    pause       =>
    @100 resume => 1:checkpoint 4..100 a1,2,3,4 t1,2,3,4,5 +resume
    resume      =>
  )");
}

TEST_F(SettingsTest, a_paused_job_is_held_alone) {
  run(R"(
    pause 2     => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause1,2
    resume 2    => 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, a_paused_job_stays_so_when_its_database_goes_on) {
  run(R"(
    pause 2     => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause1,2
    pause       => 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5 +pause3,4
    resume      => 1:checkpoint 5..6 a1,2,3,4 t1,2,3,4,5 +resume3,4
    resume 2    => 1:checkpoint 6..7 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, what_is_paused_is_built_so_after_a_failure_and_after_a_restart_of_meta) {
  run(R"(
    pause 2     => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause1,2
    fail 1 3    => 1:reset
    reset 1     => term ended at 2, 1:create(2), 1:initial 2..5 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
  )");
  for (const pb::BuildFragment& fragment : world_.last_sent(1).inject_barrier().build()) {
    EXPECT_EQ(fragment.paused(), fragment.job_id() == 2) << fragment.job_id();
  }
  run("collect 1 => 1:checkpoint 5..6 a1,2,3,4 t1,2,3,4,5");
  world_.restart();
  run(R"(
    ready 1     => 1:create(2), 1:initial 2..7 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
    collect 1   => 1:checkpoint 7..8 a1,2,3,4 t1,2,3,4,5
    resume 2    => 1:checkpoint 8..9 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, a_pause_during_a_recovery_takes_effect_in_it) {
  run(R"(
    fail 1 3    => 1:reset
    pause       =>
    reset 1     => term ended at 2, 1:create(2), 1:initial 2..4 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
    collect 1   => 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, a_pause_while_actors_are_built_waits_for_the_graph_to_run) {
  run(R"(
    fail 1 3    => 1:reset
    reset 1     => term ended at 2, 1:create(2), 1:initial 2..4 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    pause       =>
    collect 1   => 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5 +pause
  )");
}

TEST_F(SettingsTest, what_is_created_in_a_paused_database_begins_paused) {
  world_.add(testing::view_on_source("x", 1, 1));
  run(R"(
    pause       => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause
    create 5    => 1:checkpoint 4..5 a1,2,3,4,5,6 t1,2,3,4,5 b5,6 +add paused
    resume      => 1:checkpoint 5..6 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +resume
  )");
}

TEST_F(SettingsTest, a_flush_with_a_pause_waits_for_the_barrier_that_holds_the_sources) {
  pb::PauseRequest request;
  request.set_database_id(1);
  ASSERT_TRUE(world_.model().apply(catalog::plan_pause(world_.model(), request, true).value()).has_value());
  run(R"(
    flush 7     => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +pause
    collect 1   => commit 3
    commit      => 1:committed 3, flushed 7 at 3
  )");
}

TEST_F(SettingsTest, a_source_is_throttled_in_every_job_that_reads_it) {
  world_.add(testing::view_on_source("x", 1, 1));
  run(R"(
    create 5      => 1:checkpoint 3..4 a1,2,3,4,5,6 t1,2,3,4,5 b5,6 +add
    throttle 1 50 => 1:checkpoint 4..5 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 1=50, 1:checkpoint 5..6 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=50
    throttle 5 20 => 1:checkpoint 6..7 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=20
    throttle 5 80 => 1:checkpoint 7..8 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=50
    throttle 1 0  => 1:checkpoint 8..9 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 1=0, 1:checkpoint 9..10 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=80
    throttle 5 80 =>
  )");
}

TEST_F(SettingsTest, a_backfill_is_throttled_and_recovers_with_its_rate) {
  run(R"(
    throttle_backfill 4 100 => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +throttle backfill 4=100
    fail 1 3    => 1:reset
    reset 1     => term ended at 2, 1:create(2), 1:initial 2..5 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
  )");
  const auto& build = world_.last_sent(1).inject_barrier().build();
  EXPECT_EQ(build[build.size() - 1].root().input(0).stream_scan().rate_limit(), 100U);
}

TEST_F(SettingsTest, options_of_a_source_change_in_every_job_that_reads_it) {
  world_.add(testing::view_on_source("x", 1, 1));
  run(R"(
    create 5               => 1:checkpoint 3..4 a1,2,3,4,5,6 t1,2,3,4,5 b5,6 +add
    option 1 on_error skip => 1:checkpoint 4..5 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +props 1:skip, 1:checkpoint 5..6 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +props 1:skip
    option 1 on_error skip =>
  )");
}

TEST_F(SettingsTest, a_rate_and_an_option_that_change_at_once_take_two_barriers) {
  run(R"(
    option 1 on_error skip quietly =>
    throttle 1 50 => 1:checkpoint 3..4 a1,2,3,4 t1,2,3,4,5 +throttle 1=50, 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5 +props 1:skip
    tick          =>
  )");
}

TEST_F(SettingsTest, options_that_change_during_a_recovery_are_built_with_it) {
  run(R"(
    fail 1 3    => 1:reset
    option 1 on_error skip =>
    reset 1     => term ended at 2, 1:create(2), 1:initial 2..4 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    collect 1   => 1:checkpoint 4..5 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, intervals_change_while_the_database_runs_and_stay_after_a_restart) {
  run(R"(
    interval 200 3 =>
    @200 tick   => 1:barrier 3..200 a1,2,3,4 t1,2,3,4,5
    @400 tick   => 1:barrier 200..400 a1,2,3,4 t1,2,3,4,5
    @600 tick   => 1:checkpoint 400..600 a1,2,3,4 t1,2,3,4,5
  )");
  world_.restart();
  run(R"(
    @1000 ready 1  => 1:create(2), 1:initial 2..1000 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    collect 1      => 1:checkpoint 1000..1001 a1,2,3,4 t1,2,3,4,5
    @1199 tick     =>
    @1200 tick     => 1:barrier 1001..1200 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, what_has_nothing_to_hold_or_to_limit_is_refused_by_name) {
  const auto paused = [&](uint32_t job) {
    pb::PauseRequest request;
    request.set_job_id(job);
    return catalog::plan_pause(world_.model(), request, true).error().message();
  };
  const auto throttled = [&](uint32_t object, bool backfill) {
    pb::ThrottleRequest request;
    request.set_object_id(object);
    request.set_backfill(backfill);
    return catalog::plan_throttle(world_.model(), request).error().message();
  };
  EXPECT_EQ(paused(3), "table t has no source and no backfill that could be held");
  EXPECT_EQ(paused(1), "job 1 does not exist");
  EXPECT_EQ(throttled(3, false), "table t reads no source");
  EXPECT_EQ(throttled(2, true), "materialized view v has no backfill: it reads no table or view");
  EXPECT_EQ(throttled(1, true), "source s has no backfill");
  EXPECT_EQ(throttled(9, true), "object 9 does not exist");
}

}  // namespace
}  // namespace penstock::meta
