// Stage files with the workloads `stream` and `chaos`.
#include <gtest/gtest.h>

#include "unit/bench/plans.h"

namespace penstock::bench {
namespace {

const std::string kProcesses =
    "run: {name: t, agents: 2, processes: {db: {command: run me, agent: 1, env: {A: b}}, other: {command: x}}}\n";

const std::string kOneStage = "stages:\n  - {name: a, order: 1, type: custom, script: ls}\n";

std::string whole_file(const std::string& workload, const std::string& run = kProcesses) {
  return run + "stages:\n  - {name: a, order: 1, type: prepare, workload: {" + workload + "}}\n";
}
std::string mistake_of(const std::string& text) {
  const Result<Plan> plan = parse_plan(text, "f");
  return plan.has_error() ? plan.error().message() : "no error";
}
std::string workload_error(const std::string& workload) { return mistake_of(whole_file(workload)).substr(2); }

TEST(ChaosPlan, actions_are_performed_by_the_agent_whose_processes_they_are) {
  const Plan plan =
      testing::plan_of(whole_file("kind: chaos, rounds: 3, server: 'h:1', actions: [{kill: db}, {pause: db, for: 2s}, {wait: 50ms}, "
                                  "{committed: true}, {until: SELECT true}]"));
  const auto& options = std::get<ChaosOptions>(plan.stages[0].workloads.at(0).options);
  EXPECT_EQ(options.agent, 1U);
  EXPECT_EQ(options.rounds, 3U);
  EXPECT_EQ(options.server.address, "h:1");
  ASSERT_EQ(options.actions.size(), 5U);
  EXPECT_EQ(options.actions[1].kind, ChaosAction::Pause);
  EXPECT_EQ(options.actions[1].duration, std::chrono::seconds(2));
  EXPECT_EQ(options.actions[4].target, "SELECT true");
  EXPECT_EQ(options.processes.at("db").env.at("A"), "b");
  EXPECT_TRUE(plan.stages[0].needs_exec());
}

TEST(ChaosPlan, with_a_duration_the_actions_are_repeated_until_it_is_over) {
  const Plan plan = testing::plan_of(
      "run: {name: t}\nstages:\n  - {name: a, order: 1, type: execute, completion: duration, duration: 5s, workload: {kind: chaos, "
      "actions: "
      "[{wait: 1s}]}}\n");
  EXPECT_EQ(std::get<ChaosOptions>(plan.stages[0].workloads.at(0).options).rounds, 0U);
}

TEST(ChaosPlan, every_mistake_is_found) {
  EXPECT_EQ(workload_error("kind: chaos"), "3:50: workload of stage 'a' needs 'actions'");
  EXPECT_EQ(workload_error("kind: chaos, actions: []"), "3:64: workload of stage 'a': 'actions' is a list of at least one action");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{}]"), "3:74: action 1 of stage 'a' is empty");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{kil: db}]"), "3:75: action 1 of stage 'a': 'kil' is no action; did you mean 'kill'?");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{kill: bd}]"), "3:75: action 1 of stage 'a': 'bd' is no process; known are: db, other");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{kill: db, start: db}]"),
            "3:75: action 1 of stage 'a': an action does one thing, not start and kill");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{pause: db}]"), "3:74: action 1 of stage 'a' needs 'for'");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{kill: db, for: 1s}]"),
            "3:85: unknown key 'for' in action 1 of stage 'a'; known are: kill");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{committed: false}]"), "3:75: action 1 of stage 'a': write committed: true");
  EXPECT_EQ(workload_error("kind: chaos, actions: [{kill: db}, {kill: other}]"),
            "3:86: the processes and links of one stage's actions must be of one agent");
  EXPECT_EQ(workload_error("kind: chaos, server: x, actions: [{wait: 1s}]"), "3:64: workload of stage 'a': a server is HOST:PORT");
  EXPECT_EQ(mistake_of(whole_file("kind: chaos, actions: [{kill: db}]", "run: {name: t}\n")).substr(2),
            "3:75: action 1 of stage 'a': there is no process: name them in 'processes' of 'run'");
  EXPECT_EQ(mistake_of("run: {name: t, processes: {a: {}}}\n" + kOneStage), "f:1:31: process 'a' needs 'command'");
  EXPECT_EQ(mistake_of("run: {name: t, processes: {A: {command: x}}}\n" + kOneStage),
            "f:1:28: 'processes': the name of a process has 1 to 64 lower-case letters, digits, - and _");
  EXPECT_EQ(mistake_of("run: {name: t, agents: 2, processes: {a: {command: x, agent: 2}}}\n" + kOneStage),
            "f:1:55: process 'a': there are 2 agents, counted from 0");
}

TEST(ChaosPlan, links_are_cut_and_slowed_by_their_agent) {
  const std::string run = "run: {name: t, links: {wire: {listen: 'a:1', to: 'b:2', agent: 3}}}\n";
  const Plan plan = testing::plan_of(whole_file("kind: chaos, actions: [{cut: wire, for: 1s}, {slow: wire, by: 20ms}]", run));
  const auto& options = std::get<ChaosOptions>(plan.stages[0].workloads.at(0).options);
  EXPECT_EQ(options.agent, 3U);
  EXPECT_EQ(options.links.at("wire").to, "b:2");
  EXPECT_EQ(options.actions[1].duration, std::chrono::milliseconds(20));
  EXPECT_EQ(mistake_of(whole_file("kind: chaos, actions: [{cut: wir, for: 1s}]", run)).substr(2),
            "3:75: action 1 of stage 'a': 'wir' is no link; did you mean 'wire'?");
  EXPECT_EQ(mistake_of(whole_file("kind: chaos, actions: [{slow: wire}]", run)).substr(2), "3:74: action 1 of stage 'a' needs 'by'");
  EXPECT_EQ(mistake_of("run: {name: t, links: {a: {listen: x, to: 'b:1'}}}\n" + kOneStage), "f:1:28: link 'a': 'x' is no HOST:PORT");
  EXPECT_EQ(mistake_of("run: {name: t, links: {a: {listen: 'x:1'}}}\n" + kOneStage), "f:1:27: link 'a' needs 'to'");
}

TEST(StageWorkloads, several_are_performed_at_once_by_the_agents_that_each_names) {
  const auto stage = [](const std::string& workloads) {
    return kProcesses + "stages:\n  - {name: a, order: 1, type: execute, completion: duration, duration: 9s, workload: [" + workloads +
           "]}\n";
  };
  const Plan plan =
      testing::plan_of(stage("{kind: stream, warmup: 2s}, {kind: chaos, actions: [{kill: db}]}, {kind: state, agents: [1]}, "
                             "{kind: state, agents: [0], warmup: 1s}"));
  const auto& workloads = plan.stages[0].workloads;
  ASSERT_EQ(workloads.size(), 4U);
  EXPECT_TRUE(workloads[0].is_of(0) && workloads[0].is_of(1));
  EXPECT_TRUE(!workloads[2].is_of(0) && workloads[2].is_of(1));
  EXPECT_EQ(plan.stages[0].warmup(), std::chrono::seconds(2));
  EXPECT_TRUE(plan.stages[0].needs_exec());
  EXPECT_NE(describe(plan).find("     agents 1: state in memory"), std::string::npos);
  EXPECT_EQ(mistake_of(stage("")).substr(2), "3:76: stage 'a': a list of workloads has at least one");
  EXPECT_EQ(mistake_of(stage("{kind: state}, {kind: state, agents: [1]}")).substr(2),
            "3:102: stage 'a' has two workloads of this kind for the same agent; give each of them 'agents' of its own");
  EXPECT_EQ(mistake_of(stage("{kind: state, agents: [2]}")).substr(2), "3:101: workload of stage 'a': there are 2 agents, counted from 0");
  EXPECT_EQ(mistake_of(stage("{kind: state, agents: []}")).substr(2),
            "3:101: workload of stage 'a': 'agents' is a list of at least one agent, counted from 0");
  EXPECT_EQ(mistake_of(stage("{kind: chaos, agents: [0], actions: [{kill: db}]}")).substr(2),
            "3:101: workload of stage 'a': chaos is performed by the agent whose its processes and links are");
}

TEST(StageWorkloads, a_run_needs_the_agents_that_the_file_names) {
  const std::string tasks =
      "run: {name: t}\nstages:\n  - {name: a, order: 1, type: prepare, max_tasks: 5, workload: {kind: state, agents: [2]}}\n";
  EXPECT_EQ(testing::plan_of(tasks).check_agents(2).error().message(),
            "a workload of stage 'a' is of agent 2, and the command line has 2, counted from 0");
  EXPECT_TRUE(testing::plan_of(tasks).check_agents(3).has_value());
  const Plan two = testing::plan_of(whole_file("kind: chaos, actions: [{kill: db}]"));
  EXPECT_EQ(two.check_agents(3).error().message(), "the stage file asks for 2 agents, the command line has 3");
  EXPECT_TRUE(two.check_agents(2).has_value());
  EXPECT_EQ(two.check_agents(0).error().code(), Code::InvalidConfig);
}

TEST(StreamPlan, statements_or_a_load) {
  const Plan statements = testing::plan_of(whole_file("kind: stream, sql: [CREATE TABLE a (b INT), FLUSH]"));
  EXPECT_EQ(std::get<StreamOptions>(statements.stages[0].workloads.at(0).options).sql,
            (std::vector<std::string>{"CREATE TABLE a (b INT)", "FLUSH"}));
  EXPECT_EQ(workload_error("kind: stream, sql: FLUSH"), "3:70: 'sql' of workload of stage 'a' must be a list");
  EXPECT_EQ(workload_error("kind: stream, sql: [FLUSH], rows: 3"),
            "3:79: unknown key 'rows' in workload of stage 'a'; known are: kind, server, user, database, query_timeout, sql, agents");
  EXPECT_EQ(workload_error("kind: stream"), "3:50: stage 'a' would never end: set max_tasks, or a completion with a duration");
  EXPECT_EQ(workload_error("kind: stream, table: A"),
            "3:65: workload of stage 'a': a table's name has 1 to 40 lower-case letters, digits and _");
  EXPECT_EQ(workload_error("kind: stream, rows: 10000, value: 1KiB"),
            "3:78: workload of stage 'a': a statement has at most 1 MiB: use fewer rows or smaller values");
  EXPECT_EQ(workload_error("kind: stream, weights: {verify: 0}"),
            "3:65: workload of stage 'a': the sum of the weights must be from 1 to 1000000");
}

TEST(ChaosPlan, is_printed_for_people) {
  const std::string text =
      describe(testing::plan_of(whole_file("kind: chaos, actions: [{kill: db}, {pause: db, for: 2s}, {check: SELECT true}]")));
  EXPECT_NE(text.find("  process db of agent 1: run me\n"), std::string::npos) << text;
  EXPECT_NE(text.find("     chaos on 127.0.0.1:4566 by agent 1 (needs --allow-exec), 1 times:\n       kill db\n       pause db for 2s\n    "
                      "   check SELECT true\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace penstock::bench
