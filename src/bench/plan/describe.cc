#include "bench/plan/plan.h"

namespace penstock::bench {
namespace {

std::string describe_size(const SizeOptions& size) {
  if (size.sigma == 0) return fmt::format("{} B", size.median);
  return fmt::format("lognormal around {} B (sigma {:g}{})", size.median, size.sigma,
                     size.max > 0 ? fmt::format(", at most {} B", size.max) : "");
}

std::string describe_load(const LoadShape& load) {
  std::string text = fmt::format("{} at a time", load.concurrency);
  text += load.rate > 0 ? fmt::format(", {:g} operations/s an agent", load.rate) : ", as fast as it goes";
  if (load.warmup.count() > 0) text += fmt::format(", warm-up {}", format_duration(load.warmup));
  return text;
}

std::string describe_weights(const std::map<std::string, uint32_t>& weights) {
  std::string text;
  for (const auto& [kind, weight] : weights) text += fmt::format("{}{} {}", text.empty() ? "" : " : ", kind, weight);
  return text;
}

std::string describe_workload(const ObjectOptions& o) {
  const std::string what = o.prefill ? "each put once" : describe_weights(o.weights);
  const std::string at = o.location.endpoint.empty() ? "" : " at " + o.location.endpoint;
  return fmt::format("object on {}{}: {} objects of {}, {}; {}{}", o.location.url, at, o.objects, describe_size(o.size), what,
                     describe_load(o.load), o.verify ? "; what is read is compared" : "");
}

std::string describe_workload(const StateOptions& o) {
  return fmt::format("state in {}{}: {} keys of {}, {}; checkpoint every {} writes; {}", o.store, o.path.empty() ? "" : " at " + o.path,
                     o.keys, describe_size(o.value), describe_weights(o.weights), o.epoch_every, describe_load(o.load));
}

std::string describe_workload(const StreamOptions& o) {
  if (!o.sql.empty()) {
    std::string text = fmt::format("stream on {}: the first agent performs {} statements", o.server.address, o.sql.size());
    for (const std::string& statement : o.sql) text += fmt::format("\n       {:.100}", statement.substr(0, statement.find('\n')));
    return text;
  }
  return fmt::format("stream on {}: table {}_N of {} keys, {}; {} rows of {} an insert; {}", o.server.address, o.table, o.keys,
                     describe_weights(o.weights), o.rows, describe_size(o.value), describe_load(o.load));
}

std::string describe_workload(const ChaosOptions& o) {
  if (o.actions.empty()) return "chaos: the processes of every agent end (needs --allow-exec)";
  std::string text = fmt::format("chaos on {} by agent {} (needs --allow-exec), {}:", o.server.address, o.agent,
                                 o.rounds == 0 ? "until the stage is over" : fmt::format("{} times", o.rounds));
  for (const ChaosAction& action : o.actions) {
    text += fmt::format("\n       {}{}{:.100}{}", name_of(action.kind), action.target.empty() ? "" : " ", action.target,
                        action.duration.count() > 0 ? " for " + format_duration(action.duration) : "");
  }
  return text;
}

// A preflight and a cleanup perform nothing of the load.
std::string describe_target(const WorkloadOptions& options, StageType type) {
  const std::string verb = type == StageType::Preflight ? "can it be done: " : "removes what is left: ";
  if (const auto* object = std::get_if<ObjectOptions>(&options)) {
    return verb + "object on " + object->location.url + (object->location.endpoint.empty() ? "" : " at " + object->location.endpoint);
  }
  if (const auto* state = std::get_if<StateOptions>(&options))
    return verb + "state in " + state->store + (state->path.empty() ? "" : " at " + state->path);
  const auto& stream = std::get<StreamOptions>(options);
  return verb + fmt::format("stream on {}: table {}_N", stream.server.address, stream.table);
}

std::string describe_workload(const WorkloadOptions& options, StageType type) {
  const auto* stream = std::get_if<StreamOptions>(&options);
  const bool performs = (type != StageType::Preflight && type != StageType::Cleanup) || std::holds_alternative<ChaosOptions>(options) ||
                        (stream != nullptr && !stream->sql.empty() && type == StageType::Cleanup);
  if (!performs) return describe_target(options, type);
  return std::visit([](const auto& o) { return describe_workload(o); }, options);
}

std::string describe_completion(const Stage& stage) {
  std::string text(name_of(stage.completion));
  if (stage.has_duration()) text += " " + format_duration(stage.duration);
  if (stage.max_tasks > 0) text += fmt::format(", {} tasks an agent", stage.max_tasks);
  if (!stage.script.empty()) text += fmt::format(" of a script of {} bytes (needs --allow-exec)", stage.script.size());
  return text;
}

}  // namespace

std::string describe(const Plan& plan) {
  const std::string agents = plan.agents == 0 ? "as many agents as the command line names" : fmt::format("{} agents", plan.agents);
  const Heartbeat& beat = plan.heartbeat;
  std::string text = fmt::format("run {}: {}, {} stages\n", plan.name, agents, plan.stages.size());
  text += fmt::format("  heartbeat every {}; asked after {}, given up after {} of silence\n", format_duration(beat.interval),
                      format_duration(beat.patience()), format_duration(beat.given_up_after()));
  text += fmt::format(
      "  controller lost: {} after {}{}\n", name_of(plan.on_controller_loss), format_duration(plan.controller_grace),
      plan.on_controller_loss == OnControllerLoss::Hold ? fmt::format(", abort after {}", format_duration(plan.hold_limit)) : "");
  for (const auto& [name, process] : plan.processes) {
    text += fmt::format("  process {} of agent {}: {}\n", name, process.agent, process.command);
  }
  for (const auto& [name, link] : plan.links)
    text += fmt::format("  link {} of agent {}: {} to {}\n", name, link.agent, link.listen, link.to);
  text += "  barrier start: all_or_nothing\n";
  for (uint32_t i = 0; i < plan.stages.size(); ++i) {
    const Stage& stage = plan.stages[i];
    text += fmt::format("{}. {} ({}{}): {}, at most {}\n", i, stage.name, name_of(stage.type), stage.optional ? ", optional" : "",
                        describe_completion(stage), format_duration(stage.timeout));
    for (const StageWorkload& workload : stage.workloads) {
      const std::string who = workload.agents.empty() ? "" : fmt::format("agents {}: ", fmt::join(workload.agents, ", "));
      text += fmt::format("     {}{}\n", who, describe_workload(workload.options, stage.type));
    }
    text += fmt::format("   barrier {}: {}, timeout {}{}\n", plan.barrier_name(i + 1), name_of(stage.barrier.policy),
                        format_duration(stage.barrier.timeout),
                        stage.barrier.policy == Policy::Majority
                            ? fmt::format(", stragglers have {}", format_duration(stage.barrier.straggler_grace))
                            : "");
  }
  return text;
}

}  // namespace penstock::bench
