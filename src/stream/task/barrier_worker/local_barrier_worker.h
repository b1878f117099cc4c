#pragma once

#include <map>
#include <memory>
#include <string>

#include "proto/inspect.pb.h"
#include "rpc/transport.h"
#include "storage/disk_guard.h"
#include "stream/task/actor_manager.h"
#include "stream/task/barrier_worker/control_codec.h"
#include "stream/task/barrier_worker/local_barrier_manager_impl.h"
#include "stream/task/barrier_worker/managed_barrier_state.h"
#include "stream/task/barrier_worker/sync_threads.h"
#include "stream/task/barrier_worker/task_book.h"
#include "stream/task/barrier_worker/vnode_ownership.h"
#include "stream/task/barrier_worker/worker_metrics.h"
#include "stream/task/barrier_worker/worker_queue.h"
#include "stream/task/transaction_holder.h"

namespace penstock::stream {

/// The worker of a compute that turns meta's control stream into barriers of actors and back (named after RisingWave's). It owns the
/// control stream and `ManagedBarrierState`; its loop runs on one thread of its own and never waits: files and builds run on the
/// blocking pool, syncs on threads of their own, and come back as events.
///
/// Order of work: events of actors, finished syncs, actor operations, control requests: progress before new work.
///
/// Public calls are thread-safe and only post. It must be stopped (`stop`) before what it was given goes away.
class LocalBarrierWorker : public BarrierEventSink {
 public:
  struct Options {
    std::string node_id;
    Incarnation incarnation;
    LeaderSeen leader;                                        // followed before this start
    std::function<Status(const LeaderSeen&)> persist_leader;  // durable when it returns; called on the blocking pool
    runtime::Duration liveness_timeout = std::chrono::seconds(10);
    runtime::Duration barrier_target{};    // of the time barriers are in flight; zero: sources are not held back
    metrics::Registry* metrics = nullptr;  // none: nothing is recorded
    metrics::Labels labels;                // of what is recorded
    /// Adds what the node knows of itself (disk, memory) to an answer; called from the loop, only touches memory.
    std::function<void(pb::NodeFacts&)> facts;
  };
  LocalBarrierWorker(Options options, runtime::Runtime& runtime, storage::StateStore& store, ActorManager& actors);
  ~LocalBarrierWorker() override;
  LocalBarrierWorker(const LocalBarrierWorker&) = delete;
  LocalBarrierWorker& operator=(const LocalBarrierWorker&) = delete;

  /// Somebody opened a control stream. It takes the place of the one there is once its Init says that it is meta, means this node, and is
  /// not older; until then it is a candidate that can do no harm: a meta that looks for another node at this address, or that has been
  /// overtaken, is refused without a word to the one that leads. Called by the compute's rpc service.
  [[nodiscard]] rpc::Service::Accepted on_control_stream(std::shared_ptr<rpc::Stream> stream);
  /// True while meta speaks to us: a stream whose Init was answered.
  [[nodiscard]] bool connected() const { return connected_.load(); }
  /// `told` is called from the loop with this node's number as meta's Init gives it, before any actor is built. Set once, before serving.
  void on_worker_id(std::function<void(WorkerId)> told) { worker_id_told_ = std::move(told); }
  /// Who holds rows of transactions for barriers to name. Set once, before serving; without, a barrier that names one fails its graph.
  void on_transactions(TransactionHolder& holder) { transactions_ = &holder; }
  /// Who pulls vnodes for meta's TransferVnodes, and where it is kept what this node owns. Set once, before serving; both outlive this.
  void set_vnodes(VnodeMover& mover, VnodeOwnership& ownership) {
    mover_ = &mover;
    ownership_ = &ownership;
  }
  /// Tells meta that this node wants to leave: it moves the actors elsewhere, then closes the stream. `left` is called from the loop when
  /// the stream is closed; at once if there is none.
  void leave(runtime::Job left);
  /// Graphs, epochs, who is missing, and what the actors wait for. `reply` is called from the loop.
  void inspect(std::string what, std::function<void(std::string)> reply);
  /// `done` is called from the loop: a loop that stands still never calls it.
  void ping(runtime::Job done) { post(WorkerQueue::Lane::Operation, std::move(done)); }
  [[nodiscard]] const WorkerMetrics& metrics() const { return metrics_; }
  /// The disk's level has changed: meta is told, now or when it is there.
  void report_disk(storage::DiskReport report);
  /// Meta is told if it differs from the last time.
  void report_memory(const NodeMemory& memory);
  /// Ends the stream and every actor; `done` is called from the loop. Events afterwards change nothing.
  void stop(runtime::Job done);

 private:
  struct ControlStreamHandle {
    std::shared_ptr<rpc::Stream> stream;  // shared with the transport
    uint64_t number = 0;
    bool initialized = false;
    runtime::TimePoint last_heard;
  };
  /// A stream whose Init has not come.
  struct Candidate {
    std::shared_ptr<rpc::Stream> stream;  // shared with the transport
    runtime::TimePoint last_heard;
  };
  /// An Init that waits until every graph is gone.
  struct PendingInit {
    InitRequest request;
  };

  void post_event(BarrierEvent event) override;
  void post_collect(BarrierCollected event) override;
  void look_at_collects() override;
  /// `work` on the blocking pool; what it returns runs in the loop, in `lane`.
  void off_loop(WorkerQueue::Lane lane, absl::AnyInvocable<runtime::Job()> work);
  void finish_stop();
  void post(WorkerQueue::Lane lane, runtime::Job job);
  void run();
  void wake();
  runtime::TimePoint observe_arm(runtime::TimePoint begin, std::string_view what, size_t count);

  void on_stream_opened(uint64_t number, std::shared_ptr<rpc::Stream> stream);
  void on_stream_closed(uint64_t number, const Status& reason);
  void on_bytes(uint64_t number, const rpc::Bytes& bytes);
  void on_candidate(uint64_t number, const rpc::Bytes& bytes);
  void refuse_candidate(uint64_t number, const Error& reason);
  void take_over(uint64_t number, InitRequest request);
  void close_silent_candidates();
  void close_stream(const Error& reason);
  void check_liveness();
  void send(std::string response);

  void on_request(ControlRequest request);
  void handle(InitRequest request);
  void handle(const CommitEpoch& request);
  void handle(const ResetGraphs& request);
  void handle(const RemoveGraphs& request);
  void handle(const InspectRequest& request);
  void handle(TransferVnodes request);
  void note_owned(const CreatePartialGraph& request);
  void take_vnodes(const CommitEpoch& request);
  void vnodes_taken(const CommitEpoch& request, const Status& adopted);
  void finish_leave();
  [[nodiscard]] Status check_init(const InitRequest& request) const;
  void reset_all();
  void continue_init();
  void finish_init(uint64_t number, const InitRequest& request, const Status& prepared);

  void apply(BarrierEvent event);
  void perform(OpenGraph effect);
  void open_branch(const OpenGraph& effect);
  void for_each_manager(PartialGraphId graph, Epoch prev, const std::function<void(LocalBarrierManagerImpl&)>& visit);
  void forget_managers(PartialGraphId graph);
  void forget_unused_managers(PartialGraphId graph);
  void perform(const MergeGraphs& effect);
  void perform(StartEpoch effect);
  void perform(const ResolveTransactions& effect);
  void perform(const SendBarrier& effect);
  void perform(const BuildActors& effect);
  void perform(const ForgetBarrier& effect);
  void perform(StartSync effect);
  void perform(const BarrierCompleteResult& effect);
  void perform(const ReportFailure& effect);
  void perform(const StopActors& effect);
  void perform(const StartResetTimer& effect);
  void perform(const ClearGraph& effect);
  void perform(const ReportReset& effect);
  void perform(const ProtocolViolation& effect);
  [[nodiscard]] std::string debug_text() const;
  [[nodiscard]] pb::WorkerSnapshot await_snapshot() const;

  // Constant after construction.
  const Options options_;
  runtime::Runtime& runtime_;
  storage::StateStore& store_;
  ActorManager& actors_;
  const std::unique_ptr<runtime::Executor> loop_;
  WorkerMetrics metrics_;
  TaskBook tasks_;
  std::atomic<bool> connected_{false};
  std::atomic<uint64_t> streams_opened_{0};
  std::function<void(WorkerId)> worker_id_told_;
  TransactionHolder* transactions_ = nullptr;
  VnodeMover* mover_ = nullptr;
  VnodeOwnership* ownership_ = nullptr;
  WorkerQueue queue_;

  // Owned by the loop.
  ManagedBarrierState state_;
  std::map<PartialGraphId, std::shared_ptr<LocalBarrierManagerImpl>> managers_;  // shared with the graph's actors
  struct MergedGraph {
    PartialGraphId graph;
    Epoch epoch;  // its barriers from here on are those of the graph it was merged into
  };
  std::multimap<PartialGraphId, MergedGraph> merged_;  // graph -> those that were merged into it
  ControlStreamHandle control_;
  std::optional<PendingInit> pending_init_;
  std::map<uint64_t, Candidate> candidates_;  // by number
  LeaderSeen leader_;
  std::vector<runtime::Timer> timers_;  // of resets; cleared when no graph resets
  runtime::Timer liveness_timer_;
  std::map<GraphTerm, std::vector<OwnedVnodes>> owned_;          // of graphs that are being opened
  std::map<GraphTerm, std::vector<CommitEpoch>> taking_vnodes_;  // that have moved here, off the loop: commits that came since
  std::optional<runtime::Job> leaving_;                          // set by `leave`: called when the stream ends
  size_t off_loop_jobs_ = 0;
  SyncThreads syncs_;
  storage::DiskReport disk_;
  NodeMemory memory_;
  std::optional<runtime::Job> stopping_;  // set by `stop`: called once nothing runs for us any more
};

}  // namespace penstock::stream
