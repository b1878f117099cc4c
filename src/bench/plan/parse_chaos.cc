#include "bench/plan/parse_workload.h"
#include "common/nearest.h"

namespace penstock::bench {
namespace {

constexpr ChaosAction::Kind kActionKinds[] = {ChaosAction::Start,    ChaosAction::Stop,     ChaosAction::Kill,  ChaosAction::Restart,
                                              ChaosAction::Pause,    ChaosAction::Cut,      ChaosAction::Slow,  ChaosAction::Wait,
                                              ChaosAction::Sql,      ChaosAction::Readable, ChaosAction::Until, ChaosAction::Check,
                                              ChaosAction::Committed};

bool is_of_process(ChaosAction::Kind kind) { return kind <= ChaosAction::Pause; }
bool is_of_link(ChaosAction::Kind kind) { return kind == ChaosAction::Cut || kind == ChaosAction::Slow; }

// Whose it is. Errors: there is none of that name.
template <typename Options>
uint32_t agent_of_target(const YamlMap& map, const std::string& key, const std::string& target, const std::map<std::string, Options>& known,
                         std::string_view kind) {
  std::vector<std::string> names;
  for (const auto& [name, options] : known) names.push_back(name);
  if (names.empty()) map.fail(key, fmt::format("there is no {0}: name them in '{0}{1}' of 'run'", kind, kind == "process" ? "es" : "s"));
  if (!known.contains(target)) map.fail(key, fmt::format("'{}' is no {}; {}", target, kind, did_you_mean(target, names)));
  return known.at(target).agent;
}

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
  map.fail_at(map.mark(), fmt::format("{} is empty", map.what()));
}

/// And the agent that performs it, if it is not the same for all.
std::pair<ChaosAction, std::optional<uint32_t>> read_action(const YamlMap& outer, const YAML::Node& node, size_t number, const Stage& stage,
                                                            const Plan& plan) {
  YamlMap map(node, fmt::format("action {} of stage '{}'", number, stage.name), outer);
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
    const std::string_view what = is_of_process(action.kind) ? "process" : is_of_link(action.kind) ? "link" : "statement";
    if (action.target.empty()) map.fail(key, fmt::format("{} needs a {}", key, what));
  }
  if (action.kind == ChaosAction::Pause || action.kind == ChaosAction::Cut) {
    map.require("for");
    map.read("for", action.duration);
  }
  if (action.kind == ChaosAction::Slow) {
    map.require("by");
    map.read("by", action.duration);
  }
  map.finish();
  if (is_of_process(action.kind)) return {action, agent_of_target(map, key, action.target, plan.processes, "process")};
  if (is_of_link(action.kind)) return {action, agent_of_target(map, key, action.target, plan.links, "link")};
  return {action, std::nullopt};
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
  options.links = plan.links;
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
  size_t number = 0;
  for (const auto& entry : *node) {
    map.check([&] {
      auto [action, owner] = read_action(map, entry, ++number, stage, plan);
      options.actions.push_back(std::move(action));
      if (agent && owner && *agent != *owner)
        map.fail_at(entry.Mark(), "the processes and links of one stage's actions must be of one agent");
      if (owner) agent = owner;
    });
  }
  options.agent = agent.value_or(0);
  return options;
}

void read_processes(YamlMap& run, Plan& plan) {
  const auto node = run.find("processes");
  if (!node) return;
  YamlMap all(*node, "'processes'", run);
  for (const std::string& name : all.keys()) {
    if (name.empty() || name.size() > 64 || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos) {
      all.fail(name, "the name of a process has 1 to 64 lower-case letters, digits, - and _");
    }
    YamlMap map(all.require(name), fmt::format("process '{}'", name), run);
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

void read_links(YamlMap& run, Plan& plan) {
  const auto node = run.find("links");
  if (!node) return;
  YamlMap all(*node, "'links'", run);
  for (const std::string& name : all.keys()) {
    YamlMap map(all.require(name), fmt::format("link '{}'", name), run);
    LinkOptions& link = plan.links[name];
    for (auto [key, address] : {std::pair("listen", &link.listen), std::pair("to", &link.to)}) {
      map.require(key);
      map.read(key, *address);
      if (address->find(':') == std::string::npos) map.fail(key, fmt::format("'{}' is no HOST:PORT", *address));
    }
    map.read("agent", link.agent);
    map.finish();
    if (plan.agents != 0 && link.agent >= plan.agents) map.fail("agent", fmt::format("there are {} agents, counted from 0", plan.agents));
  }
}

}  // namespace penstock::bench
