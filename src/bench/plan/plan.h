#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/plan/workload_options.h"
#include "common/error.h"
#include "runtime/runtime.h"

/// What a stage file says, checked and complete: every default is filled in.
namespace penstock::bench {

using runtime::Duration;

enum class StageType : uint8_t { Preflight, Prepare, Execute, Custom, Cleanup };
enum class Completion : uint8_t { ValidationPassed, TasksDone, Duration, ScriptExit, DurationOrTasks };
enum class Policy : uint8_t { AllOrNothing, Majority, BestEffort };
enum class OnControllerLoss : uint8_t { Hold, FinishStage, Cleanup, Abort };

[[nodiscard]] std::string_view name_of(StageType type);
[[nodiscard]] std::string_view name_of(Completion completion);
[[nodiscard]] std::string_view name_of(Policy policy);
[[nodiscard]] std::string_view name_of(OnControllerLoss action);

struct Heartbeat {
  Duration interval = std::chrono::seconds(1);
  uint32_t missed = 3;  // so many intervals of silence, and the agent is asked
  Duration query_timeout = std::chrono::seconds(2);
  uint32_t query_retries = 3;

  /// Of silence that makes an agent be asked, and of silence after which it is given up.
  [[nodiscard]] Duration patience() const { return interval * missed; }
  [[nodiscard]] Duration given_up_after() const { return patience() + query_timeout * query_retries; }
};

struct BarrierOptions {
  Policy policy = Policy::AllOrNothing;
  Duration timeout{};          // from the start of the stage
  Duration straggler_grace{};  // majority: from the moment of the majority
};

struct Stage {
  std::string name;
  int64_t order = 0;
  StageType type = StageType::Execute;
  Completion completion = Completion::TasksDone;
  Duration duration{};     // of Duration and DurationOrTasks
  uint64_t max_tasks = 0;  // of each agent; 0: no limit
  std::string script;
  std::map<std::string, std::string> env;
  Duration timeout{};  // of the stage itself
  BarrierOptions barrier;
  bool optional = false;
  std::vector<StageWorkload> workloads;  // none: it runs a script

  [[nodiscard]] bool has_duration() const { return completion == Completion::Duration || completion == Completion::DurationOrTasks; }
  /// The longest of its workloads.
  [[nodiscard]] Duration warmup() const;
  /// True if it makes the agent run programs or kill them.
  [[nodiscard]] bool needs_exec() const;
};

struct Plan {
  std::string name;
  uint32_t agents = 0;                 // 0: as many as the command line names
  std::vector<std::string> addresses;  // if the file names them
  Heartbeat heartbeat;
  OnControllerLoss on_controller_loss = OnControllerLoss::Hold;
  Duration enrol_timeout = std::chrono::seconds(20);  // of the first contact with an agent
  Duration controller_grace = std::chrono::seconds(60);
  Duration hold_limit = std::chrono::hours(1);
  uint64_t results_limit = uint64_t{256} << 20U;  // bytes of the journal from which on summaries are kept without histograms
  std::map<std::string, ProcessOptions> processes;
  std::map<std::string, LinkOptions> links;
  std::vector<Stage> stages;  // by order

  /// "start", "stage-1-load", …: barrier `sequence` stands before the stage of that index.
  [[nodiscard]] std::string barrier_name(uint32_t sequence) const;
  /// Errors: `InvalidConfig` when the run cannot be done by so many agents.
  [[nodiscard]] Status check_agents(size_t count) const;
  [[nodiscard]] uint32_t last_sequence() const { return static_cast<uint32_t>(stages.size()); }
};

/// Reads a stage file. Errors: `InvalidConfig`, "file:line:column: what is wrong", the first one found.
[[nodiscard]] Result<Plan> parse_plan(std::string_view text, std::string_view file);

/// What will happen, for people: `dry-run`.
[[nodiscard]] std::string describe(const Plan& plan);

/// "250ms", "1.5s", "2m", "1h". Errors: `InvalidParameter`.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace penstock::bench
