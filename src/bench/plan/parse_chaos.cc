#include "bench/plan/parse_workload.h"
#include "common/nearest.h"

namespace penstock::bench {
namespace {

constexpr ChaosAction::Kind kActionKinds[] = {ChaosAction::Start, ChaosAction::Stop,  ChaosAction::Kill,     ChaosAction::Restart,
                                              ChaosAction::Pause, ChaosAction::Wait,  ChaosAction::Sql,      ChaosAction::Readable,
                                              ChaosAction::Until, ChaosAction::Check, ChaosAction::Committed};

bool is_of_process(ChaosAction::Kind kind) { return kind <= ChaosAction::Pause; }

// The one key of an action that says what it is.
ChaosAction::Kind kind_of_action(const YamlMap& map) {
  std::vector<std::string> names;
  std::optional<ChaosAction::Kind> kind;
  for (const ChaosAction::Kind candidate : kActionKinds) {
    names.emplace_back(name_of(candidate));
    if (!map.has(names.back())) continue;
    if (kind) map.fail(names.back(), fmt::format("an action does one thing, not {} and {}", name_of(*kind), names.back()));
    kind = candidate;
  }
  if (kind) return *kind;
  for (const std::string& key : map.keys()) map.fail(key, fmt::format("'{}' is no action; {}", key, did_you_mean(key, names)));
  throw Mistake{map.mark(), fmt::format("{} is empty", map.what())};
}

ChaosAction read_action(const YAML::Node& node, size_t number, const Stage& stage, const Plan& plan) {
  YamlMap map(node, fmt::format("action {} of stage '{}'", number, stage.name));
  ChaosAction action{.kind = kind_of_action(map), .target = "", .duration = {}};
  const std::string key(name_of(action.kind));
  if (action.kind == ChaosAction::Wait) {
    map.read(key, action.duration);
  } else if (action.kind == ChaosAction::Committed) {
    bool wanted = false;
    map.read(key, wanted);
    if (!wanted) map.fail(key, "write committed: true");
  } else {
    map.read(key, action.target);
    if (action.target.empty()) map.fail(key, fmt::format("{} needs a {}", key, is_of_process(action.kind) ? "process" : "statement"));
  }
  if (action.kind == ChaosAction::Pause) {
    map.require("for");
    map.read("for", action.duration);
  }
  map.finish();
  if (!is_of_process(action.kind)) return action;
  std::vector<std::string> names;
  for (const auto& [name, process] : plan.processes) names.push_back(name);
  if (names.empty()) map.fail(key, "there is no process: name them in 'processes' of 'run'");
  if (!plan.processes.contains(action.target))
    map.fail(key, fmt::format("'{}' is no process; {}", action.target, did_you_mean(action.target, names)));
  return action;
}

}  // namespace

void read_server(YamlMap& map, SqlServer& server) {
  map.read("server", server.address);
  map.read("user", server.user);
  map.read("database", server.database);
  map.read("query_timeout", server.timeout);
  if (server.timeout < std::chrono::seconds(1)) map.fail("query_timeout", "the timeout must be at least 1s");
  if (server.address.find(':') == std::string::npos) map.fail("server", "a server is HOST:PORT");
}

ChaosOptions read_chaos(YamlMap& map, const Stage& stage, const Plan& plan) {
  ChaosOptions options;
  options.processes = plan.processes;
  read_server(map, options.server);
  map.read("patience", options.patience);
  if (stage.has_duration()) options.rounds = 0;
  map.read("rounds", options.rounds, 1);
  const auto node = map.find("actions");
  if (!node && stage.type == StageType::Cleanup) return options;
  if (!node) map.require("actions");
  if (stage.type == StageType::Cleanup) map.fail("actions", "a cleanup ends all processes; it has no actions");
  if (!node->IsSequence() || node->size() == 0) map.fail("actions", "'actions' is a list of at least one action");
  std::optional<uint32_t> agent;
  for (const auto& entry : *node) {
    options.actions.push_back(read_action(entry, options.actions.size() + 1, stage, plan));
    const ChaosAction& action = options.actions.back();
    if (!is_of_process(action.kind)) continue;
    options.agent = plan.processes.at(action.target).agent;
    if (agent && *agent != options.agent) throw Mistake{entry.Mark(), "the processes of one stage's actions must be of one agent"};
    agent = options.agent;
  }
  return options;
}

void read_processes(YamlMap& run, Plan& plan) {
  const auto node = run.find("processes");
  if (!node) return;
  YamlMap all(*node, "'processes'");
  for (const std::string& name : all.keys()) {
    if (name.empty() || name.size() > 64 || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos) {
      all.fail(name, "the name of a process has 1 to 64 lower-case letters, digits, - and _");
    }
    YamlMap map(all.require(name), fmt::format("process '{}'", name));
    ProcessOptions& process = plan.processes[name];
    map.require("command");
    map.read("command", process.command);
    map.read("agent", process.agent);
    map.read("env", process.env);
    map.finish();
    if (plan.agents != 0 && process.agent >= plan.agents)
      map.fail("agent", fmt::format("there are {} agents, counted from 0", plan.agents));
  }
}

}  // namespace penstock::bench
