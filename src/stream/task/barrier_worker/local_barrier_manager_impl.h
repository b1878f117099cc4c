#pragma once

#include <deque>
#include <map>
#include <memory>

#include "common/mutex.h"
#include "stream/task/barrier_worker/barrier_log.h"
#include "stream/task/barrier_worker/events.h"

namespace penstock::stream {

/// Where events of actors go: the worker's first lane. Thread-safe; outlives every actor.
class BarrierEventSink {
 public:
  virtual ~BarrierEventSink() = default;
  virtual void post_event(BarrierEvent event) = 0;
  /// May lie there until something else is to be done, or `look_at_collects` asks for it.
  virtual void post_collect(BarrierCollected event) = 0;
  virtual void look_at_collects() = 0;
};

/// The handle of one incarnation: stamps every event with its graph and term, so that what a dead actor says is recognised as stale.
class LocalBarrierManagerImpl : public LocalBarrierManager {
 public:
  /// `target`: of the time barriers are in flight; zero: none.
  LocalBarrierManagerImpl(GraphTerm graph, BarrierEventSink& sink, runtime::Duration target = {})
      : graph_(graph), sink_(sink), log_(std::make_shared<BarrierLog>()), controller_(target) {
    if (target == runtime::Duration::zero()) return;
    pace_ = std::make_shared<Pace>(target);
    pace_->set(controller_.horizon());
  }

  /// Only the last collect of a barrier wakes the loop: before it there is nothing to be done, and waking it for each would cost more than
  /// passing the barrier does.
  void collect(ActorId actor, const Barrier& barrier) override {
    sink_.post_collect({graph_, actor, barrier.epoch.prev});
    if (!barrier.uncollected || barrier.uncollected->fetch_sub(1) <= 1) sink_.look_at_collects();
  }
  bool pass(ActorId actor, EpochPair epoch, BarrierKind kind) override {
    return log_->visit_plain(actor, epoch, kind, [&](const Barrier& barrier) { collect(actor, barrier); });
  }
  void notify_failure(ActorId actor, Error error) override { sink_.post_event(ActorFailed{graph_, actor, std::move(error)}); }
  std::shared_ptr<BarrierSubscription> subscribe_barrier(ActorId actor, std::function<void()> wake) override {
    return log_->subscribe(actor, std::move(wake));
  }
  void report_source(Epoch prev, SourceReport report) override { sink_.post_event(SideReport{graph_, prev, std::move(report)}); }
  void report_create_progress(Epoch prev, CreateReport report) override { sink_.post_event(SideReport{graph_, prev, report}); }
  void report_expression_errors(Epoch prev, uint64_t count, const Error& first) override {
    sink_.post_event(SideReport{graph_, prev, ExpressionErrors{count, first}});
  }

  [[nodiscard]] std::shared_ptr<const Pace> pace() const override { return pace_; }

  bool vnodes_here(ActorId actor, Epoch prev, std::function<void()> wake) override {
    MutexLock lock(mutex_);
    if (here_ >= prev) return true;
    awaiting_[actor] = std::move(wake);
    return false;
  }

  [[nodiscard]] BarrierLog& log() { return *log_; }
  // Of the worker's loop.
  void note_injected(Epoch prev, runtime::TimePoint now) {
    if (pace_) injected_.emplace_back(prev, now);
  }
  /// Vnodes that came with the barrier which ends `prev` are this node's.
  void note_vnodes_here(Epoch prev) {
    std::map<ActorId, std::function<void()>> awaiting;
    {
      MutexLock lock(mutex_);
      here_ = std::max(here_, prev);
      awaiting.swap(awaiting_);
    }
    for (const auto& [actor, wake] : awaiting) wake();
  }
  /// All local actors have collected up to and including `prev`.
  void note_collected(Epoch prev, runtime::TimePoint now) {
    for (; !injected_.empty() && injected_.front().first <= prev; injected_.pop_front()) {
      controller_.on_collected(injected_.front().second, now);
    }
    if (pace_) pace_->set(controller_.horizon());
  }

 private:
  const GraphTerm graph_;
  BarrierEventSink& sink_;
  const std::shared_ptr<BarrierLog> log_;  // shared with subscriptions, which end with their actors
  std::shared_ptr<Pace> pace_;             // shared with the graph's actors; null: none

  Mutex mutex_;
  Epoch here_ ABSL_GUARDED_BY(mutex_);
  std::map<ActorId, std::function<void()>> awaiting_ ABSL_GUARDED_BY(mutex_);

  // Owned by the worker's loop.
  PaceController controller_;
  std::deque<std::pair<Epoch, runtime::TimePoint>> injected_;  // not collected
};

}  // namespace penstock::stream
