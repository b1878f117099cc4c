// Pause, resume, throttle and intervals of a database.
#include <gtest/gtest.h>

#include "meta/catalog/alter.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// One node. Source 1; view 2 reads it (actor 1 the source, actor 2 the aggregation); table 3 (actor 3); view 4 on table 3 (actor 4). All
/// of them are created; the clock is at 2000, where the last barrier ended, and its epoch, which began at 1000, is committed.
class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.start_clock();
    world_.nodes(1);
    world_.start();
    world_.add(testing::source("s"));
    world_.add(testing::view_on_source("v", 1, 1));
    world_.add(testing::table("t", 1));
    world_.apply({"ready", "1"});
    create("2");
    create("3");
    world_.add(testing::view_on("w", 3));
    create("4");
    calm(1000);
    for (const uint32_t job : {2U, 3U, 4U}) ASSERT_EQ(world_.model().object(ObjectId{job})->state(), pb::JOB_CREATED) << job;
    ASSERT_EQ(testing::ControlWorld::show(world_.control().committed()), 1000);
  }
  void run(std::string_view script) { world_.run(script); }
  /// Everything is collected and committed, until nothing is left to do.
  void settle() {
    for (int i = 0; i < 10; ++i) {
      world_.apply({"collect", "1", "done=4"});
      world_.apply({"commit"});
    }
  }
  std::string create(const std::string& job) {
    std::string effects = world_.apply({"create", job});
    settle();
    return effects;
  }
  /// Barriers at `from` and a second later, which are committed.
  void calm(int64_t from) {
    for (const int64_t at : {from, from + 1000}) {
      world_.apply({fmt::format("@{}", at), "tick"});
      settle();
    }
  }

  testing::ControlWorld world_{{.command_patience = {}}};  // no change waits for others to share its barrier
};

TEST_F(SettingsTest, a_paused_database_is_held_by_the_next_barrier_and_goes_on_by_another) {
  run(R"(
    pause       => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause
    pause       =>
    @2100 resume => 1:checkpoint 2001..2100 a1,2,3,4 t1,2,3,4,5 +resume
    resume      =>
  )");
}

TEST_F(SettingsTest, a_paused_job_is_held_alone) {
  run(R"(
    pause 2     => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause1,2
    resume 2    => 1:checkpoint 2001..2002 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, a_paused_job_stays_so_when_its_database_goes_on) {
  run(R"(
    pause 2     => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause1,2
    pause       => 1:checkpoint 2001..2002 a1,2,3,4 t1,2,3,4,5 +pause3,4
    resume      => 1:checkpoint 2002..2003 a1,2,3,4 t1,2,3,4,5 +resume3,4
    resume 2    => 1:checkpoint 2003..2004 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, what_is_paused_is_built_so_after_a_failure_and_after_a_restart_of_meta) {
  run(R"(
    pause 2     => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause1,2
    fail 1 3    => 1:reset
    reset 1     => term ended at 1000, 1:create(1000), 1:initial 1000..2002 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
  )");
  for (const pb::BuildFragment& fragment : world_.last_sent(1).inject_barrier().build()) {
    EXPECT_EQ(fragment.paused(), fragment.job_id() == 2) << fragment.job_id();
  }
  run("collect 1 => 1:checkpoint 2002..2003 a1,2,3,4 t1,2,3,4,5");
  world_.restart();
  run(R"(
    ready 1     => 1:create(1000), 1:initial 1000..2004 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
    collect 1   => 1:checkpoint 2004..2005 a1,2,3,4 t1,2,3,4,5
    resume 2    => 1:checkpoint 2005..2006 a1,2,3,4 t1,2,3,4,5 +resume1,2
  )");
}

TEST_F(SettingsTest, a_pause_during_a_recovery_takes_effect_in_it) {
  run(R"(
    fail 1 3    => 1:reset
    pause       =>
    reset 1     => term ended at 1000, 1:create(1000), 1:initial 1000..2001 a1,2,3,4 t1,2,3,4,5 b1,2,3,4 paused
    collect 1   => 1:checkpoint 2001..2002 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, a_pause_while_actors_are_built_waits_for_the_graph_to_run) {
  run(R"(
    fail 1 3    => 1:reset
    reset 1     => term ended at 1000, 1:create(1000), 1:initial 1000..2001 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    pause       =>
    collect 1   => 1:checkpoint 2001..2002 a1,2,3,4 t1,2,3,4,5 +pause
  )");
}

TEST_F(SettingsTest, what_is_created_in_a_paused_database_begins_paused) {
  world_.add(testing::view_on_source("x", 1, 1));
  run("pause => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause");
  const std::string effects = create("5");
  EXPECT_NE(effects.find("b5,6 +add paused"), std::string::npos) << effects;
  calm(3000);
  run("resume => 1:checkpoint 4000..4001 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +resume");
}

TEST_F(SettingsTest, a_flush_with_a_pause_waits_for_the_barrier_that_holds_the_sources) {
  pb::PauseRequest request;
  request.set_database_id(1);
  ASSERT_TRUE(world_.model().apply(catalog::plan_pause(world_.model(), request, true).value()).has_value());
  run(R"(
    flush 7     => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +pause
    collect 1   => commit 2000
    commit      => 1:committed 2000, flushed 7 at 2000
  )");
}

TEST_F(SettingsTest, a_source_is_throttled_in_every_job_that_reads_it) {
  world_.add(testing::view_on_source("x", 1, 1));
  create("5");
  calm(3000);
  run(R"(
    throttle 1 50 => 1:checkpoint 4000..4001 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 1=50 +throttle 5=50
    throttle 5 20 => 1:checkpoint 4001..4002 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=20
    throttle 5 80 => 1:checkpoint 4002..4003 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 5=50
    throttle 1 0  => 1:checkpoint 4003..4004 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +throttle 1=0 +throttle 5=80
    throttle 5 80 =>
  )");
}

TEST_F(SettingsTest, a_backfill_is_throttled_and_recovers_with_its_rate) {
  run(R"(
    throttle_backfill 4 100 => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +throttle backfill 4=100
    fail 1 3    => 1:reset
    reset 1     => term ended at 1000, 1:create(1000), 1:initial 1000..2002 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
  )");
  const auto& build = world_.last_sent(1).inject_barrier().build();
  EXPECT_EQ(build[build.size() - 1].root().input(0).stream_scan().rate_limit(), 100U);
}

TEST_F(SettingsTest, options_of_a_source_change_in_every_job_that_reads_it) {
  world_.add(testing::view_on_source("x", 1, 1));
  create("5");
  calm(3000);
  run(R"(
    option 1 on_error skip => 1:checkpoint 4000..4001 a1,2,3,4,5,6 t1,2,3,4,5,6,7 +props 1:skip +props 1:skip
    option 1 on_error skip =>
  )");
}

TEST_F(SettingsTest, a_rate_and_an_option_that_change_at_once_share_a_barrier) {
  run(R"(
    option 1 on_error skip quietly =>
    throttle 1 50 => 1:checkpoint 2000..2001 a1,2,3,4 t1,2,3,4,5 +throttle 1=50 +props 1:skip
    tick          =>
  )");
}

TEST_F(SettingsTest, options_that_change_during_a_recovery_are_built_with_it) {
  run(R"(
    fail 1 3    => 1:reset
    option 1 on_error skip =>
    reset 1     => term ended at 1000, 1:create(1000), 1:initial 1000..2001 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    collect 1   => 1:checkpoint 2001..2002 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, intervals_change_while_the_database_runs_and_stay_after_a_restart) {
  run(R"(
    interval 200 3 =>
    @2200 tick  => 1:barrier 2000..2200 a1,2,3,4 t1,2,3,4,5
    @2400 tick  => 1:barrier 2200..2400 a1,2,3,4 t1,2,3,4,5
    @2600 tick  => 1:checkpoint 2400..2600 a1,2,3,4 t1,2,3,4,5
  )");
  world_.restart();
  run(R"(
    @3000 ready 1  => 1:create(1000), 1:initial 1000..3000 a1,2,3,4 t1,2,3,4,5 b1,2,3,4
    collect 1      => 1:checkpoint 3000..3001 a1,2,3,4 t1,2,3,4,5
    @3199 tick     =>
    @3200 tick     => 1:barrier 3001..3200 a1,2,3,4 t1,2,3,4,5
  )");
}

TEST_F(SettingsTest, a_dropped_job_that_alone_holds_up_the_barrier_is_left_behind) {
  run(R"(
    @3000 tick    => 1:checkpoint 2000..3000 a1,2,3,4 t1,2,3,4,5
    @3100 drop 2  => 1:checkpoint 3000..3100 a1,2,3,4 t1,2,3,4,5 +stop
    @4100 tick    => 1:checkpoint 3100..4100 a3,4 t3,4,5
    @5000 tick    => who 2000
    culprits 2000 3 2 =>
    @5500 tick    => 1:checkpoint 4100..5500 a3,4 t3,4,5
    @6000 tick    => who 2000
    culprits 3000 2 =>
    culprits 2000 =>
    culprits 2000 1 2 => 1:reset
    reset 1       => term ended at 1000, 1:create(1000), 1:initial 1000..6000 a3,4 t3,4,5 b3,4
    collect 1     => 1:checkpoint 6000..6001 a3,4 t3,4,5
    culprits 6000 3 =>
  )");
}

TEST_F(SettingsTest, a_barrier_that_is_slow_without_a_drop_is_nobody_s_fault) {
  run(R"(
    @3000 tick    => 1:checkpoint 2000..3000 a1,2,3,4 t1,2,3,4,5
    @6000 tick    => 1:checkpoint 3000..6000 a1,2,3,4 t1,2,3,4,5
    culprits 2000 1 =>
    drop 4        => 1:checkpoint 6000..6001 a1,2,3,4 t1,2,3,4,5 +stop, who 2000
    collect 1     => commit 2000
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
