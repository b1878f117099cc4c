#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bench/plan/plan.h"
#include "common/error.h"
#include "common/strong_id.h"
#include "proto/bench.pb.h"

namespace penstock::bench {

/// Raised with every change of bench.proto.
inline constexpr uint32_t kProtocolVersion = 3;

/// A stream that somebody opened to this agent; never used again.
using ConnectionId = StrongId<struct ConnectionIdTag, uint64_t>;
/// One execution of a stage by this agent; never used again.
using WorkId = StrongId<struct WorkIdTag, uint64_t>;

// ---- events -------------------------------------------------------------------------------------------------------------------------

struct ControlHeard {
  ConnectionId connection;
  pb::BenchControl message;
};
struct ConnectionLost {
  ConnectionId connection;
};
/// At most once for each `RunStage`: a thread performs it.
struct StageBegun {
  WorkId work;
};
/// Once for each `RunStage`, also after `StopStage`.
struct StageEnded {
  WorkId work;
  Result<pb::BenchSummary> summary;
};
struct AgentTick {};
using AgentEvent = std::variant<ControlHeard, ConnectionLost, StageBegun, StageEnded, AgentTick>;

// ---- effects ------------------------------------------------------------------------------------------------------------------------

struct Tell {
  ConnectionId connection;
  pb::BenchReport message;
};
/// Stats, with the live figures that only the owner knows.
struct TellStats {
  ConnectionId connection;
};
struct HangUp {
  ConnectionId connection;
};
struct EnterRun {};
struct RunStage {
  WorkId work;
  uint32_t stage;
};
struct StopStage {
  WorkId work;
};
/// To disk, because nobody may ask for it any more.
struct KeepSummary {
  pb::BenchSummary summary;
};
/// What belongs to the run goes: processes that were started, open stores.
struct LeaveRun {
  std::string reason;
};
/// The process ends.
struct ExitAgent {
  Status why;
};
using AgentEffect = std::variant<Tell, TellStats, HangUp, EnterRun, RunStage, StopStage, KeepSummary, LeaveRun, ExitAgent>;
using AgentEffects = std::vector<AgentEffect>;

/// One agent of a distributed benchmark.
///
/// Guarantees
///  - a stage starts only by the release of the barrier before it, matched by name and sequence, or by SyncState; a release that does
///    not match is refused with both in the error and changes nothing, a repeated one changes nothing;
///  - the summary of a stage is kept on disk before it is told, and told again to a controller that comes back;
///  - while it has a run, or a controller, every other controller is refused with the name of the owner;
///  - it never waits for ever: not for a controller that is gone (`on_controller_loss`), not for a stage (`timeout`);
///  - it ends every run in Idle, ready for the next.
///
/// Pure: no clock, thread or I/O. One owner, which performs the effects in order.
class Agent {
 public:
  struct Options {
    std::string name;
    std::string machine;
    std::string token;        // empty: none is asked for
    bool allow_exec = false;  // scripts and kills
  };
  /// What the agent is doing, and for whom; valid from `EnterRun` to `LeaveRun`.
  struct Run {
    std::string id;
    std::string owner;
    Plan plan;
    uint32_t index = 0;
    uint32_t count = 0;
    uint32_t stage = 0;                      // it is at, or was at last
    bool any_stage = false;                  // one has been started
    std::optional<runtime::TimePoint> lost;  // since when no controller is attached
    bool leave_after_stage = false;          // on_controller_loss: finish_stage
    bool exit_afterwards = false;
  };

  explicit Agent(Options options) : options_(std::move(options)) {}
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void handle(runtime::TimePoint now, AgentEvent event, AgentEffects& out);
  /// When it wants a tick at the latest.
  [[nodiscard]] std::optional<runtime::TimePoint> next_wake() const;

  [[nodiscard]] const std::optional<Run>& run() const { return run_; }
  /// To a controller.
  [[nodiscard]] bool attached() const { return controller_.has_value(); }
  /// "waiting at stage-1-load (2)": for logs and tests.
  [[nodiscard]] std::string state_name() const;

 private:
  struct Idle {};
  /// At a barrier, with what goes with it.
  struct Waiting {
    uint32_t sequence;
    pb::BenchSummary summary;
  };
  struct Working {
    WorkId work;
    std::optional<runtime::TimePoint> deadline;
    std::optional<runtime::TimePoint> stop_asked;  // since the stage's timeout was over
    std::optional<runtime::TimePoint> begun;       // when that is still to be told
  };
  struct StageFailed {
    std::string error;
  };
  /// SyncState: the stage that runs is stopped, then `stage` starts.
  struct Moving {
    WorkId work;
    uint32_t stage;
    runtime::TimePoint stop_asked;
  };
  /// Stops what runs, then runs cleanup stages, then goes Idle.
  struct Leaving {
    std::string reason;
    std::vector<uint32_t> cleanup;  // still to be run, the next one last
    std::optional<WorkId> work;
    std::optional<runtime::TimePoint> deadline;    // of the cleanup stage that runs
    std::optional<runtime::TimePoint> stop_asked;  // of what runs
  };
  struct Completed {};
  using State = std::variant<Idle, Waiting, Working, StageFailed, Moving, Leaving, Completed>;
  struct Attached {
    ConnectionId connection;
    std::string owner;
    runtime::TimePoint heard;
    runtime::TimePoint next_stats;
    bool stop = false;  // came only to stop us
  };

  void on(ControlHeard& event, AgentEffects& out);
  void on(ConnectionLost& event, AgentEffects& out);
  void on(StageBegun& event, AgentEffects& out);
  void on(StageEnded& event, AgentEffects& out);
  void on(AgentTick& event, AgentEffects& out);

  void on_attach(ConnectionId connection, const pb::BenchAttach& attach, AgentEffects& out);
  void accept(ConnectionId connection, const pb::BenchAttach& attach, AgentEffects& out);
  void on_start(const pb::BenchStart& start, AgentEffects& out);
  void on_release(const pb::BenchRelease& release, AgentEffects& out);
  void on_sync_state(const pb::BenchSyncState& sync, AgentEffects& out);
  void on_reset(const pb::BenchReset& reset, AgentEffects& out);
  void on_goodbye(AgentEffects& out);
  [[nodiscard]] Status check_plan(const Plan& plan) const;

  void run_stage(uint32_t stage, AgentEffects& out);
  void complete(AgentEffects& out);
  void fail_stage(std::string error, AgentEffects& out);
  void leave(std::string reason, bool cleanup, AgentEffects& out);
  void step_leaving(AgentEffects& out);
  void become_idle(const std::string& reason, AgentEffects& out);
  void tick_controller(AgentEffects& out);
  void tick_loss(AgentEffects& out);
  void tick_work(AgentEffects& out);
  void tell_begun(AgentEffects& out);
  [[nodiscard]] std::optional<runtime::TimePoint> loss_deadline() const;
  /// Says again what the controller may have missed.
  void tell_standing(AgentEffects& out) const;
  void detach(AgentEffects& out, bool hang_up);

  template <typename Fill>
  void tell(AgentEffects& out, Fill fill) const;
  void refuse(ConnectionId connection, std::string owner, std::string reason, AgentEffects& out) const;
  [[nodiscard]] const Heartbeat& heartbeat() const;

  const Options options_;
  runtime::TimePoint now_;
  State state_ = Idle{};
  std::optional<Run> run_;
  std::optional<Attached> controller_;
  uint64_t works_ = 0;
};

}  // namespace penstock::bench
