#include "bench/plan/plan.h"

#include <gtest/gtest.h>

#include "unit/bench/plans.h"

namespace penstock::bench {
namespace {

const std::string kRun = "run: {name: t}\nstages:\n";
const std::string kStage = "  - {name: a, order: 1, type: execute, completion: duration, duration: 1s, workload: {kind: state}}\n";

std::string mistake(const std::string& text) {
  const Result<Plan> plan = parse_plan(text, "f");
  return plan.has_error() ? plan.error().message() : "no error";
}
/// Of a stage with these keys besides name and order.
std::string stage_mistake(const std::string& keys) { return mistake(kRun + "  - {name: a, order: 1, " + keys + "}\n"); }
std::string workload_mistake(const std::string& keys) {
  return mistake(kRun + "  - name: a\n    order: 1\n    type: execute\n    completion: duration\n    duration: 5s\n    workload: {" + keys +
                 "}\n");
}

TEST(Plan, fills_in_every_default) {
  const Plan plan = testing::plan_of(kRun + kStage);
  EXPECT_EQ(plan.name, "t");
  EXPECT_EQ(plan.on_controller_loss, OnControllerLoss::Hold);
  ASSERT_EQ(plan.stages.size(), 1U);
  const Stage& stage = plan.stages[0];
  EXPECT_EQ(stage.timeout, std::chrono::seconds(601));
  EXPECT_EQ(stage.barrier.timeout, std::chrono::seconds(631));
  EXPECT_EQ(stage.barrier.policy, Policy::AllOrNothing);
  EXPECT_FALSE(stage.optional);
  EXPECT_EQ(plan.barrier_name(0), "start");
  EXPECT_EQ(plan.barrier_name(1), "stage-0-a");
}

TEST(Plan, stages_run_by_order_whatever_their_place) {
  const Plan plan = testing::plan_of(
      "stages:\n"
      "  - {name: last, order: 30, type: cleanup, workload: {kind: state}}\n"
      "  - {name: first, order: 10, type: prepare, completion: script_exit, script: 'true', env: {A: b}}\n"
      "  - {name: second, order: 20, type: execute, completion: duration_or_tasks, duration: 1m, max_tasks: 5, workload: {kind: state}}\n"
      "run: {name: t, agents: [a:1, b:2]}\n");
  ASSERT_EQ(plan.stages.size(), 3U);
  EXPECT_EQ(plan.stages[0].name, "first");
  EXPECT_EQ(plan.stages[0].env.at("A"), "b");
  EXPECT_EQ(plan.stages[1].max_tasks, 5U);
  EXPECT_EQ(plan.stages[2].name, "last");
  EXPECT_EQ(plan.agents, 2U);
  EXPECT_TRUE(plan.stages[0].needs_exec());
}

TEST(Plan, every_mistake_has_its_line_and_column) {
  EXPECT_EQ(mistake(""), "f: 0 YAML documents, one is needed");
  EXPECT_EQ(mistake("run: [\n"), "f:2:1: end of sequence flow not found");
  EXPECT_EQ(mistake("a"), "f:1:1: a stage file has the keys 'run' and 'stages'");
  EXPECT_EQ(mistake(kRun + kStage + "stage: 1\n"), "f:4:1: unknown key 'stage' in the stage file; did you mean 'stages'?");
  EXPECT_EQ(mistake("run: {name: t}\n"), "f:1:1: the stage file needs 'stages'");
  EXPECT_EQ(mistake("run: {name: t}\nstages: []\n"), "f:2:9: 'stages' must be a list of at least one stage");
  EXPECT_EQ(mistake("run: {name: t}\nrun: {name: u}\nstages:\n" + kStage),
            "f:2:1: key 'run' of the stage file stands twice, first in line 1");
  EXPECT_EQ(mistake("run: {name: t, nme: 1}\nstages:\n" + kStage), "f:1:16: unknown key 'nme' in 'run'; did you mean 'name'?");
  EXPECT_EQ(mistake("run: {name: 'a b'}\nstages:\n" + kStage), "f:1:7: 'run': a name has 1 to 64 letters, digits, - and _");
  EXPECT_EQ(mistake("run: {name: t, agents: 0}\nstages:\n" + kStage),
            "f:1:24: 'agents' of 'run' must be a whole number from 1 to 4294967295, not '0'");
  EXPECT_EQ(mistake("run: {name: t, agents: [a:1, a:1]}\nstages:\n" + kStage), "f:1:30: agent a:1 stands twice");
  EXPECT_EQ(mistake("run: {name: t, on_controller_loss: holt}\nstages:\n" + kStage),
            "f:1:36: 'holt' is no on_controller_loss of 'run'; did you mean 'hold'?");
  EXPECT_EQ(mistake("run: {name: t, heartbeat: {interval: 1}}\nstages:\n" + kStage),
            "f:1:38: 'interval' of 'heartbeat': a time such as 250ms, 30s, 2m or 1h is needed, not '1'");
  EXPECT_EQ(mistake("run: {name: t, hold_limit: 1s}\nstages:\n" + kStage), "f:1:16: 'run': hold_limit must be at least controller_grace");
}

TEST(Plan, every_mistake_of_a_stage_is_found) {
  EXPECT_EQ(mistake(kRun + "  - {name: a, type: execute}\n"), "f:3:5: stage 'a' needs 'completion'\nf:3:5: stage 'a' needs 'order'");
  EXPECT_EQ(mistake(kRun + "  - {order: 1}\n"), "f:3:5: stage 1 needs 'name'\nf:3:5: stage 1 needs 'type'");
  EXPECT_EQ(mistake(kRun + "  - 7\n"), "f:3:5: stage 1 must be a map of keys and values");
  EXPECT_EQ(
      mistake(kRun + kStage + "  - {name: b, order: 1, type: execute, completion: duration, duration: 1s, workload: {kind: state}}\n"),
      "f:4:22: stages 'a' and 'b' both have order 1");
  EXPECT_EQ(
      mistake(kRun + kStage + "  - {name: a, order: 2, type: execute, completion: duration, duration: 1s, workload: {kind: state}}\n"),
      "f:4:12: two stages are named 'a'");
  EXPECT_EQ(stage_mistake("tipe: execute"), "f:3:5: stage 'a' needs 'type'\nf:3:25: unknown key 'tipe' in stage 'a'; did you mean 'type'?");
  EXPECT_EQ(stage_mistake("type: exekute"), "f:3:31: 'exekute' is no type of stage 'a'; did you mean 'execute'?");
  EXPECT_EQ(stage_mistake("type: execute"), "f:3:5: stage 'a' needs 'completion'");
  EXPECT_EQ(stage_mistake("type: execute, completion: script_exit"),
            "f:3:40: stage 'a': a stage of type execute cannot end by script_exit, only by duration, tasks_done, duration_or_tasks");
  EXPECT_EQ(stage_mistake("type: execute, completion: duration"), "f:3:40: stage 'a': duration needs a duration");
  EXPECT_EQ(stage_mistake("type: prepare, duration: 1s"), "f:3:40: stage 'a': completion tasks_done has no duration");
  EXPECT_EQ(stage_mistake("type: execute, completion: duration, duration: 1s, max_tasks: 1"),
            "f:3:76: stage 'a': completion duration counts no tasks");
  EXPECT_EQ(stage_mistake("type: execute, completion: duration_or_tasks, duration: 1s"),
            "f:3:40: stage 'a': duration_or_tasks needs max_tasks");
  EXPECT_EQ(stage_mistake("type: custom"), "f:3:5: stage 'a': script_exit needs a script");
  EXPECT_EQ(stage_mistake("type: prepare, script: ls"), "f:3:40: stage 'a': completion tasks_done runs no script");
  EXPECT_EQ(stage_mistake("type: custom, script: ls, workload: {kind: state}"),
            "f:3:51: stage 'a': a stage that runs a script has no workload");
  EXPECT_EQ(stage_mistake("type: prepare"), "f:3:5: stage 'a' needs a workload");
  EXPECT_EQ(stage_mistake("type: custom, script: ls, timeout: 0s"),
            "f:3:51: stage 'a': the timeout must be above 0 and above the duration");
  EXPECT_EQ(stage_mistake("type: custom, script: ls, optional: yes"), "f:3:61: 'optional' of stage 'a' must be true or false, not 'yes'");
  EXPECT_EQ(stage_mistake("type: custom, script: ls, name: b"), "f:3:51: key 'name' of stage 'a' stands twice, first in line 3");
}

TEST(Plan, all_mistakes_of_a_file_are_told_at_once_in_its_order_and_no_consequence_of_one) {
  EXPECT_EQ(
      mistake(
          "run: {name: 'a b', agents: no, hold_limit: 1s, extra: 1}\n"
          "stages:\n"
          "  - {name: a, order: one, tipe: prepare, type: execute, completion: duration, duration: 5, workload: {kind: state, rate: x}}\n"
          "  - {name: b, order: 2, order: 3, type: custom, script: ls}\n"
          "  - 7\n"
          "  - {name: c, order: 2, type: prepare, workload: {kind: stream, rows: 0, keyz: 1}, barrier: {policy: most}}\n"
          "  - {name: d, order: 9, type: execute, completion: duration, duration: 5s, barrier: {timeout: 5s}, workload: {kind: x}}\n"),
      "f:1:7: 'run': a name has 1 to 64 letters, digits, - and _\n"
      "f:1:28: 'agents' of 'run' must be a whole number from 1 to 4294967295, not 'no'\n"
      "f:1:48: unknown key 'extra' in 'run'; known are: name, agents, heartbeat, on_controller_loss, enrol_timeout, controller_grace, "
      "hold_limit, results_limit, processes, links\n"
      "f:3:22: 'order' of stage 'a' must be a whole number from 0 to 4294967295, not 'one'\n"
      "f:3:27: unknown key 'tipe' in stage 'a'; did you mean 'type'?\n"
      "f:3:89: 'duration' of stage 'a': a time such as 250ms, 30s, 2m or 1h is needed, not '5'\n"
      "f:3:122: 'rate' of workload of stage 'a' must be a number of at least 0.001, not 'x'\n"
      "f:4:25: key 'order' of stage 'b' stands twice, first in line 4\n"
      "f:5:5: stage 3 must be a map of keys and values\n"
      "f:6:22: stages 'b' and 'c' both have order 2\n"
      "f:6:71: 'rows' of workload of stage 'c' must be a whole number from 1 to 4294967295, not '0'\n"
      "f:6:74: unknown key 'keyz' in workload of stage 'c'; did you mean 'keys'?\n"
      "f:6:102: 'most' is no policy of barrier of stage 'c'; known are: all_or_nothing, majority, best_effort\n"
      "f:7:86: barrier of stage 'd': the barrier can never be met: its timeout of 5s runs from the start of the stage, which lasts 5s\n"
      "f:7:111: workload of stage 'd': 'x' is no kind of workload; known are: object, state, stream, chaos");
  std::string many = kRun;
  for (int i = 0; i < 30; ++i) many += "  - 7\n";
  EXPECT_TRUE(mistake(many).ends_with("f:27:5: stage 25 must be a map of keys and values\nf: and 5 more"));
}

TEST(Plan, a_barrier_that_can_never_be_met_is_refused) {
  const std::string stage = "type: execute, completion: duration, duration: 60s, workload: {kind: state}, ";
  EXPECT_EQ(
      stage_mistake(stage + "barrier: {timeout: 60s}"),
      "f:3:112: barrier of stage 'a': the barrier can never be met: its timeout of 60s runs from the start of the stage, which lasts 60s");
  EXPECT_EQ(stage_mistake(stage + "barrier: {policy: majority, timeout: 70s, straggler_grace: 70s}"),
            "f:3:144: barrier of stage 'a': the barrier can never be met by a majority: straggler_grace is not below its timeout");
  EXPECT_EQ(stage_mistake(stage + "barrier: {straggler_grace: 1s}"),
            "f:3:112: barrier of stage 'a': policy all_or_nothing waits for no stragglers; only majority does");
  EXPECT_EQ(stage_mistake(stage + "barrier: {policy: most}").substr(0, 28), "f:3:120: 'most' is no policy");
}

TEST(Plan, every_mistake_of_a_workload_is_found) {
  EXPECT_EQ(workload_mistake("kind: objekt"), "f:8:16: workload of stage 'a': 'objekt' is no kind of workload; did you mean 'object'?");
  EXPECT_EQ(workload_mistake("kind: object"), "f:8:15: workload of stage 'a' needs 'target'");
  EXPECT_EQ(workload_mistake("kind: object, target: /tmp/x"),
            "f:8:30: workload of stage 'a': '/tmp/x' is no place for objects; write file:///FOLDER or s3://BUCKET/PREFIX");
  EXPECT_EQ(workload_mistake("kind: object, target: 's3://bucket/p', endpoint: localhost"),
            "f:8:55: workload of stage 'a': 'localhost' is no endpoint; write http://HOST:PORT or https://HOST");
  EXPECT_EQ(workload_mistake("kind: object, target: 's3://bucket/p', part_size: 1MiB"),
            "f:8:55: workload of stage 'a': parts have at least 5242880 bytes");
  EXPECT_EQ(workload_mistake("kind: object, target: 'file:///x', region: eu-west-1"),
            "f:8:51: workload of stage 'a': only a target of s3:// has 'region'");
  EXPECT_EQ(workload_mistake("kind: state, concurrency: 0"),
            "f:8:42: 'concurrency' of workload of stage 'a' must be a whole number from 1 to 4294967295, not '0'");
  EXPECT_EQ(workload_mistake("kind: state, warmup: 5s"), "f:8:29: workload of stage 'a': a warm-up of 5s leaves nothing of a stage of 5s");
  EXPECT_EQ(workload_mistake("kind: state, rate: fast"),
            "f:8:35: 'rate' of workload of stage 'a' must be a number of at least 0.001, not 'fast'");
  EXPECT_EQ(workload_mistake("kind: state, value: 4 kibi"),
            "f:8:36: 'value' of workload of stage 'a' must be a size such as 4096, 4KiB or 1MB, not '4 kibi'");
  EXPECT_EQ(workload_mistake("kind: state, weights: {write: 0}"),
            "f:8:29: workload of stage 'a': the sum of the weights must be from 1 to 1000000");
  EXPECT_EQ(workload_mistake("kind: state, weights: {put: 1}"), "f:8:39: unknown key 'put' in 'weights'; known are: write, read, scan");
  EXPECT_EQ(workload_mistake("kind: state, value: {median: 0}"), "f:8:37: 'value': the median must be above 0 and at most max");
  EXPECT_EQ(stage_mistake("type: execute, completion: tasks_done, workload: {kind: state}"),
            "f:3:74: stage 'a' would never end: set max_tasks, or a completion with a duration");
}

TEST(Plan, is_printed_for_people) {
  EXPECT_EQ(describe(testing::plan_of(kRun + kStage)),
            "run t: as many agents as the command line names, 1 stages\n"
            "  heartbeat every 1s; asked after 3s, given up after 9s of silence\n"
            "  controller lost: hold after 60s, abort after 60m\n"
            "  barrier start: all_or_nothing\n"
            "0. a (execute): duration 1s, at most 10.02m\n"
            "     state in memory: 100000 keys of 100 B, write 1; checkpoint every 10000 writes; 1 at a time, as fast as it goes\n"
            "   barrier stage-0-a: all_or_nothing, timeout 10.52m\n");
}

TEST(Durations, are_read_and_written) {
  EXPECT_EQ(parse_duration("1.5s").value(), std::chrono::milliseconds(1500));
  EXPECT_EQ(parse_duration("250ms").value(), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("2h").value(), std::chrono::hours(2));
  for (const char* wrong : {"", "1", "s", "-1s", "1 s", "1d", "1e300s", "nan s", "1.5"})
    EXPECT_TRUE(parse_duration(wrong).has_error()) << wrong;
  EXPECT_EQ(format_duration(std::chrono::milliseconds(1500)), "1.5s");
  EXPECT_EQ(format_duration(std::chrono::minutes(90)), "90m");
}

}  // namespace
}  // namespace penstock::bench
