#include "bench/machine/controller.h"

#include <gtest/gtest.h>

#include "unit/bench/controller_world.h"

namespace penstock::bench {
namespace {

using testing::ControllerWorld;

const std::string kAll = "policy: all_or_nothing";
const std::string kMajority = "policy: majority, straggler_grace: 5s";
const std::string kBest = "policy: best_effort";

TEST(Controller, nobody_starts_before_all_are_ready_and_the_run_ends_when_all_are_done) {
  ControllerWorld world(2, {kAll});
  world.run(R"(
    start         => connect a, connect b
    hello a       => a:start
    ready a       => +a@0
    hello b       => b:start
    ready b       => +b@0, +release 0, a:release 0, b:release 0
    at b 1        => +b@1
    at a 1        => +a@1, +release 1, a:release 1, b:release 1
    done a ok     =>
    done b ok     => +end, a:goodbye, disconnect a, b:goodbye, disconnect b, finish ok
  )");
}

TEST(Controller, all_or_nothing_holds_the_fast_ones_until_the_slow_one_comes) {
  ControllerWorld world(3, {kAll, kAll});
  world.reach(1);
  world.run(R"(
    @1000 at a 1   => +a@1
    @1100 at b 1   => +b@1
    @25000 stats c 0 0.9 => c:heard
    @26000 at c 1  => +c@1, +release 1, a:release 1, b:release 1, c:release 1
  )");
}

TEST(Controller, keeps_how_long_after_the_release_each_agent_began) {
  ControllerWorld world(3, {kAll, kMajority, kBest});
  world.reach(1);  // at 0
  world.run(R"(
    @4 begun b 0   =>
    @4 begun b 0   =>
    @5 begun b 1   =>
    @7 begun a 0   =>
    @109 begun c 0 103 => +began 0 b:4 a:7 c:6
    @110 begun c 0   =>
    at a 1         => +a@1
    at b 1         => +b@1
    @220 at c 1     => +c@1, +release 1, a:release 1, b:release 1, c:release 1
    @222 begun a 1  =>
    @225 begun c 1  =>
    fail b 1       => +began 1 a:2 c:5, +failed b
    at a 2         => +a@2
    @230 at c 2     => +c@2, +release 2 x:b, a:release 2, c:release 2, b:excluded 2
    @240 begun a 2  =>
    at a 3         => +a@3
    at c 3         => +c@3, +began 2 a:10, +release 3, a:release 3, c:release 3
  )");
}

TEST(Controller, a_repeated_arrival_counts_once) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    at a 1   => +a@1
    at a 1   =>
    at b 1   => +b@1, +release 1, a:release 1, b:release 1
    at a 1   => a:release 1
    at b 1   => b:release 1
  )");
}

TEST(Controller, an_arrival_of_another_name_or_of_the_future_is_a_failure_of_its_agent) {
  {
    ControllerWorld world(3, {kMajority, kMajority});
    world.reach(1);
    world.run("at a 2 => +failed a");
  }
  ControllerWorld world(3, {kMajority, kMajority});
  world.reach(1);
  world.run(R"(
    at a 1 wrong        => +failed a
    at b 99 stage-98-x  => +failed b, +abort, a:abort, b:abort, c:abort
  )");
}

TEST(Controller, all_or_nothing_aborts_as_soon_as_one_failed_and_names_it) {
  ControllerWorld world(3, {kAll});
  world.reach(1);
  world.run(R"(
    at a 1          => +a@1
    fail b 0        => +failed b, +abort, a:abort, b:abort, c:abort
    done a aborted  =>
    done b aborted  =>
    done c aborted  => a:goodbye, disconnect a, b:goodbye, disconnect b, c:goodbye, disconnect c, finish failed
  )");
  EXPECT_EQ(world.reason(), "barrier stage-0-s0 (all_or_nothing): agent b failed: broke");
}

TEST(Controller, all_or_nothing_times_out_with_everything_that_helps_in_the_error) {
  ControllerWorld world(3, {kAll});
  world.reach(1);
  world.run(R"(
    @29000 at a 1        => +a@1
    @29000 stats b 0 0.42 => b:heard
    @29900 stats c 0 -1  => c:heard
    @29999 tick          =>
    @30000 tick          => +abort, a:abort, b:abort, c:abort
    @30001 done a x      =>
    @30001 done b x      =>
    @30001 done c x      => a:goodbye, disconnect a, b:goodbye, disconnect b, c:goodbye, disconnect c, finish failed
  )");
  EXPECT_EQ(
      world.reason(),
      "barrier stage-0-s0 (all_or_nothing) timed out after 30s: 1 of 3 ready; missing: b (last at stage 0 's0', 42 %, heartbeat 1s ago), "
      "c (last at stage 0 's0', progress unknown, heartbeat 100ms ago)");
}

TEST(Controller, all_or_nothing_of_an_optional_stage_is_skipped_and_who_failed_goes_on) {
  ControllerWorld world(3, {"optional;" + kAll, kAll});
  world.reach(1);
  world.run(R"(
    at a 1    => +a@1
    fail b 0  => +failed b, +skip 1, a:sync 1, b:sync 1, c:sync 1
    fail b 0  =>
    at c 1    => +late c@1, c:sync 1
    at a 2    => +a@2
    at b 2    => +b@2
    at c 2    => +c@2, +release 2, a:release 2, b:release 2, c:release 2
  )");
}

TEST(Controller, a_dead_agent_skips_the_optional_stage_but_not_the_next) {
  ControllerWorld world(2, {"optional;" + kAll, kAll});
  world.reach(1);
  world.run(R"(
    @100 down b         =>
    @200 tick           => connect b
    @1000 at a 1        => +a@1
    @6900 stats a 0 1   => a:heard
    @7000 tick          => +lost b, +skip 1, a:sync 1, +abort, a:abort
  )");
}

TEST(Controller, majority_releases_when_all_live_ones_are_ready) {
  ControllerWorld world(5, {kMajority, kMajority});
  world.reach(1);
  world.run(R"(
    fail d 0   => +failed d
    fail e 0   => +failed e
    at a 1     => +a@1
    at b 1     => +b@1
    at c 1     => +c@1, +release 1 x:d x:e, a:release 1, b:release 1, c:release 1, d:excluded 1, e:excluded 1
    at a 2     => +a@2
    at b 2     => +b@2
    at c 2     => +c@2, +release 2, a:release 2, b:release 2, c:release 2
  )");
}

TEST(Controller, majority_gives_stragglers_their_grace_from_the_moment_of_the_majority) {
  ControllerWorld world(4, {kMajority, kMajority});
  world.reach(1);
  world.run(R"(
    @1000 at a 1    => +a@1
    @1500 stats d 0 0.2 => d:heard
    @2000 at b 1    => +b@1
    @2000 tick      =>
    @3000 at c 1    => +c@1
    @4000 stats d 0 0.3 => d:heard
    @5500 stats a 0 1   => a:heard
    @5500 stats b 0 1   => b:heard
    @5500 stats c 0 1   => c:heard
    @5500 stats d 0 0.3 => d:heard
    @7999 tick      =>
    @8000 tick      => +release 1 x:d, a:release 1, b:release 1, c:release 1, d:excluded 1
    @8100 at d 1    => d:excluded 1
  )");
}

TEST(Controller, half_is_no_majority) {
  ControllerWorld world(4, {kMajority});
  world.reach(1);
  world.run(R"(
    at a 1    => +a@1
    at b 1    => +b@1
    fail c 0  => +failed c
    fail d 0  => +failed d, +abort, a:abort, b:abort, c:abort, d:abort
  )");
}

TEST(Controller, majority_lost_again_starts_the_grace_afresh) {
  ControllerWorld world(5, {kMajority});
  world.reach(1);
  world.run(R"(
    @0 at a 1        => +a@1
    @0 at b 1        => +b@1
    @0 at c 1        => +c@1
    @2000 fail c 0   => +failed c
    @2500 stats a 0 1 => a:heard
    @2500 stats b 0 1 => b:heard
    @2500 stats d 0 1 => d:heard
    @2500 stats e 0 1 => e:heard
    @2600 at d 1     => +d@1
    @5100 stats e 0 1 => e:heard
    @5100 stats a 0 1 => a:heard
    @5100 stats b 0 1 => b:heard
    @5100 stats d 0 1 => d:heard
    @5100 stats c 0 1 => c:heard
    @7599 tick       =>
    @7600 tick       => +release 1 x:c x:e, a:release 1, b:release 1, d:release 1, c:excluded 1, e:excluded 1
  )");
}

TEST(Controller, majority_times_out_without_one) {
  ControllerWorld world(3, {kMajority});
  world.reach(1);
  world.run(R"(
    @29500 at a 1       => +a@1
    @29500 stats b 0 0  => b:heard
    @29500 stats c 0 0  => c:heard
    @30000 tick         => +abort, a:abort, b:abort, c:abort
  )");
}

TEST(Controller, all_or_nothing_after_a_majority_asks_only_those_that_are_left) {
  ControllerWorld world(3, {kMajority, kAll});
  world.reach(1);
  world.run(R"(
    fail c 0   => +failed c
    at a 1     => +a@1
    at b 1     => +b@1, +release 1 x:c, a:release 1, b:release 1, c:excluded 1
    at a 2     => +a@2
    at b 2     => +b@2, +release 2, a:release 2, b:release 2
  )");
}

TEST(Controller, best_effort_goes_on_at_the_timeout_and_the_slow_one_follows_behind) {
  ControllerWorld world(3, {kBest, kBest});
  world.reach(1);
  world.run(R"(
    @28000 at a 1        => +a@1
    @29000 at b 1        => +b@1
    @29000 stats c 0 0.5 => c:heard
    @30000 tick          => +release 1 o:c, a:release 1, b:release 1
    @31000 at c 1        => +late c@1, c:release 1
    @31500 at a 2        => +a@2
    @31500 at b 2        => +b@2
    @31600 at c 2        => +c@2, +release 2, a:release 2, b:release 2, c:release 2
  )");
}

TEST(Controller, best_effort_needs_one_ready_at_the_timeout) {
  ControllerWorld world(2, {kBest});
  world.reach(1);
  world.run(R"(
    @29000 stats a 0 0.5 => a:heard
    @29000 stats b 0 0.5 => b:heard
    @30000 tick          => +abort, a:abort, b:abort
  )");
}

TEST(Controller, best_effort_goes_on_without_the_failed_and_ends_without_anybody) {
  ControllerWorld world(2, {kBest, kBest});
  world.reach(1);
  world.run(R"(
    fail b 0   => +failed b
    at a 1     => +a@1, +release 1, a:release 1, b:excluded 1
    fail a 1   => +failed a, +abort, a:abort, b:abort
  )");
}

TEST(Controller, all_or_nothing_after_best_effort_fails_for_the_dead_agent_at_once) {
  ControllerWorld world(2, {kBest, kAll});
  world.reach(1);
  world.run(R"(
    fail b 0   => +failed b
    at a 1     => +a@1, +release 1, a:release 1, b:excluded 1, +abort, a:abort, b:abort
    done b x   =>
    done a x   => a:goodbye, disconnect a, b:goodbye, disconnect b, finish failed
  )");
  EXPECT_EQ(world.reason(), "barrier stage-1-s1 (all_or_nothing): agent b failed: broke");
}

TEST(Controller, an_agent_that_is_out_of_step_at_the_end_gets_some_time_and_then_an_abort) {
  ControllerWorld world(2, {kBest});
  world.reach(1);
  world.run(R"(
    @29000 at a 1        => +a@1
    @29500 stats b 0 0.5 => b:heard
    @30000 tick          => +release 1 o:b, a:release 1
    @30001 done a ok     =>
    @59000 stats b 0 0.6 => b:heard
    @59000 stats a 0 0.6 => a:heard
    @60000 tick          => b:abort
    @60100 done b x      => +end, a:goodbye, disconnect a, b:goodbye, disconnect b, finish ok
  )");
}

TEST(Controller, a_silent_agent_is_asked_and_then_given_up) {
  ControllerWorld world(2, {kBest, kBest});
  world.reach(1);
  world.run(R"(
    @2900 stats a 0 0   => a:heard
    @2999 tick          =>
    @3000 tick          => b:query
    @4999 tick          =>
    @5000 stats a 0 0   => a:heard
    @5000 tick          => b:query
    @6900 at a 1        => +a@1
    @7000 tick          => disconnect b, +lost b, +release 1, a:release 1
    @9000 tick          => connect b
    @9001 hello b 0 -   => b:excluded 1
    @9002 done b x      =>
    @9003 done b x      =>
  )");
  EXPECT_EQ(world.lost(), "silent for 7s, 2 queries unanswered");
}

TEST(Controller, an_answer_to_the_query_is_a_sign_of_life) {
  ControllerWorld world(1, {kBest});
  world.reach(1);
  world.run(R"(
    @3000 tick        => a:query
    @4000 stats a 0 0 => a:heard
    @6999 tick        =>
    @7000 tick        => a:query
    @9000 tick        => a:query
    @11000 tick       => disconnect a, +lost a, +abort, finish failed
  )");
}

TEST(Controller, a_broken_stream_is_opened_again_with_pauses_and_the_run_goes_on) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    @100 down a        =>
    @199 tick          =>
    @200 tick          => connect a
    @201 down a        =>
    @401 tick          => connect a
    @402 hello a 0 1   =>
    @403 at a 1        => +a@1
    @404 at b 1        => +b@1, +release 1, a:release 1, b:release 1
  )");
}

TEST(Controller, a_stream_that_stays_broken_loses_the_agent) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    @0 down a           =>
    @100 tick           => connect a
    @6900 stats b 0 0   => b:heard
    @6999 tick          =>
    @7000 tick          => +lost a, +abort, b:abort
    @7001 done b x      => disconnect a, b:goodbye, disconnect b, finish failed
  )");
  EXPECT_EQ(world.reason(), "barrier stage-0-s0 (all_or_nothing): agent a was lost: not reachable for 7s (cable cut)");
}

TEST(Controller, an_agent_that_restarted_is_lost) {
  ControllerWorld world(3, {kMajority});
  world.reach(1);
  world.run(R"(
    @100 down c     =>
    @200 tick       => connect c
    @300 hello c    => +lost c
    @400 at a 1     => +a@1
    @500 at b 1     => +b@1, +release 1 x:c, a:release 1, b:release 1, c:excluded 1
  )");
}

TEST(Controller, an_agent_that_never_answers_ends_the_run_before_it_begins) {
  ControllerWorld world(2, {kAll});
  world.run(R"(
    start           => connect a, connect b
    hello a         => a:start
    ready a         => +a@0
    @100 down b     =>
    @200 tick       => connect b
    @19000 stats a 0 0 => a:heard
    @20000 tick     => +lost b, +abort, a:abort
    @20001 done a x => a:goodbye, disconnect a, disconnect b, finish failed
  )");
  EXPECT_EQ(world.reason(), "barrier start (all_or_nothing): agent b was lost: not reachable for 20s (cable cut)");
}

TEST(Controller, an_agent_that_is_busy_or_of_another_version_ends_the_run) {
  {
    ControllerWorld world(2, {kAll});
    world.run(R"(
      start                 => connect a, connect b
      hello a               => a:start
      refused b busy        => +lost b, +abort, a:abort
    )");
  }
  ControllerWorld world(1, {kAll});
  world.run(R"(
    start       => connect a
    hello a v9  => +lost a, +abort, a:abort
  )");
}

TEST(Controller, an_agent_that_leaves_by_itself_has_failed) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run("done a controller_gone => +failed a, +abort, b:abort");
}

TEST(Controller, an_interrupt_aborts_and_a_second_one_does_not_wait) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    abort    => +abort, a:abort, b:abort
    at a 1   => +a@1
    done a x =>
    abort    => a:goodbye, disconnect a, b:goodbye, disconnect b, finish failed
  )");
  EXPECT_EQ(world.reason(), "interrupted");
}

TEST(Controller, an_abort_waits_for_nobody_for_ever) {
  ControllerWorld world(1, {kAll});
  world.reach(1);
  world.run(R"(
    @0 abort            => +abort, a:abort
    @29000 stats a 0 0  => a:heard
    @29999 tick         =>
    @30000 tick         => a:goodbye, disconnect a, finish failed
  )");
}

TEST(Controller, resumed_at_a_barrier_it_counts_what_was_counted) {
  ControllerWorld world(3, {kAll, kAll});
  world.reach(2);
  world.run(R"(
    at a 2          => +a@2
    @50000 resume   => connect a, connect b, connect c
    hello b 1 -     =>
    hello a 1 2     =>
    at a 2          =>
    hello c 1 2     =>
    at c 2          => +c@2
    at b 2          => +b@2, +release 2, a:release 2, b:release 2, c:release 2
  )");
}

TEST(Controller, resumed_after_a_decision_it_tells_the_same_again) {
  ControllerWorld world(3, {kMajority, kAll});
  world.reach(1);
  world.run(R"(
    fail c 0        => +failed c
    at a 1          => +a@1
    at b 1          => +b@1, +release 1 x:c, a:release 1, b:release 1, c:excluded 1
    @50000 resume   => connect a, connect b, connect c
    hello a 0 1     =>
    at a 1          => a:release 1
    hello b 1 -     =>
    hello c 0 -     => c:excluded 1
    fail c 0        =>
    done c x        =>
    at a 2          => +a@2
    at b 2          => +b@2, +release 2, a:release 2, b:release 2
  )");
}

TEST(Controller, resumed_between_the_last_arrival_and_the_decision_it_decides) {
  ControllerWorld world(1, {kAll, kAll});
  world.reach(1);
  world.run("at a 1 => +a@1, +release 1, a:release 1");
  ControllerWorld other(1, {kAll, kAll});
  other.run(R"(
    start    => connect a
    hello a  => a:start
    ready a  => +a@0, +release 0, a:release 0
    resume   => connect a
    hello a 0 0 =>
    ready a  => a:release 0
  )");
}

TEST(Controller, resumed_after_a_skip_it_moves_on_who_missed_it) {
  ControllerWorld world(2, {"optional;" + kAll, kAll});
  world.reach(1);
  world.run(R"(
    @10 fail b 0    => +failed b, +skip 1, a:sync 1, b:sync 1
    @500 resume     => connect a, connect b
    hello a 0 -     => a:sync 1
    hello b 0 -     => b:sync 1
    fail b 0        =>
    at a 2          => +a@2
    at b 2          => +b@2, +release 2, a:release 2, b:release 2
  )");
}

TEST(Controller, timers_start_afresh_when_it_is_resumed) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    @29000 resume        => connect a, connect b
    hello a 0 -          =>
    hello b 0 -          =>
    @31000 tick          =>
    @31500 stats a 0 0   => a:heard
    @31500 stats b 0 0   => b:heard
    @58000 stats a 0 0   => a:heard
    @58000 stats b 0 0   => b:heard
    @58999 tick          =>
    @59000 tick          => +abort, a:abort, b:abort
  )");
}

TEST(Controller, resumed_during_an_abort_it_goes_on_aborting) {
  ControllerWorld world(2, {kAll});
  world.reach(1);
  world.run(R"(
    abort         => +abort, a:abort, b:abort
    done a x      =>
    resume        => connect a, connect b
    hello a       =>
    hello b 0 -   => b:abort
    done b x      => a:goodbye, disconnect a, b:goodbye, disconnect b, finish failed
  )");
}

TEST(Controller, a_resume_that_finds_an_agent_gone_treats_it_by_the_policy) {
  ControllerWorld world(3, {kMajority});
  world.reach(1);
  world.run(R"(
    @0 at a 1           => +a@1
    @1000 resume        => connect a, connect b, connect c
    @1000 hello a 0 1   =>
    @1000 hello b 0 1   =>
    @1000 at b 1        => +b@1
    @2000 stats a 0 0   => a:heard
    @2000 stats b 0 0   => b:heard
    @4000 stats a 0 0   => a:heard
    @4000 stats b 0 0   => b:heard
    @5999 tick          =>
    @6000 tick          => +release 1 x:c, a:release 1, b:release 1
  )");
}

}  // namespace
}  // namespace penstock::bench
