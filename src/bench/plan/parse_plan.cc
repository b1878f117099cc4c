#include <algorithm>

#include "bench/plan/parse_workload.h"
#include "bench/plan/yaml_reader.h"

namespace penstock::bench {
namespace {

constexpr Duration kDefaultTimeout = std::chrono::minutes(10);
constexpr Duration kBarrierSlack = std::chrono::seconds(30);
constexpr size_t kMaxBytes = size_t{1} << 20U;

const std::vector<StageType> kTypes = {StageType::Preflight, StageType::Prepare, StageType::Execute, StageType::Custom, StageType::Cleanup};
const std::vector<Completion> kCompletions = {Completion::ValidationPassed, Completion::TasksDone, Completion::Duration,
                                              Completion::ScriptExit, Completion::DurationOrTasks};
const std::vector<Policy> kPolicies = {Policy::AllOrNothing, Policy::Majority, Policy::BestEffort};
const std::vector<OnControllerLoss> kLossActions = {OnControllerLoss::Hold, OnControllerLoss::FinishStage, OnControllerLoss::Cleanup,
                                                    OnControllerLoss::Abort};

// Which completions a type of stage may have; the first is the default.
std::vector<Completion> completions_of(StageType type) {
  switch (type) {
    case StageType::Preflight:
      return {Completion::ValidationPassed, Completion::ScriptExit};
    case StageType::Prepare:
      return {Completion::TasksDone, Completion::ScriptExit, Completion::DurationOrTasks};
    case StageType::Execute:
      return {Completion::Duration, Completion::TasksDone, Completion::DurationOrTasks};
    case StageType::Custom:
      return {Completion::ScriptExit};
    case StageType::Cleanup:
      return {Completion::TasksDone, Completion::ScriptExit};
  }
  return {};
}

void read_heartbeat(YamlMap& run, Heartbeat& heartbeat) {
  const auto node = run.find("heartbeat");
  if (!node) return;
  YamlMap map(*node, "'heartbeat'", run);
  map.read("interval", heartbeat.interval);
  map.read("missed", heartbeat.missed, 1);
  map.read("query_timeout", heartbeat.query_timeout);
  map.read("query_retries", heartbeat.query_retries, 1);
  map.finish();
  if (heartbeat.interval < std::chrono::milliseconds(10)) map.fail("interval", "the interval must be at least 10ms");
  if (heartbeat.query_timeout < std::chrono::milliseconds(10)) map.fail("query_timeout", "the timeout must be at least 10ms");
  if (heartbeat.missed > 1000) map.fail("missed", "at most 1000");
  if (heartbeat.query_retries > 1000) map.fail("query_retries", "at most 1000");
}

// `agents: 3`, or a list of addresses.
void read_agents(YamlMap& run, Plan& plan) {
  const auto node = run.find("agents");
  if (!node) return;
  if (!node->IsSequence()) return run.read("agents", plan.agents, 1);
  for (const auto& address : *node) {
    if (!address.IsScalar()) run.fail_at(address.Mark(), "an agent is host:port");
    if (std::ranges::find(plan.addresses, address.Scalar()) != plan.addresses.end()) {
      run.fail_at(address.Mark(), fmt::format("agent {} stands twice", address.Scalar()));
    }
    plan.addresses.push_back(address.Scalar());
  }
  plan.agents = static_cast<uint32_t>(plan.addresses.size());
}

bool usable_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos;
}

void check_run(YamlMap& run, const Plan& plan) {
  const auto must = [&](const char* key, bool good, const char* text) {
    run.check([&] {
      if (!good) run.fail(key, text);
    });
  };
  must("enrol_timeout", plan.enrol_timeout >= std::chrono::milliseconds(100), "enrol_timeout must be at least 100ms");
  must("results_limit", plan.results_limit >= uint64_t{64} << 10U, "results_limit must be at least 64KiB");
  must("hold_limit", plan.hold_limit >= plan.controller_grace, "hold_limit must be at least controller_grace");
}

void read_run(const YAML::Node& node, Plan& plan, Mistakes& mistakes) {
  YamlMap run(node, "'run'", mistakes);
  run.check([&] {
    run.require("name");
    run.read("name", plan.name);
    if (!usable_name(plan.name)) run.fail("name", "a name has 1 to 64 letters, digits, - and _");
  });
  run.check([&] { read_agents(run, plan); });
  run.check([&] { read_heartbeat(run, plan.heartbeat); });
  run.read("on_controller_loss", plan.on_controller_loss, kLossActions);
  run.read("enrol_timeout", plan.enrol_timeout);
  run.read("controller_grace", plan.controller_grace);
  run.read("hold_limit", plan.hold_limit);
  run.read_bytes("results_limit", plan.results_limit);
  run.check([&] { read_processes(run, plan); });
  run.check([&] { read_links(run, plan); });
  run.finish();
  check_run(run, plan);
}

void read_completion(YamlMap& map, Stage& stage) {
  const std::vector<Completion> fitting = completions_of(stage.type);
  stage.completion = fitting[0];
  if (stage.type == StageType::Execute) map.require("completion");
  map.read("completion", stage.completion, kCompletions);
  if (std::ranges::find(fitting, stage.completion) == fitting.end()) {
    std::vector<std::string_view> names;
    for (const Completion completion : fitting) names.push_back(name_of(completion));
    map.fail("completion", fmt::format("a stage of type {} cannot end by {}, only by {}", name_of(stage.type), name_of(stage.completion),
                                       fmt::join(names, ", ")));
  }
  map.read("duration", stage.duration);
  map.read("max_tasks", stage.max_tasks, 1);
  const bool may_count = stage.completion == Completion::TasksDone || stage.completion == Completion::DurationOrTasks;
  if (stage.has_duration() && stage.duration.count() == 0)
    map.fail("completion", fmt::format("{} needs a duration", name_of(stage.completion)));
  if (!stage.has_duration() && map.has("duration"))
    map.fail("duration", fmt::format("completion {} has no duration", name_of(stage.completion)));
  if (!may_count && map.has("max_tasks")) map.fail("max_tasks", fmt::format("completion {} counts no tasks", name_of(stage.completion)));
  if (stage.completion == Completion::DurationOrTasks && stage.max_tasks == 0) map.fail("completion", "duration_or_tasks needs max_tasks");
}

void read_script(YamlMap& map, Stage& stage) {
  map.read("script", stage.script);
  map.read("env", stage.env);
  const bool wanted = stage.completion == Completion::ScriptExit;
  if (wanted && stage.script.empty()) map.fail("completion", "script_exit needs a script");
  if (!wanted && map.has("script")) map.fail("script", fmt::format("completion {} runs no script", name_of(stage.completion)));
  if (!wanted && map.has("env")) map.fail("env", "only a script has an environment");
}

void check_barrier(const YamlMap& map, const Stage& stage) {
  const BarrierOptions& barrier = stage.barrier;
  if (map.has("straggler_grace") && barrier.policy != Policy::Majority) {
    map.fail("straggler_grace", fmt::format("policy {} waits for no stragglers; only majority does", name_of(barrier.policy)));
  }
  if (barrier.timeout.count() == 0) map.fail("timeout", "the timeout must be above 0");
  if (barrier.timeout <= stage.duration) {
    map.fail("timeout", fmt::format("the barrier can never be met: its timeout of {} runs from the start of the stage, which lasts {}",
                                    format_duration(barrier.timeout), format_duration(stage.duration)));
  }
  if (barrier.straggler_grace >= barrier.timeout) {
    map.fail("straggler_grace", "the barrier can never be met by a majority: straggler_grace is not below its timeout");
  }
}

void read_barrier(YamlMap& map, Stage& stage) {
  BarrierOptions& barrier = stage.barrier;
  barrier.timeout = stage.timeout + kBarrierSlack;
  const auto node = map.find("barrier");
  if (!node) return;
  YamlMap inner(*node, fmt::format("barrier of stage '{}'", stage.name), map);
  inner.read("policy", barrier.policy, kPolicies);
  inner.read("timeout", barrier.timeout);
  inner.read("straggler_grace", barrier.straggler_grace);
  inner.finish();
  check_barrier(inner, stage);
}

// Two of one kind would count their operations under the same names.
void check_beside(const YamlMap& map, const YAML::Node& node, const Stage& stage) {
  const StageWorkload& last = stage.workloads.back();
  const auto performed_by = [](const StageWorkload& workload) {
    const auto* chaos = std::get_if<ChaosOptions>(&workload.options);
    return chaos != nullptr ? std::vector<uint32_t>{chaos->agent} : workload.agents;
  };
  const std::vector<uint32_t> own = performed_by(last);
  for (size_t i = 0; i + 1 < stage.workloads.size(); ++i) {
    const StageWorkload& other = stage.workloads[i];
    if (other.options.index() != last.options.index()) continue;
    const std::vector<uint32_t> others = performed_by(other);
    const bool apart = !own.empty() && !others.empty() &&
                       std::ranges::none_of(own, [&](uint32_t agent) { return std::ranges::find(others, agent) != others.end(); });
    if (apart) continue;
    map.fail_at(
        node.Mark(),
        fmt::format("stage '{}' has two workloads of this kind for the same agent; give each of them 'agents' of its own", stage.name));
  }
}

// One workload, or a list of those that are performed at the same time.
void read_stage_workloads(YamlMap& map, Stage& stage, const Plan& plan) {
  const auto node = map.find("workload");
  const bool script = stage.completion == Completion::ScriptExit;
  if (script && node) map.fail("workload", "a stage that runs a script has no workload");
  if (!script && !node) map.fail_at(map.mark(), fmt::format("stage '{}' needs a workload", stage.name));
  if (!node) return;
  if (!node->IsSequence()) return stage.workloads.push_back(parse_workload(map, *node, stage, plan));
  if (node->size() == 0) map.fail("workload", "a list of workloads has at least one");
  for (const auto& entry : *node) {
    map.check([&] {
      stage.workloads.push_back(parse_workload(map, entry, stage, plan));
      check_beside(map, entry, stage);
    });
  }
}

void read_timeout(YamlMap& map, Stage& stage) {
  stage.timeout = stage.duration + kDefaultTimeout;
  map.read("timeout", stage.timeout);
  if (stage.timeout <= stage.duration || stage.timeout.count() == 0)
    map.fail("timeout", "the timeout must be above 0 and above the duration");
}

void read_name(YamlMap& map, Stage& stage) {
  map.require("name");
  map.read("name", stage.name);
  if (!usable_name(stage.name)) map.fail("name", "a name has 1 to 64 letters, digits, - and _");
}

Stage read_stage(const YAML::Node& node, size_t number, const Plan& plan, Mistakes& mistakes) {
  std::string what = fmt::format("stage {}", number);
  if (node.IsMap() && node["name"] && node["name"].IsScalar()) what = fmt::format("stage '{}'", node["name"].Scalar());
  YamlMap map(node, what, mistakes);
  map.know({"name", "order", "type", "completion", "duration", "max_tasks", "script", "env", "timeout", "barrier", "optional", "workload"});
  Stage stage;
  map.check([&] { read_name(map, stage); });
  map.check([&] { map.require("order"); });
  uint32_t order = 0;
  map.read("order", order);
  stage.order = order;
  map.attempt([&] { map.require("type"); });
  map.read("type", stage.type, kTypes);
  map.attempt([&] { read_completion(map, stage); });
  map.attempt([&] { read_script(map, stage); });
  map.check([&] { read_timeout(map, stage); });
  map.read("optional", stage.optional);
  map.check([&] { read_barrier(map, stage); });
  map.check([&] { read_stage_workloads(map, stage, plan); });
  map.finish();
  return stage;
}

void read_stages(const YAML::Node& node, Plan& plan, Mistakes& mistakes) {
  if (!node.IsSequence() || node.size() == 0) throw Mistake{node.Mark(), "'stages' must be a list of at least one stage"};
  std::map<int64_t, std::string> orders;
  std::map<std::string, int64_t> names;
  size_t number = 0;
  for (const auto& entry : node) {
    try {
      Stage stage = read_stage(entry, ++number, plan, mistakes);
      const auto reads = [&](const char* key, const std::string& text) {
        return entry[key] && entry[key].IsScalar() && entry[key].Scalar() == text;
      };
      if (reads("order", std::to_string(stage.order))) {
        const auto [other, fresh] = orders.try_emplace(stage.order, stage.name);
        if (!fresh)
          mistakes.push_back(
              {entry["order"].Mark(), fmt::format("stages '{}' and '{}' both have order {}", other->second, stage.name, stage.order)});
      }
      if (reads("name", stage.name) && !names.try_emplace(stage.name, stage.order).second)
        mistakes.push_back({entry["name"].Mark(), fmt::format("two stages are named '{}'", stage.name)});
      plan.stages.push_back(std::move(stage));
    } catch (const Mistake& mistake) {
      mistakes.push_back(mistake);
    }
  }
  std::ranges::sort(plan.stages, {}, &Stage::order);
}

Plan read_document(const YAML::Node& document, Mistakes& mistakes) {
  if (!document.IsMap()) throw Mistake{document.Mark(), "a stage file has the keys 'run' and 'stages'"};
  YamlMap map(document, "the stage file", mistakes);
  Plan plan;
  map.check([&] { read_run(map.require("run"), plan, mistakes); });
  map.check([&] { read_stages(map.require("stages"), plan, mistakes); });
  map.finish();
  return plan;
}

}  // namespace

Result<Plan> parse_plan(std::string_view text, std::string_view file) {
  if (text.size() > kMaxBytes) return error(Code::InvalidConfig, "{}: a stage file has at most 1 MiB", file);
  Mistakes mistakes;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() != 1) return error(Code::InvalidConfig, "{}: {} YAML documents, one is needed", file, documents.size());
    Plan plan = read_document(documents[0], mistakes);
    if (mistakes.empty()) return plan;
  } catch (const Mistake& mistake) {
    mistakes.push_back(mistake);
  } catch (const YAML::Exception& e) {
    mistakes.push_back({e.mark, e.msg});
  }
  return mistakes_error(std::move(mistakes), file);
}

}  // namespace penstock::bench
