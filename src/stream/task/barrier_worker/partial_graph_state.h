#pragma once

#include <deque>
#include <string>

#include "stream/task/barrier_worker/inflight_barrier.h"

namespace penstock::stream {

/// One barrier in flight, for the await tree.
struct BarrierStatus {
  GraphTerm graph;
  EpochPair epoch;
  std::string_view state;  // "issued", "all collected", …
  runtime::Duration age{};
  std::vector<ActorId> missing;
};

/// One incarnation of one partial graph on this worker.
///
///   Pending ──opened──▶ Running ──first failure──▶ Suspended
///      │                   │                          │
///      └────────── reset ──┴──────────────────────────┴──▶ Resetting ──▶ (gone)
///
///  - Pending: the store is adopting the graph's segments; barriers wait.
///  - Running: barriers chain (`next.prev == last.curr`), complete strictly in order of `prev` in whatever order actors collect, and each
///    exactly once. A Checkpoint is synced before it completes; syncs of several epochs overlap, answers go out in order.
///  - Suspended: the first failure was reported; barriers and collects are ignored, later errors are kept to choose the root cause.
///  - Resetting: waits for actors and syncs to end (1 s at most) and, only while the best error known is the consequence of another, up to
///    200 ms for a better one. Then the in-memory batches go and the reset is acknowledged with the error of the highest score.
///
/// Pure: no clock, thread or I/O. Owned by `ManagedBarrierState`.
class PartialGraphState {
 public:
  static constexpr runtime::Duration kRootCauseWait = std::chrono::milliseconds(200);
  static constexpr runtime::Duration kCutOff = std::chrono::seconds(1);

  explicit PartialGraphState(GraphTerm graph) : graph_(graph) {}

  /// A job that is being created waits for its database's graph to be open: `trunk_running`, or `on_trunk_opened` later.
  void on_create(const CreatePartialGraph& event, bool trunk_running, BarrierEffects& effects);
  void on_trunk_opened(GraphTerm trunk, BarrierEffects& effects);
  void on_opened(const GraphOpened& event, runtime::TimePoint now, BarrierEffects& effects);
  void on_inject(InjectBarrier event, runtime::TimePoint now, BarrierEffects& effects);
  void on_collect(const BarrierCollected& event, runtime::TimePoint now, BarrierEffects& effects);
  void on_failure(ActorId actor, const Error& error, BarrierEffects& effects);
  void on_report(SideReport event);
  void on_sync_finished(SyncFinished event, runtime::TimePoint now, BarrierEffects& effects);
  void on_reset(BarrierEffects& effects);
  void on_stopped(BarrierEffects& effects);
  void on_reset_timer(ResetTimer::Kind kind, BarrierEffects& effects);
  /// Errors: `Protocol` while a barrier is in flight.
  [[nodiscard]] Status on_remove() const;
  /// The actors of `from` are this graph's from the barrier on that follows the chain's end; a failure of `from` is this one's.
  /// Errors: `Protocol`, and nothing is changed.
  [[nodiscard]] Status on_merge(const PartialGraphState& from, Epoch epoch, BarrierEffects& effects);

  [[nodiscard]] GraphTerm graph() const { return graph_; }
  /// The reset was acknowledged: forget this state.
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool running() const { return std::holds_alternative<Running>(status_); }
  [[nodiscard]] size_t in_flight() const { return barriers_.size(); }
  [[nodiscard]] std::optional<runtime::TimePoint> oldest() const;
  /// Adds those in flight, oldest first.
  void list_barriers(runtime::TimePoint now, std::vector<BarrierStatus>& out) const;
  /// Status, chain, and one line an epoch, oldest first, with who is missing.
  [[nodiscard]] std::string debug_string(runtime::TimePoint now) const;

 private:
  struct Pending {
    std::vector<InjectBarrier> waiting;
  };
  struct Running {};
  struct Suspended {};
  struct Resetting {
    bool stopped;  // no actor runs
    bool waiting_for_cause;
    bool cut_off;
  };

  Status check_inject(const InjectBarrier& event) const;
  void issue(InjectBarrier event, runtime::TimePoint now, BarrierEffects& effects);
  /// Into `listed_`. False: the graph has failed.
  [[nodiscard]] bool look_up(const InjectBarrier& event, BarrierEffects& effects);
  void advance(runtime::TimePoint now, BarrierEffects& effects);
  void start_completing(InflightBarrier& barrier, runtime::TimePoint now, BarrierEffects& effects);
  void answer_from_front(BarrierEffects& effects);
  void release_actors(const InflightBarrier& barrier);
  void finish_reset(BarrierEffects& effects);
  [[nodiscard]] InflightBarrier* find(Epoch prev);

  const GraphTerm graph_;
  std::optional<OpenGraph> unopened_;  // waits for the trunk
  std::variant<Pending, Running, Suspended, Resetting> status_ = Pending{};
  bool gone_ = false;
  Epoch chain_end_;      // curr of the last barrier; the committed epoch before the first
  Epoch unsynced_from_;  // curr of the last Checkpoint, or of Initial
  bool has_initial_ = false;
  std::deque<InflightBarrier> barriers_;  // by prev; the front is the next to answer
  size_t collected_ = 0;                  // the first so many of barriers_ have left Issued
  uint32_t running_syncs_ = 0;
  ActorBook actors_;
  struct Listed {
    std::vector<ActorId> actors;
    std::vector<uint32_t> numbers;  // of them in the book
  };
  Listed listed_;  // whom the last barrier is collected from
  std::vector<RootError> errors_;
};

}  // namespace penstock::stream
