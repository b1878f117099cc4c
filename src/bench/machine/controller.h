#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "bench/machine/agent.h"
#include "bench/plan/plan.h"

namespace penstock::bench {

/// Of a run: 0 is the first agent of the command line.
using AgentId = StrongId<struct AgentIdTag, uint32_t>;

// ---- events -------------------------------------------------------------------------------------------------------------------------

struct ReportHeard {
  AgentId agent;
  pb::BenchReport message;
};
/// The stream that `Connect` opened ended, or never came to be.
struct AgentDisconnected {
  AgentId agent;
  std::string reason;
};
struct ControllerTick {};
struct UserAbort {
  std::string reason;
};
using ControllerEvent = std::variant<ReportHeard, AgentDisconnected, ControllerTick, UserAbort>;

// ---- effects ------------------------------------------------------------------------------------------------------------------------

/// Open a stream and send Attach on it.
struct Connect {
  AgentId agent;
};
struct Disconnect {
  AgentId agent;
  bool said_goodbye = false;  // the agent will close the stream: until then what was sent may be on its way
};
struct Send {
  AgentId agent;
  pb::BenchControl message;
};
/// Into the journal, and synced before any later effect of this or another event is performed.
struct Persist {
  pb::BenchJournal record;
};
/// For the event log and the live view.
struct Note {
  std::string kind;  // one word: ready, barrier, released, excluded, lost, failed, …
  std::optional<AgentId> agent;
  std::string text;
};
/// Last effect.
struct Finish {
  bool completed;
  std::string reason;
};
using ControllerEffect = std::variant<Connect, Disconnect, Send, Persist, Note, Finish>;
using ControllerEffects = std::vector<ControllerEffect>;

/// The controller of a distributed benchmark: keeps the agents in step.
///
/// Guarantees
///  - no agent is told to start a stage before the barrier before it was released by its policy (or skipped, when the stage is optional);
///  - every counted arrival and every decision is persisted before an agent hears of it, and a controller that is made again from the
///    journal tells them again, the same;
///  - an agent that is excluded, failed or lost never comes back into the run, and is told so when it can be;
///  - it ends: every wait has a limit.
///
/// Pure: no clock, thread or I/O. One owner, which performs the effects in order.
class Controller {
 public:
  struct Options {
    std::string run;
    std::string owner;
    std::string stages;  // the stage file, sent to the agents
    std::vector<std::string> agents;
    Duration enrol_patience = std::chrono::seconds(20);  // for the first contact with an agent
    Duration finish_patience = std::chrono::seconds(30);
  };
  /// What is known of an agent, for the live view and for errors.
  struct View {
    std::string address;
    std::string state;  // "running", "ready", "failed: …", "excluded: …", "lost: …", "connecting"
    bool attached = false;
    bool ready = false;
    bool out_of_step = false;
    bool gone = false;  // failed, lost or excluded
    pb::BenchStats stats;
  };

  Controller(Plan plan, Options options);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Before `start`: the records of the journal, in order.
  void replay(const pb::BenchJournal& record);
  void start(runtime::TimePoint now, ControllerEffects& out);
  void handle(runtime::TimePoint now, ControllerEvent event, ControllerEffects& out);
  [[nodiscard]] std::optional<runtime::TimePoint> next_wake() const;

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] bool finished() const { return std::holds_alternative<Finished>(phase_); }
  /// Of the barrier that is next to be released, or the last one.
  [[nodiscard]] uint32_t sequence() const { return sequence_; }
  [[nodiscard]] std::vector<View> view(runtime::TimePoint now) const;
  /// "barrier stage-1-load: 1 of 3 ready, waits for …".
  [[nodiscard]] std::string describe_barrier(runtime::TimePoint now) const;

 private:
  struct Running {};
  /// `said_so`: it lives, its stage failed; else it is dead to us.
  struct Failed {
    std::string reason;
    bool said_so;
    uint32_t sequence;  // of the barrier that was next
  };
  struct Excluded {
    std::string reason;
    uint32_t sequence;
  };
  using Standing = std::variant<Running, Failed, Excluded>;

  struct Down {
    std::optional<runtime::TimePoint> retry;  // none: no more
  };
  struct Connecting {};
  struct Attached {
    uint32_t queries = 0;
    runtime::TimePoint asked;
  };
  using Link = std::variant<Down, Connecting, Attached>;

  struct Member {
    std::string address;
    Standing standing = Running{};
    Link link = Down{};
    runtime::TimePoint heard;  // or since when we try
    uint32_t attempts = 0;
    std::string last_error;           // why the link is down, or was last
    bool known = false;               // has said Hello, in this life or an earlier one
    std::optional<uint32_t> arrived;  // highest barrier
    runtime::TimePoint arrived_at;
    bool in_stage = true;  // counts for the barrier that is next
    bool out_of_step = false;
    bool done = false;
    pb::BenchStats stats;
  };

  /// Of the last release, until everybody who was released has been heard to begin.
  struct Beginning {
    uint32_t sequence;
    runtime::TimePoint released;
    std::set<AgentId> waits_for;
    pb::BenchBegan began;
  };
  struct AtBarrier {
    runtime::TimePoint opened;
    std::optional<runtime::TimePoint> majority;
    std::optional<runtime::TimePoint> first_ready;
  };
  /// Everything is decided; agents come to their end.
  struct Finishing {
    bool completed;
    std::string reason;
    std::optional<runtime::TimePoint> deadline;
    bool abort_sent = false;
  };
  struct Finished {};
  using Phase = std::variant<AtBarrier, Finishing, Finished>;

  void on(ReportHeard& event, ControllerEffects& out);
  void on(AgentDisconnected& event, ControllerEffects& out);
  void on(ControllerTick& event, ControllerEffects& out);
  void on(UserAbort& event, ControllerEffects& out);
  void on_hello(AgentId id, const pb::BenchHello& hello, ControllerEffects& out);
  void on_known_hello(AgentId id, const pb::BenchHello& hello, ControllerEffects& out);
  void on_arrival(AgentId id, uint32_t sequence, const std::string& name, const pb::BenchSummary& summary, ControllerEffects& out);
  void on_late_arrival(AgentId id, uint32_t sequence, ControllerEffects& out);
  void on_begun(AgentId id, const pb::BenchBegun& begun, ControllerEffects& out);
  void on_failed(AgentId id, const pb::BenchFailed& failed, ControllerEffects& out);
  void on_done(AgentId id, const pb::BenchDone& done, ControllerEffects& out);
  void on_refused(AgentId id, const pb::BenchRefused& refused, ControllerEffects& out);

  void tick_member(AgentId id, ControllerEffects& out);
  void lose(AgentId id, std::string reason, bool said_so, ControllerEffects& out);

  // The barrier.
  struct Count {
    size_t enrolled = 0, ready = 0, failed = 0;
    [[nodiscard]] size_t live() const { return enrolled - failed; }
  };
  [[nodiscard]] Count count() const;
  [[nodiscard]] bool ready(const Member& member) const;
  void evaluate(ControllerEffects& out);
  void evaluate_all_or_nothing(const AtBarrier& barrier, ControllerEffects& out);
  void evaluate_majority(AtBarrier& barrier, ControllerEffects& out);
  void evaluate_best_effort(const AtBarrier& barrier, ControllerEffects& out);
  void release(ControllerEffects& out);
  /// Nobody else is waited for: what was heard goes into the journal.
  void close_beginning(ControllerEffects& out);
  void forget_beginning(AgentId id, ControllerEffects& out);
  [[nodiscard]] pb::BenchReleased decision() const;
  void fail_barrier(const std::string& reason, ControllerEffects& out);
  void skip(const std::string& reason, ControllerEffects& out);
  void apply(const pb::BenchReleased& released);
  void open_next(ControllerEffects& out);
  [[nodiscard]] std::string timeout_text() const;
  [[nodiscard]] std::string missing_text() const;
  [[nodiscard]] const BarrierOptions& barrier_options() const;
  [[nodiscard]] std::optional<runtime::TimePoint> barrier_wake(const AtBarrier& barrier) const;

  // The end.
  void finish(bool completed, std::string reason, ControllerEffects& out);
  void step_finishing(ControllerEffects& out);
  void send_abort(const std::string& reason, ControllerEffects& out);

  [[nodiscard]] Member& member(AgentId id) { return members_[id.value]; }
  [[nodiscard]] const Member& member(AgentId id) const { return members_[id.value]; }
  [[nodiscard]] bool attached(const Member& member) const { return std::holds_alternative<Attached>(member.link); }
  template <typename Fill>
  void send(AgentId id, ControllerEffects& out, Fill fill) const;
  void send_release(AgentId id, uint32_t sequence, ControllerEffects& out) const;
  void send_sync(AgentId id, ControllerEffects& out) const;
  void send_excluded(AgentId id, ControllerEffects& out) const;
  void send_start(AgentId id, ControllerEffects& out) const;
  void note(ControllerEffects& out, std::string kind, std::optional<AgentId> agent, std::string text) const;

  const Plan plan_;
  const Options options_;
  BarrierOptions start_barrier_;
  runtime::TimePoint now_;
  std::vector<Member> members_;
  uint32_t sequence_ = 0;
  uint32_t floor_ = 0;  // of a skip: no agent is in an earlier stage than this
  Phase phase_ = AtBarrier{};
  std::optional<Beginning> beginning_;
};

}  // namespace penstock::bench
