#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "meta/meta_node.h"
#include "meta/service/commit_queue.h"
#include "meta/service/control_streams.h"
#include "meta/service/pending_reply.h"
#include "meta/service/subscribers.h"
#include "storage/disk_guard.h"
#include "storage/posix_filesystem.h"

namespace penstock::meta {

class Inspector;
class MetaMetrics;
class Requests;
class SourceWatch;

/// Wakes whoever waits when it is destroyed, whatever became of its owner.
class Signal {
 public:
  Signal() = default;
  explicit Signal(std::shared_ptr<runtime::Waiter> waiter) : waiter_(std::move(waiter)) {}
  Signal(Signal&&) = default;
  Signal& operator=(Signal&&) = default;
  ~Signal() {
    if (waiter_) waiter_->notify();
  }

 private:
  std::shared_ptr<runtime::Waiter> waiter_;  // shared with the one who waits
};

/// What an actor last said of a source beside its positions; not durable.
struct SourceStats {
  uint64_t skipped_rows = 0;
  std::string last_error;
  bool rate_limited = false;
};

/// The loop of a running meta: owns the machines, gives them events in order, performs what they want. Every method but `post` is called on
/// the loop; handlers of requests (`Requests`) and of sources (`SourceWatch`) are parts of it in files of their own.
class MetaLoop : public std::enable_shared_from_this<MetaLoop> {
 public:
  MetaLoop(MetaNode::Options options, runtime::Runtime& runtime, rpc::Transport& transport, LeaderTerm leader,
           std::vector<uint64_t> leaders, MetaModel model);
  ~MetaLoop();
  MetaLoop(const MetaLoop&) = delete;
  MetaLoop& operator=(const MetaLoop&) = delete;

  /// Runs `job` on the loop, unless it has stopped by then. Thread-safe.
  void post(runtime::Job job);
  /// Takes the address; requests are handled from `begin` on.
  [[nodiscard]] Result<std::string> listen(std::string_view address);
  /// Serves the same calls on a second transport too. Thread-safe.
  [[nodiscard]] Result<std::string> listen_also(rpc::Transport& transport, std::string_view address);
  void begin();
  void stop();
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// After `stop`, by the owner: told when nothing refers to the loop any more.
  void signal_when_gone(Signal signal) { gone_ = std::move(signal); }
  void shutdown(runtime::Job done, runtime::Duration patience);

  // ---- what requests and sources need -------------------------------------------------------------------------------------------
  [[nodiscard]] const MetaModel& model() const { return model_; }
  [[nodiscard]] Cluster& cluster() { return cluster_; }
  [[nodiscard]] const std::string& cluster_id() const { return options_.store->cluster_id(); }
  [[nodiscard]] const MetaNode::Options& options() const { return options_; }
  [[nodiscard]] runtime::Runtime& runtime() { return runtime_; }
  [[nodiscard]] runtime::Executor& executor() { return *executor_; }
  [[nodiscard]] Now now() const { return {runtime_.now(), runtime_.unix_micros()}; }
  [[nodiscard]] const std::map<DatabaseId, std::unique_ptr<CheckpointControl>>& databases() const { return databases_; }
  [[nodiscard]] CheckpointControl* database(DatabaseId id);
  /// For people; its number if it has no name any more.
  [[nodiscard]] std::string database_name(DatabaseId id) const;
  [[nodiscard]] const std::map<std::pair<ObjectId, ActorId>, SourceStats>& source_stats() const { return source_stats_; }
  [[nodiscard]] SourceWatch& sources() { return *sources_; }
  [[nodiscard]] Subscribers& subscribers() { return subscribers_; }
  [[nodiscard]] Requests& requests() { return *requests_; }

  void submit(CommitQueue::Build build, CommitQueue::Done done) { commits_.submit(std::move(build), std::move(done)); }
  /// `work` on the blocking pool; what it returns runs on the loop.
  void off_loop(absl::AnyInvocable<runtime::Job()> work);
  /// An event of a database, after those before it; the loop handles them when what it does now is done.
  void enqueue(DatabaseId database, ControlEvent event);
  void perform(Cluster::Effects effects);
  /// Tells frontends what has changed; happens by itself after events.
  void publish();
  void add_database(DatabaseId id);
  /// The next checkpoint of the database that covers everything before.
  void flush(DatabaseId id, absl::AnyInvocable<void(const FlushDone&)> done);
  /// Likewise, of a setting that is in the catalog; a recovery, which builds it so, answers it at its beginning, with epoch 0.
  void settle(DatabaseId id, absl::AnyInvocable<void(const FlushDone&)> done);
  /// Looks, after `delay`, where the jobs of the database should be, and moves them; `done` when all are there, or with the reason why not.
  void rescale(DatabaseId id, runtime::Duration delay, absl::AnyInvocable<void(const Status&)> done);
  /// The same for all databases; `done` with the first thing that went wrong.
  void rescale_all(runtime::Duration delay, absl::AnyInvocable<void(const Status&)> done);
  /// Actors on the node, of all databases, as of what is durable.
  [[nodiscard]] uint32_t actors_on(WorkerId worker) const;
  void note_workers_changed() { changed_workers_ = true; }
  /// Decided when a Checkpoint names it, or when it has come to nothing.
  /// `Protocol` if it is asked for already.
  [[nodiscard]] Status commit_transaction(DatabaseId id, TransactionWanted wanted,
                                          absl::AnyInvocable<void(const TransactionDecided&)> done);
  /// Answered when the job is created, or with the reason why it never will be.
  void wait_created(JobId job, absl::AnyInvocable<void(const Status&)> done);
  void finish_created(JobId job, const Status& status);
  /// Jobs are gone from the catalog: their actors stop, who waits for them is told.
  void on_dropped(std::map<DatabaseId, std::vector<JobId>> jobs, const Error& reason);
  /// The catalog has forgotten it, and its jobs: it goes once they have stopped.
  void on_database_dropped(DatabaseId id);
  void inspect_worker(WorkerId worker, std::string what, runtime::Duration patience,
                      absl::AnyInvocable<void(Result<pb::InspectResponse>)> done);
  [[nodiscard]] Inspector& inspector() { return *inspector_; }
  [[nodiscard]] MetaMetrics& metrics() { return *metrics_; }
  void log_event(DatabaseId database, std::string kind, std::string text, JobId job, WorkerId worker);
  [[nodiscard]] pb::MetaSnapshot snapshot();
  [[nodiscard]] std::string debug_text() const;

 private:
  struct Inspection {
    WorkerId worker;
    absl::AnyInvocable<void(Result<pb::InspectResponse>)> done;
    runtime::Timer timeout;
  };

  void watch_disk();
  void on_disk_changed();
  void drain();
  void retire_dropped_databases();
  void forget_dropped_databases();
  void forget_graphs(const std::set<PartialGraphId>& graphs);
  void arm();
  void tick();
  void extend(Txn& txn);
  void on_committed();
  void on_fatal(const Error& reason);

  // meta_loop_effects.cc
  void perform(DatabaseId database, SendRequest& effect);
  void perform(DatabaseId database, CommitCheckpoint& effect);
  void perform(DatabaseId database, CommitRescale& effect);
  void perform(DatabaseId database, RescaleDone& effect);
  void perform(DatabaseId database, LeaseWanted& effect);
  void perform(DatabaseId database, FlushDone& effect);
  void perform(DatabaseId database, JobCreated& effect);
  void perform(DatabaseId database, JobFailed& effect);
  void perform(DatabaseId database, QuarantineJob& effect);
  void perform(DatabaseId database, TermEnded& effect);
  void perform(DatabaseId database, StatusChanged& effect);
  void perform(DatabaseId database, EventHappened& effect);
  void perform(DatabaseId database, BarrierStuck& effect);
  void perform(DatabaseId database, CulpritsWanted& effect);
  void perform(DatabaseId database, DisconnectWorker& effect);
  void perform(DatabaseId database, TransactionDecided& effect);
  void perform(Cluster::Connect& effect);
  void perform(Cluster::Ping& effect);
  void perform(Cluster::Close& effect);
  void perform(Cluster::Ready& effect);
  void perform(Cluster::Lost& effect);
  void send_init(WorkerId worker, uint64_t attempt);
  void on_control_message(WorkerId worker, uint64_t attempt, pb::ControlResponse message);
  void on_control_closed(WorkerId worker, uint64_t attempt, const Error& reason);
  void dispatch(WorkerId worker, uint64_t attempt, pb::ControlResponse& message);
  void on_init(WorkerId worker, uint64_t attempt, const pb::InitResponse& answer);
  void on_leaving(WorkerId worker, uint64_t attempt);
  void relieve_memory(const pb::Pressure& pressure);
  void checkpoint_and_close(WorkerId worker, uint64_t attempt);
  void note_sources(const pb::BarrierComplete& report);

  Signal gone_;  // first, so that it is destroyed last

  // Constant after construction.
  MetaNode::Options options_;
  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  const LeaderTerm leader_;
  const std::vector<uint64_t> leaders_;  // ids: this one's, then those of the terms below
  const std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<SourceWatch> sources_;
  std::unique_ptr<Inspector> inspector_;
  std::unique_ptr<MetaMetrics> metrics_;

  // Owned by the loop.
  bool stopped_ = false;
  bool draining_events_ = false;
  bool shut_down_ = false;
  MetaModel model_;
  Cluster cluster_;
  EpochGenerator epochs_;
  IdAllocator ids_;
  std::map<DatabaseId, std::unique_ptr<CheckpointControl>> databases_;
  std::set<DatabaseId> dropped_databases_;  // of those, waiting for their jobs to stop
  CommitQueue commits_;
  ControlStreams streams_;
  Subscribers subscribers_;
  std::unique_ptr<rpc::Listener> listener_;
  std::unique_ptr<rpc::Listener> second_listener_;
  std::deque<std::pair<DatabaseId, ControlEvent>> events_;
  bool lease_wanted_ = false;
  std::map<uint64_t, absl::AnyInvocable<void(const FlushDone&)>> flushes_;
  uint64_t flushes_made_ = 0;
  std::map<uint64_t, absl::AnyInvocable<void(const Status&)>> rescales_;
  uint64_t rescales_made_ = 0;
  std::map<std::pair<DatabaseId, TransactionId>, absl::AnyInvocable<void(const TransactionDecided&)>> transactions_;
  std::map<JobId, std::vector<absl::AnyInvocable<void(const Status&)>>> creations_;
  std::map<uint64_t, Inspection> inspections_;
  uint64_t inspections_made_ = 0;
  std::map<std::pair<ObjectId, ActorId>, SourceStats> source_stats_;
  std::deque<TermEnded> ended_terms_;  // the last ones
  runtime::Timer timer_;
  std::optional<runtime::TimePoint> armed_;
  runtime::Timer shutdown_timer_;

  storage::PosixFileSystem files_;
  std::unique_ptr<storage::DiskGuard> disk_;  // of the data folder, if there is one

  // To be told to subscribers when the events at hand are done.
  std::set<DatabaseId> changed_databases_;
  std::vector<TermEnded> new_ended_terms_;
  bool changed_workers_ = false;
  bool changed_placements_ = false;
  uint64_t published_catalog_ = 0;
};

}  // namespace penstock::meta
