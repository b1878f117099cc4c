#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "meta/barrier/control_events.h"
#include "meta/barrier/create_tracker.h"
#include "meta/barrier/creating_job.h"
#include "meta/barrier/graph_messages.h"
#include "meta/barrier/inflight_graph.h"
#include "meta/barrier/pause_reasons.h"
#include "meta/barrier/schedule.h"
#include "meta/barrier/trace.h"
#include "meta/barrier/transactions.h"
#include "meta/cluster/cluster.h"
#include "meta/model/epoch_generator.h"
#include "meta/model/id_allocator.h"
#include "meta/placement/rescale.h"

namespace penstock::meta {

/// The barriers, checkpoints and recoveries of one database (named after RisingWave's).
///
/// Guarantees
///  - a Checkpoint is committed after every participant has answered it, in order of epochs, one at a time; a later one never before an
///    earlier one, and none that a failure has overtaken;
///  - `next.prev == last.curr` within a term; a term is never used again, and nothing that a worker says of another term changes anything;
///  - a command is finished, failed, or made again after a recovery; never lost. While the database recovers, commands wait; only drops
///    take effect, in the recovery itself;
///  - commands and changes of settings that wait at the same moment share one Checkpoint barrier (checkpoint_commands.cc): all of them are
///  in
///    its commit, or none;
///  - a job that is being created from others or from sources is a graph of its own until it is created, in the same barriers and commits:
///    its failure, DROP or CANCEL resets that graph alone, and the barriers in flight stop waiting for it (checkpoint_creating.cc);
///  - a job that fails its graph again and again is left out of it, once that is durable, and so is all that reads it;
///  - a graph never starts without a node that owns vnodes of it: recovery waits and says for whom.
///
/// Pure: no clock, thread or I/O. Events come with the time, effects come out in the order in which they are to be performed; one owner. It
/// reads the durable model and the cluster, which its owner changes only between events.
class CheckpointControl {
 public:
  struct Options {
    BarrierSchedule::Options schedule;
    size_t max_in_flight = 16;
    /// While nodes owe a barrier that carries commands, others wait so as to share the next one: this long, or twice as long as the last
    /// barrier took, but not until it is called stuck. Zero: they do not wait.
    runtime::Duration command_patience = std::chrono::milliseconds(500);
    /// A creation whose barrier was lost so often may be the cause: it shares its barrier with no other creation.
    uint32_t create_alone_after = 2;
    runtime::Duration stuck_after = std::chrono::seconds(10);    // or 10 intervals, whichever is longer
    runtime::Duration drop_patience = std::chrono::seconds(2);   // with an older barrier that only a dropped job holds up
    runtime::Duration reset_timeout = std::chrono::seconds(10);  // a worker that does not answer a reset is disconnected
    runtime::Duration stable_after = std::chrono::seconds(10);   // running this long, the next failure is a first one again
    uint32_t create_attempts = 5;
    Transactions::Options transactions = {};
    uint32_t rescale_attempts = 5;
    bool copy_ahead = false;  // what moves is copied while the graph runs, so that it waits only for what has changed since
    runtime::Duration patience = std::chrono::seconds(30);  // with a job whose errors may pass by themselves
    size_t max_creating = 8;                                // jobs with graphs of their own at a time; others wait
    uint32_t quarantine_after = 5;                          // failures without a stable time between that one job is the cause of
  };
  struct Environment {
    const MetaModel& model;
    const Cluster& cluster;
    EpochGenerator& epochs;
    IdAllocator& ids;
  };

  CheckpointControl(DatabaseId database, Options options, Environment environment, uint64_t seed);
  CheckpointControl(const CheckpointControl&) = delete;
  CheckpointControl& operator=(const CheckpointControl&) = delete;

  /// Begins with a recovery. Jobs that the catalog has and that own nothing yet are queued by the owner, as when they were made.
  void handle(Now now, ControlEvent event, ControlEffects& out);
  /// When it wants a Tick at the latest.
  [[nodiscard]] std::optional<runtime::TimePoint> next_wake() const;

  [[nodiscard]] DatabaseId database() const { return database_; }
  [[nodiscard]] GraphTerm graph() const { return term_; }
  [[nodiscard]] Epoch committed() const { return committed_; }
  [[nodiscard]] bool recovering() const { return !std::holds_alternative<Running>(state_); }
  /// Why it recovers, and for whom it waits; empty when it runs.
  [[nodiscard]] std::string recovery_reason() const;
  /// Of a job, while its database recovers: for which node it waits, if that is why.
  [[nodiscard]] std::string standstill_reason(JobId job, Now now) const;
  /// "dim", for which the backfill of this fragment waits; empty if it does not.
  [[nodiscard]] std::string backfill_waits_for(JobId job, FragmentId fragment) const;
  /// "the backfill of fact waits for that of dim"; empty if none of the job's does.
  [[nodiscard]] std::string backfills_waiting(JobId job) const;
  [[nodiscard]] bool idle() const { return barriers_.empty() && commands_.empty() && flushes_.empty(); }
  [[nodiscard]] const InflightGraph& inflight() const { return graph_; }
  [[nodiscard]] const CreateTracker& creating() const { return tracker_; }
  [[nodiscard]] const std::deque<BarrierTrace>& traces() const { return traces_.traces(); }
  [[nodiscard]] const std::map<JobId, std::string>& job_errors() const { return job_errors_; }
  /// Why its sources stand still.
  [[nodiscard]] const PauseReasons& pauses() const { return pauses_; }
  /// A checkpoint waits for space on the disk of a node that has the graph, or of meta.
  [[nodiscard]] bool disk_full() const { return disk_full_; }
  [[nodiscard]] uint64_t stale_events() const { return stale_events_; }
  [[nodiscard]] uint64_t recoveries() const { return recoveries_; }
  /// What monitoring wants to know.
  struct Progress {
    struct Oldest {
      EpochPair epoch;
      runtime::Duration age{};
      std::string command;
      std::set<WorkerId> waiting;
      bool committing = false;
    };
    std::string_view state;  // "running", "resetting", …
    size_t in_flight = 0;
    std::optional<Oldest> oldest;
    runtime::Duration stuck_after{};  // an older barrier is stuck
    std::set<WorkerId> away;          // nodes that own vnodes and are waited for
    size_t commands = 0;              // that wait
    std::string waiting_command;      // why the first of them cannot be taken
    std::set<WorkerId> moving_to;     // nodes that fetch rows of actors that move, and have not said that they are there
  };
  [[nodiscard]] Progress progress(Now now) const;
  /// One line a thing, for `Inspect` and tests.
  [[nodiscard]] std::string debug_string(Now now) const;

 private:
  /// A barrier from its injection to its commit. Those of one term are in order; the front is the oldest.
  struct InflightBarrier {
    EpochPair epoch;
    pb::BarrierKind kind;
    runtime::TimePoint injected;
    std::vector<Command> commands;  // all of them, or none, are in its commit
    bool carries_commands = false;  // or changes of settings: later ones wait until it is collected
    bool starts_backfill = false;
    std::vector<FlushWaiter> flushes;
    std::set<Participant> participants;
    std::set<Participant> waiting;
    std::vector<std::pair<Participant, pb::BarrierComplete>> reports;
    std::map<JobId, JobPlacement> placed;
    std::map<JobId, std::map<MetaModel::SplitKey, ActorId>> assigned;
    std::vector<uint32_t> dropped_tables;
    std::set<JobId> detached;        // that its commit makes begin anew
    std::set<ObjectId> subscribing;  // subscriptions whose changes are all written after it
    bool taken_in = false;           // its reports

    template <typename Kind>
    [[nodiscard]] bool carries() const {
      return std::ranges::any_of(commands, [](const Command& command) { return std::holds_alternative<Kind>(command); });
    }
  };
  /// What differs from a barrier without commands. Commands that share a barrier gather in one.
  struct Injection {
    std::vector<Command> commands;
    std::vector<std::string> what;                               // for the trace: commands and changes of settings
    std::vector<pb::Mutation> mutations;                         // several: Combined
    bool suspect = false;                                        // it has a creation that lost barriers again and again
    std::set<JobId> leaving;                                     // the graph, with this barrier
    std::map<Participant, std::vector<uint32_t>> tables_before;  // if a command added tables
    std::map<Participant, std::vector<pb::BuildFragment>> build;
    std::map<Participant, std::vector<uint32_t>> collect_too;  // actors that are not in the graph yet
    std::map<JobId, JobPlacement> placed;
    std::map<JobId, std::map<MetaModel::SplitKey, ActorId>> assigned;
    std::vector<uint32_t> dropped_tables;
    std::map<WorkerId, Transactions::Lists> transactions;
    bool starts_backfill = false;

    [[nodiscard]] bool empty() const { return mutations.empty(); }
    pb::Mutation& add(std::string description) {
      what.push_back(std::move(description));
      return mutations.emplace_back();
    }
    pb::Mutation& add(Command command) {
      what.push_back(meta::describe(command));
      commands.push_back(std::move(command));
      return mutations.emplace_back();
    }
  };

  struct Running {
    runtime::TimePoint since;
  };
  /// Waits for a commit that is under way, then for workers to reset.
  struct Resetting {
    std::set<Participant> waiting;
    std::string reason;
    std::optional<pb::RootError> root;
    bool lost_worker = false;  // or dropped a job: the next attempt does not wait
    std::optional<runtime::TimePoint> sent;
  };
  struct BackingOff {
    runtime::TimePoint until;
    std::string reason;
    bool quarantines = false;  // waits for that to be durable as well
  };
  /// Nodes that own vnodes are away; the others have the graph, without actors, for reads.
  struct Blocked {
    std::set<WorkerId> missing;
    std::string reason;
  };
  /// Initial is out.
  struct Initializing {
    std::string reason;
  };
  /// How often a job was the cause of a failure.
  struct Blame {
    uint32_t times = 0;
    runtime::TimePoint since;
  };
  using State = std::variant<Running, Resetting, BackingOff, Blocked, Initializing>;

  /// Rows that are to move are copied while the graph runs, from the joining of their new owners to the last one's answer.
  struct CopyingAhead {
    uint32_t failed = 0;  // of the command
    std::vector<VnodeMove> moves;
    runtime::TimePoint began;
    std::optional<Epoch> epoch;  // as of which: the first that is committed with all of the new owners
    std::set<WorkerId> waiting;  // then: those that have not answered
  };

  /// A change of placement on its way, from its barrier, which no other follows, to its commit.
  struct Rescaling {
    RescaleJobs command;
    RescalePlan plan;
    InflightGraph after;  // until its barrier is committed
    runtime::TimePoint began;
    runtime::TimePoint updated;  // when its barrier was committed
    std::set<WorkerId> waiting;  // then: new owners that have not answered
    std::map<WorkerId, WorkerSegments> arrived;
    bool committed = false;
  };

  /// Plans of the catalog take the place of those that run, from the barrier that stops these to the reset after its commit.
  struct Replacing {
    std::string names;  // of the tables
    runtime::TimePoint began;
  };

  void on(Now now, const Tick& event, ControlEffects& out);
  void on(Now now, CommandQueued& event, ControlEffects& out);
  void on(Now now, const JobsDropped& event, ControlEffects& out);
  void on(Now now, const FlushWanted& event, ControlEffects& out);
  void on(Now now, const CheckpointWanted& event, ControlEffects& out);
  void on(Now now, const DiskChanged& event, ControlEffects& out);
  void on(Now now, const JobsQuarantined& event, ControlEffects& out);
  void on(Now now, const JobReadmitted& event, ControlEffects& out);
  void on(Now now, const RescaleWanted& event, ControlEffects& out);
  void on(Now now, VnodesTransferred& event, ControlEffects& out);
  void on(Now now, const RescaleCommitted& event, ControlEffects& out);
  void on(Now now, const CulpritsNamed& event, ControlEffects& out);
  void on(Now now, const WorkerReady& event, ControlEffects& out);
  void on(Now now, const WorkerLost& event, ControlEffects& out);
  void on(Now now, BarrierCompleted& event, ControlEffects& out);
  void on(Now now, const GraphFailed& event, ControlEffects& out);
  void on(Now now, const GraphReset& event, ControlEffects& out);
  void on(Now now, CheckpointCommitted& event, ControlEffects& out);
  void on(Now now, TransactionWanted& event, ControlEffects& out);
  void on(Now now, const TransactionGivenUp& event, ControlEffects& out);

  // Small steps, each safe alone; true if something was done. `handle` repeats them until none is.
  bool step(Now now, ControlEffects& out);
  bool step_front(Now now, ControlEffects& out);
  bool step_commands(Now now, ControlEffects& out);
  bool step_inject(Now now, ControlEffects& out);
  bool step_reset(Now now, ControlEffects& out);
  bool step_retire(ControlEffects& out);
  void check_stuck(Now now, ControlEffects& out);
  [[nodiscard]] std::string database_name() const;
  [[nodiscard]] runtime::Duration stuck_limit() const { return std::max(options_.stuck_after, 10 * schedule_.interval()); }

  // checkpoint_inject.cc
  void look_at_disks(ControlEffects& out);
  void inject(Now now, Epoch curr, pb::BarrierKind kind, Injection injection, ControlEffects& out);
  [[nodiscard]] std::optional<Epoch> next_epoch(Now now, ControlEffects& out);
  /// Whether `next_epoch` will give one; if not, it is asked for.
  [[nodiscard]] bool has_epoch(Now now, ControlEffects& out);
  [[nodiscard]] std::set<Participant> participants() const;
  void send_barrier(const InflightBarrier& barrier, Injection& injection, ControlEffects& out) const;
  void send_empty_initial(const Participant& who, ControlEffects& out);
  void create_on(WorkerId worker, ControlEffects& out);
  void join(const std::set<WorkerId>& workers, ControlEffects& out);
  void finish_flushes_of_empty_graph(ControlEffects& out);
  [[nodiscard]] std::vector<TransactionDecided> name_transactions(Now now, Epoch prev, Injection& injection);
  void end_transactions(ControlEffects& out);
  [[nodiscard]] GraphMessages messages() const;
  /// Gives splits that no actor has to actors; returns what changed.
  [[nodiscard]] std::map<MetaModel::SplitKey, ActorId> assign(const JobPlan& plan, const JobPlacement& placement) const;
  [[nodiscard]] std::map<MetaModel::SplitKey, JobSplit> known_splits(JobId job) const;
  /// `assigned`: beside what is known.
  [[nodiscard]] ActorSplits splits_of(JobId job, const std::map<MetaModel::SplitKey, ActorId>& assigned = {}) const;

  // checkpoint_commands.cc
  [[nodiscard]] std::optional<runtime::TimePoint> commands_wait_until() const;
  [[nodiscard]] bool commands_wait(Now now) const;
  void gather(Now now, Injection& injection, ControlEffects& out);
  enum class Taken { Yes, NotNow, Void };
  Taken take(Now now, const CreateJob& command, Injection& injection, ControlEffects& out);
  Taken take(Now now, DropJobs command, Injection& injection, ControlEffects& out);
  Taken take(Now now, const ChangeSplits& command, Injection& injection, ControlEffects& out);
  Taken take(Now now, const DetachJob& command, Injection& injection, ControlEffects& out);
  Taken take(Now now, const RescaleJobs& command, Injection& injection, ControlEffects& out);
  [[nodiscard]] bool goes_with(const CreateJob& command, const Injection& injection) const;
  void add_job(const std::shared_ptr<const JobPlan>& plan, JobPlacement placement, const CreateJob& command, Injection& injection,
               ControlEffects& out);

  // checkpoint_drops.cc
  void note_leaving(const std::vector<JobId>& jobs);
  void forget_leaving();
  void check_drops(Now now, ControlEffects& out);
  [[nodiscard]] std::optional<runtime::TimePoint> next_drop_check() const;

  // checkpoint_settings.cc
  void start_backfills(Injection& injection);
  void hurry_backfills(Now now);
  [[nodiscard]] bool is_held(JobId job) const;
  void look_at_database();
  void take_settings();
  [[nodiscard]] std::pair<uint64_t, bool> wanted_settings() const;
  void hold(bool held, Injection& injection);
  void change_sources(Injection& injection);

  // checkpoint_subscriptions.cc
  void take_subscribers();
  void change_subscribers(Injection& injection);
  void tell_subscribers(pb::BuildFragment& fragment) const;

  // checkpoint_creating.cc
  /// Whether the job is created in a graph of its own: what backfills or reads sources, but no table, whose graph takes DML.
  [[nodiscard]] bool wants_own_graph(const JobPlan& plan) const;
  /// The graph and its part in the barriers begin: on these nodes, which have the database's.
  void create_job_graph(JobId job, const CreatingJob& creating, ControlEffects& out) const;
  [[nodiscard]] std::optional<JobId> creating_in(GraphTerm graph) const;
  /// The job's graph is out of the barriers, and is to be reset.
  EndingGraph& detach(JobId job, ControlEffects& out);
  void fail_creating(Now now, JobId job, const pb::RootError& root, ControlEffects& out);
  bool step_ending(Now now, ControlEffects& out);
  void finish_ending(Now now, EndingGraph ended, ControlEffects& out);
  bool step_restart(Now now);
  void finish_creation(Now now, JobId job, ControlEffects& out);
  void merge_job(JobId job, ControlEffects& out);
  void forget_merged();
  void forget_creating_after_reset(Now now);

  // checkpoint_rescale.cc
  [[nodiscard]] std::vector<Candidate> candidates() const;
  [[nodiscard]] bool creations_settled() const;
  [[nodiscard]] Result<RescalePlan> plan_new_placement() const;
  void queue_rescale(RescaleJobs command);
  void finish_rescale(const Status& result, ControlEffects& out);
  void copy_ahead(Now now, const RescaleJobs& command, RescalePlan plan, ControlEffects& out);
  void order_copies(Now now, const InflightBarrier& committed, ControlEffects& out);
  [[nodiscard]] bool take_copied(Now now, const VnodesTransferred& event, ControlEffects& out);
  void stop_copying(Now now);
  [[nodiscard]] std::vector<SendRequest> transfer_orders(const std::vector<VnodeMove>& moves, bool ahead) const;
  [[nodiscard]] std::set<FragmentId> replace_downstream(RescalePlan& plan) const;
  void update_actors(Now now, const RescaleJobs& command, RescalePlan plan, const std::set<FragmentId>& replaced, Injection& injection,
                     ControlEffects& out);
  void begin_transfer(Now now, ControlEffects& out);
  void commit_rescale(ControlEffects& out);
  void release_left_nodes(ControlEffects& out);
  void retry_rescale(Now now);
  void tell_vnodes_here(WorkerId worker, ControlEffects& out) const;
  void fill_owned(WorkerId worker, google::protobuf::RepeatedPtrField<pb::OwnedVnodes>* out) const;

  // checkpoint_replace.cc
  bool replace_plans(Now now, ControlEffects& out);
  void begin_replaced(Now now, ControlEffects& out);

  // checkpoint_commit.cc
  void take_in(InflightBarrier& barrier);
  [[nodiscard]] CommitRecord make_record(InflightBarrier& barrier);
  void announce_commit(const InflightBarrier& barrier, const CheckpointCommitted& event, ControlEffects& out);
  [[nodiscard]] std::optional<Error> check_report(const BarrierCompleted& event) const;

  // checkpoint_recovery.cc
  [[nodiscard]] Resetting reset_of_all(std::string reason);
  void fail(Now now, std::string reason, std::optional<pb::RootError> root, bool lost_worker, ControlEffects& out);
  void finish_reset(Now now, ControlEffects& out);
  void redrive(const std::optional<pb::RootError>& root, ControlEffects& out);
  /// True if the job is to be left out, and the next attempt has to wait until that is durable.
  bool blame(Now now, JobId job, const pb::RootError& root, ControlEffects& out);
  bool attempt(Now now, const std::string& reason, ControlEffects& out);
  void rebuild_graph();
  [[nodiscard]] std::set<WorkerId> owners_of_quarantined() const;
  void begin(Now now, const std::string& reason, Epoch first, ControlEffects& out);
  [[nodiscard]] std::optional<JobId> job_of(const pb::RootError& root) const;
  [[nodiscard]] std::string describe(const pb::RootError& root) const;
  [[nodiscard]] pb::RootError named(pb::RootError root, WorkerId worker) const;
  [[nodiscard]] std::string lost(const WorkerLost& event) const;
  [[nodiscard]] std::string owned_by(WorkerId worker) const;

  // Constant after construction.
  const DatabaseId database_;
  const Options options_;
  const Environment env_;

  State state_;
  GraphTerm term_;
  InflightGraph graph_;                              // as the next barrier sees it
  std::set<WorkerId> members_;                       // nodes that have the graph in this term
  std::set<std::pair<Participant, Epoch>> joining_;  // their Initial, ahead of their first barrier with the others
  std::map<JobId, CreatingJob> creating_;            // all on members
  std::map<GraphTerm, EndingGraph> ending_;          // of jobs that failed or were dropped while they were being created
  std::set<GraphTerm> merging_;                      // are the database's now, but barriers below the merge are in flight
  std::map<JobId, bool> detached_;                   // left the barriers; true: it is durable that they begin anew
  std::map<JobId, PendingRestart> restarts_;
  std::map<JobId, FailedCreation> failed_creations_;
  Epoch committed_;
  Epoch chain_end_;  // curr of the last barrier
  std::deque<InflightBarrier> barriers_;
  bool committing_ = false;  // the front, or a rescale
  std::optional<CopyingAhead> copying_;
  std::optional<Rescaling> rescaling_;
  std::optional<Replacing> replacing_;
  std::vector<RescaleWaiter> rescale_waiters_;
  runtime::TimePoint rescale_looked_at_;
  runtime::TimePoint commands_looked_at_;                             // last time that none of them had to wait for another barrier
  std::map<JobId, std::map<MetaModel::SplitKey, ActorId>> assigned_;  // by recovery, to be durable with the next Checkpoint
  std::map<JobId, std::map<ObjectId, pb::Subscriber>> subscribers_;   // as the last barrier left them
  std::set<ObjectId> subscribing_;                                    // those of them whose beginning is not durable
  std::set<JobId> held_;                                              // whose sources and backfill the last barrier left held
  std::pair<uint64_t, bool> settings_seen_{0, false};                 // catalog version and whether all is paused: what is in force
  std::set<ActorId> leaving_;                                         // of dropped jobs, which barriers in flight may still wait for
  std::optional<runtime::TimePoint> culprits_wanted_;
  std::deque<Command> commands_;
  std::vector<FlushWaiter> flushes_;
  PauseReasons pauses_;
  bool disk_full_ = false;
  CreateTracker tracker_;
  BarrierSchedule schedule_;
  Transactions transactions_;
  BackOff back_off_;
  TraceRing traces_;
  runtime::Duration last_flight_{};  // of the last barrier that was collected
  /// Jobs whose backfills are under way, with how many of these wait: as it has been since then.
  struct Backfilling {
    std::map<JobId, size_t> jobs;
    runtime::TimePoint since;
    runtime::TimePoint ask_at;
  };
  Backfilling backfilling_;
  std::optional<runtime::TimePoint> stuck_reported_;
  std::optional<runtime::TimePoint> failed_at_;
  std::map<JobId, std::string> job_errors_;
  std::map<JobId, Blame> blamed_;                   // how often a job was the cause since the graph last ran stably
  std::optional<runtime::TimePoint> lease_wanted_;  // no epoch could be had
  std::string waiting_command_;                     // why the first command that waits cannot be taken
  uint64_t stale_events_ = 0;
  uint64_t recoveries_ = 0;
};

}  // namespace penstock::meta
