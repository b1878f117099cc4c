#include "bench/machine/agent.h"

#include <gtest/gtest.h>

#include "unit/bench/agent_world.h"

namespace penstock::bench {
namespace {

using testing::AgentWorld;

TEST(Agent, runs_stage_after_stage_each_after_its_release_and_is_idle_again) {
  AgentWorld world({"", ""});
  world.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    start 1        => enter, 1:ready
    release 1 0    => run 1 0
    ended 1        => keep 0, 1:at 1
    release 1 1    => run 2 1
    ended 2        => keep 1, 1:at 2
    release 1 2    => 1:done ok
    goodbye 1      => leave, hangup 1
    attach 2 y r2  => 2:hello - 0 -1
    start 2 r2     => enter, 2:ready
  )");
}

TEST(Agent, tells_once_that_a_stage_has_begun_a_moment_later_or_when_it_ends) {
  AgentWorld world({"", "", ""});
  world.reach(0);
  world.run(R"(
    @10 begun 1      =>
    @109 tick        =>
    @110 tick        => 1:begun 0 100
    @300 tick        =>
    attach 2 x r1    => hangup 1, 2:hello r1 0 -1
    ended 1          => keep 0, 2:at 1
    begun 1          =>
    release 2 1      => run 2 1
    @320 begun 2     =>
    @325 ended 2     => 2:begun 1 5, keep 1, 2:at 2
    release 2 2      => run 3 2
    abort 2          => stop 3
    begun 3          =>
  )");
}

TEST(Agent, refuses_a_release_of_another_sequence_or_name_with_both_in_the_error) {
  AgentWorld world({"", ""});
  world.reach(0);
  world.run(R"(
    ended 1                   => keep 0, 1:at 1
    release 1 2               => 1:refused
  )");
  EXPECT_EQ(world.said(), "release of stage-1-s1 (2) refused: this agent waits at stage-0-s0 (1)");
  world.run(R"(
    release 1 1 stage-0-other => 1:refused
    release 1 7 end           => 1:refused
    release 1 1               => run 2 1
  )");
}

TEST(Agent, a_repeated_release_is_harmless_and_an_early_one_is_refused) {
  AgentWorld world({"", ""});
  world.reach(0);
  world.run(R"(
    release 1 0               => 
    release 1 0 other         => 1:refused
    release 1 1               => 1:refused
  )");
  EXPECT_EQ(world.said(), "release of stage-0-s0 (1) refused: this agent waits at no barrier, it is in stage 0 's0'");
  world.run(R"(
    ended 1                   => keep 0, 1:at 1
    release 1 0               =>
    release 1 1               => run 2 1
    release 1 1               =>
  )");
}

TEST(Agent, an_idle_one_refuses_what_belongs_to_a_run) {
  AgentWorld world({""});
  world.run(R"(
    release 1 0    => 1:refused, hangup 1
    attach 1 x r1  => 1:hello - 0 -1
    release 1 0    => 1:refused
    sync 1 1       => 1:refused
    query 1        => stats 1
    abort 1        => 1:done no
    excluded 1     => 1:done no
    goodbye 1      => hangup 1
  )");
}

TEST(Agent, a_second_controller_is_refused_with_the_owner) {
  AgentWorld world({""});
  world.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    attach 2 y r2  => 2:refused x, hangup 2
    start 1        => enter, 1:ready
    attach 3 y r2  => 3:refused x, hangup 3
    attach 4 x r9  => 4:refused x, hangup 4
    lost 1         =>
    attach 5 y r2  => 5:refused x, hangup 5
  )");
  EXPECT_EQ(world.said(), "busy with run r1 of x");
}

TEST(Agent, its_own_controller_on_a_new_connection_replaces_the_old_one) {
  AgentWorld world({""});
  world.reach(0);
  world.run(R"(
    attach 2 x r1  => hangup 1, 2:hello r1 0 -1
    lost 1         =>
    ended 1        => keep 0, 2:at 1
    attach 3 x r1  => hangup 2, 3:hello r1 0 1, 3:at 1
    release 3 1    => 3:done ok
    attach 4 x r1  => hangup 3, 4:hello r1 0 -1, 4:done ok
    goodbye 4      => leave, hangup 4
  )");
}

TEST(Agent, asks_for_its_token_and_for_its_version) {
  AgentWorld world({""}, "", {.name = "me", .machine = "m", .token = "secret", .allow_exec = false});
  world.run(R"(
    attach 1 x r1                => 1:refused, hangup 1
    attach 2 x r1 token=secres   => 2:refused, hangup 2
    attach 3 x r1 token=secretx  => 3:refused, hangup 3
  )");
  EXPECT_EQ(world.said(), "wrong token");
  world.run("attach 4 x r1 token=secret v9 => 4:refused, hangup 4");
  EXPECT_EQ(world.said(), "this agent speaks version 3, the controller 9");
  world.run("attach 5 x r1 token=secret => 5:hello - 0 -1");
}

TEST(Agent, runs_scripts_only_when_it_was_allowed_to) {
  AgentWorld careful({"script;"});
  careful.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    start 1        => 1:failed
  )");
  EXPECT_EQ(careful.said(), "stage 's0' runs or kills programs, and this agent was started without --allow-exec");
  AgentWorld willing({"script;"}, "", {.name = "me", .machine = "m", .token = "", .allow_exec = true});
  willing.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    start 1        => enter, 1:ready
  )");
}

TEST(Agent, a_stage_file_that_does_not_parse_is_a_failure_and_it_stays_idle) {
  AgentWorld world({""});
  world.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    start 1 r1 bad => 1:failed
    start 1        => enter, 1:ready
    start 1        => 1:ready
    start 1 r2     => 1:refused x
  )");
}

TEST(Agent, a_stage_that_fails_is_told_and_waits_for_the_controller) {
  AgentWorld world({"", "cleanup;"});
  world.reach(0);
  world.run(R"(
    ended 1 error  => 1:failed
    release 1 0    =>
    attach 2 x r1  => hangup 1, 2:hello r1 0 -1, 2:failed
    sync 2 0       =>
    abort 2        => run 2 1
    ended 2        => keep 1, leave, 2:done no
  )");
  EXPECT_EQ(world.said(), "told to");
}

TEST(Agent, after_an_exclusion_it_cleans_up_and_goes_idle) {
  AgentWorld world({"", "", "cleanup;", "cleanup;"});
  world.reach(0);
  world.run(R"(
    excluded 1     => stop 1
    excluded 1     =>
    ended 1        => keep 0, run 2 2
    ended 2 error  => run 3 3
    ended 3        => keep 3, leave, 1:done no
    ended 3        => keep 99
  )");
  EXPECT_EQ(world.said(), "excluded: too slow");
}

TEST(Agent, an_abort_before_the_first_stage_has_nothing_to_clean) {
  AgentWorld world({"", "cleanup;"});
  world.run(R"(
    attach 1 x r1  => 1:hello - 0 -1
    start 1        => enter, 1:ready
    abort 1        => leave, 1:done no
  )");
}

TEST(Agent, a_reset_stops_and_forgets_without_cleaning) {
  AgentWorld world({"", "cleanup;"});
  world.reach(0);
  world.run(R"(
    reset 1        => stop 1
    ended 1        => keep 0, leave, 1:done no
    start 1        => enter, 1:ready
    reset 1 exit   => leave, 1:done no, exit ok
  )");
}

TEST(Agent, a_reset_during_a_cleanup_stops_it) {
  AgentWorld world({"", "cleanup;"});
  world.reach(0);
  world.run(R"(
    abort 1        => stop 1
    ended 1        => keep 0, run 2 1
    reset 1        => stop 2
    ended 2 error  => leave, 1:done no
  )");
}

TEST(Agent, stop_ends_an_orphan_but_not_an_agent_whose_controller_is_there) {
  AgentWorld world({"", "cleanup;"});
  world.reach(0);
  world.run(R"(
    attach 2 ops - stop  => 2:refused x, hangup 2
    lost 1               =>
    attach 3 ops - stop  => 3:hello r1 0 -1
    abort 3              => stop 1
    ended 1              => keep 0, run 2 1
    ended 2              => keep 1, leave, 3:done no
    goodbye 3            => hangup 3
  )");
}

TEST(Agent, sync_state_leaves_the_stage_and_starts_the_next) {
  AgentWorld world({"", "", ""});
  world.reach(0);
  world.run(R"(
    sync 1 0       =>
    sync 1 1       => stop 1
    sync 1 2       =>
    ended 1        => keep 0, run 2 2
    ended 2        => keep 2, 1:at 3
    sync 1 2       =>
    sync 1 3       => 1:done ok
    sync 1 9       => 1:refused
  )");
}

TEST(Agent, sync_state_frees_a_waiting_and_a_failed_one) {
  AgentWorld world({"", "", ""});
  world.reach(0);
  world.run(R"(
    ended 1        => keep 0, 1:at 1
    sync 1 1       => run 2 1
    ended 2 error  => 1:failed
    sync 1 2       => run 3 2
  )");
}

TEST(Agent, a_stage_that_does_not_end_in_its_time_is_stopped_and_has_failed) {
  AgentWorld world({""});
  world.run(R"(
    attach 1 x r1    => 1:hello - 0 -1
    start 1          => enter, 1:ready
    @0 release 1 0   => run 1 0
    @18000 heard 1   =>
    @19999 tick      => stats 1
    @20000 tick      => stop 1
    @20100 ended 1   => keep 0, 1:failed
  )");
  EXPECT_EQ(world.said(), "stage 's0' did not end within its timeout of 20s");
}

TEST(Agent, a_stage_that_cannot_be_stopped_ends_the_process) {
  AgentWorld world({""});
  world.reach(0);
  world.run(R"(
    @0 abort 1       => stop 1
    @29000 heard 1   =>
    @29999 tick      => stats 1
    @30000 tick      => exit error
  )");
}

TEST(Agent, tells_how_it_goes_every_interval_and_hangs_up_on_a_silent_controller) {
  AgentWorld world({""});
  world.reach(0);
  world.run(R"(
    @999 tick      =>
    @1000 tick     => stats 1
    @1500 tick     =>
    @2000 tick     => stats 1
    @6999 tick     => stats 1
    @7000 tick     => hangup 1
  )");
}

TEST(Agent, holds_for_its_controller_and_tells_the_result_when_it_comes_back) {
  AgentWorld world({"", ""}, ", on_controller_loss: hold, controller_grace: 10s, hold_limit: 100s");
  world.reach(0);
  world.run(R"(
    @1000 lost 1        =>
    @2000 ended 1       => keep 0
    @50000 tick         =>
    @60000 attach 2 x r1 => 2:hello r1 0 1, 2:at 1
    @60001 release 2 1  => run 2 1
    @60002 lost 2       =>
    @160001 tick        => stop 2
  )");
}

TEST(Agent, hold_ends_at_its_limit_with_the_results_on_disk) {
  AgentWorld world({"", "cleanup;"}, ", controller_grace: 10s, hold_limit: 15s");
  world.reach(0);
  world.run(R"(
    @1000 ended 1   => keep 0, 1:at 1
    @1000 lost 1    =>
    @15999 tick     =>
    @16000 tick     => leave
    @16001 attach 2 y r2 => 2:hello - 0 -1
  )");
}

TEST(Agent, finish_stage_ends_after_the_stage_or_at_once_at_a_barrier) {
  AgentWorld busy({"", ""}, ", on_controller_loss: finish_stage, controller_grace: 10s");
  busy.reach(0);
  busy.run(R"(
    @0 lost 1       =>
    @9999 tick      =>
    @10000 tick     =>
    @12000 ended 1  => keep 0, leave
  )");
  AgentWorld waiting({"", ""}, ", on_controller_loss: finish_stage, controller_grace: 10s");
  waiting.reach(0);
  waiting.run(R"(
    @0 ended 1      => keep 0, 1:at 1
    @0 lost 1       =>
    @10000 tick     => leave
  )");
}

TEST(Agent, cleanup_runs_the_cleanup_stages_and_abort_does_not) {
  AgentWorld clean({"", "", "cleanup;"}, ", on_controller_loss: cleanup, controller_grace: 10s");
  clean.reach(0);
  clean.run(R"(
    @0 lost 1       =>
    @10000 tick     => stop 1
    @10001 ended 1  => keep 0, run 2 2
    @10002 ended 2  => keep 2, leave
  )");
  AgentWorld abort({"", "cleanup;"}, ", on_controller_loss: abort, controller_grace: 10s");
  abort.reach(0);
  abort.run(R"(
    @0 lost 1       =>
    @10000 tick     => stop 1
    @10001 ended 1  => keep 0, leave
  )");
}

TEST(Agent, a_controller_that_is_lost_after_the_end_is_not_waited_for_long) {
  AgentWorld world({""}, ", controller_grace: 10s, hold_limit: 100s");
  world.reach(0);
  world.run(R"(
    @0 ended 1       => keep 0, 1:at 1
    @0 release 1 1   => 1:done ok
    @0 goodbye 9     => 9:refused x, hangup 9
    @0 lost 1        =>
    @10000 tick      => leave
  )");
}

TEST(Agent, a_failed_stage_without_controller_leaves_by_the_same_rules) {
  AgentWorld world({"", "cleanup;"}, ", on_controller_loss: cleanup, controller_grace: 10s");
  world.reach(0);
  world.run(R"(
    @0 lost 1         =>
    @100 ended 1 error =>
    @10000 tick       => run 2 1
    @10001 ended 2    => keep 1, leave
  )");
}

TEST(Agent, a_goodbye_in_the_middle_of_a_run_is_refused) {
  AgentWorld world({""});
  world.reach(0);
  world.run("goodbye 1 => 1:refused");
}

}  // namespace
}  // namespace penstock::bench
