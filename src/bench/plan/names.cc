#include <algorithm>
#include <charconv>

#include "bench/plan/plan.h"

namespace penstock::bench {

std::string_view name_of(StageType type) {
  switch (type) {
    case StageType::Preflight:
      return "preflight";
    case StageType::Prepare:
      return "prepare";
    case StageType::Execute:
      return "execute";
    case StageType::Custom:
      return "custom";
    case StageType::Cleanup:
      return "cleanup";
  }
  return "";
}

std::string_view name_of(Completion completion) {
  switch (completion) {
    case Completion::ValidationPassed:
      return "validation_passed";
    case Completion::TasksDone:
      return "tasks_done";
    case Completion::Duration:
      return "duration";
    case Completion::ScriptExit:
      return "script_exit";
    case Completion::DurationOrTasks:
      return "duration_or_tasks";
  }
  return "";
}

std::string_view name_of(Policy policy) {
  switch (policy) {
    case Policy::AllOrNothing:
      return "all_or_nothing";
    case Policy::Majority:
      return "majority";
    case Policy::BestEffort:
      return "best_effort";
  }
  return "";
}

std::string_view name_of(OnControllerLoss action) {
  switch (action) {
    case OnControllerLoss::Hold:
      return "hold";
    case OnControllerLoss::FinishStage:
      return "finish_stage";
    case OnControllerLoss::Cleanup:
      return "cleanup";
    case OnControllerLoss::Abort:
      return "abort";
  }
  return "";
}

std::string_view name_of(ChaosAction::Kind kind) {
  switch (kind) {
    case ChaosAction::Start:
      return "start";
    case ChaosAction::Stop:
      return "stop";
    case ChaosAction::Kill:
      return "kill";
    case ChaosAction::Restart:
      return "restart";
    case ChaosAction::Pause:
      return "pause";
    case ChaosAction::Cut:
      return "cut";
    case ChaosAction::Slow:
      return "slow";
    case ChaosAction::Wait:
      return "wait";
    case ChaosAction::Sql:
      return "sql";
    case ChaosAction::Readable:
      return "readable";
    case ChaosAction::Until:
      return "until";
    case ChaosAction::Check:
      return "check";
    case ChaosAction::Committed:
      return "committed";
  }
  return "";
}

bool Stage::needs_exec() const {
  return completion == Completion::ScriptExit ||
         std::ranges::any_of(workloads, [](const StageWorkload& w) { return std::holds_alternative<ChaosOptions>(w.options); });
}

Duration Stage::warmup() const {
  Duration longest{};
  for (const StageWorkload& workload : workloads) {
    longest = std::max(longest, std::visit([](const auto& options) { return options.load.warmup; }, workload.options));
  }
  return longest;
}

std::string Plan::barrier_name(uint32_t sequence) const {
  if (sequence == 0) return "start";
  if (sequence > stages.size()) return "end";
  return fmt::format("stage-{}-{}", sequence - 1, stages[sequence - 1].name);
}

Status Plan::check_agents(size_t count) const {
  if (count == 0) return error(Code::InvalidConfig, "no agents: give --agents or --local, or name them in the stage file");
  if (agents != 0 && agents != count)
    return error(Code::InvalidConfig, "the stage file asks for {} agents, the command line has {}", agents, count);
  const auto check = [&](uint32_t agent, std::string_view what, std::string_view name) -> Status {
    if (agent < count) return ok();
    return error(Code::InvalidConfig, "{} '{}' is of agent {}, and the command line has {}, counted from 0", what, name, agent, count);
  };
  for (const auto& [name, process] : processes) {
    PENSTOCK_TRY(check(process.agent, "process", name));
  }
  for (const auto& [name, link] : links) {
    PENSTOCK_TRY(check(link.agent, "link", name));
  }
  for (const Stage& stage : stages) {
    for (const StageWorkload& workload : stage.workloads) {
      for (const uint32_t agent : workload.agents) {
        PENSTOCK_TRY(check(agent, "a workload of stage", stage.name));
      }
    }
  }
  return ok();
}

Result<Duration> parse_duration(std::string_view text) {
  const auto wrong = [&] { return error(Code::InvalidParameter, "a time such as 250ms, 30s, 2m or 1h is needed, not '{}'", text); };
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || !(value >= 0)) return wrong();
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double nanos = 0;
  if (unit == "us")
    nanos = value * 1e3;
  else if (unit == "ms")
    nanos = value * 1e6;
  else if (unit == "s")
    nanos = value * 1e9;
  else if (unit == "m")
    nanos = value * 60e9;
  else if (unit == "h")
    nanos = value * 3600e9;
  else
    return wrong();
  if (nanos > 3600e9 * 24 * 366) return wrong();
  return Duration(static_cast<int64_t>(nanos));
}

std::string format_duration(Duration duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e9;
  if (duration.count() < 1'000'000) return fmt::format("{:g}us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.4g}ms", seconds * 1e3);
  if (seconds < 120) return fmt::format("{:.4g}s", seconds);
  if (seconds < 7200) return fmt::format("{:.4g}m", seconds / 60);
  return fmt::format("{:.4g}h", seconds / 3600);
}

}  // namespace penstock::bench
