#pragma once

#include <memory>

#include "stream/task/barrier_worker/barrier_log.h"
#include "stream/task/barrier_worker/events.h"

namespace penstock::stream {

/// Where events of actors go: the worker's first lane. Thread-safe; outlives every actor.
class BarrierEventSink {
 public:
  virtual ~BarrierEventSink() = default;
  virtual void post_event(BarrierEvent event) = 0;
};

/// The handle of one incarnation: stamps every event with its graph and term, so that what a dead actor says is recognised as stale.
class LocalBarrierManagerImpl : public LocalBarrierManager {
 public:
  LocalBarrierManagerImpl(GraphTerm graph, BarrierEventSink& sink) : graph_(graph), sink_(sink), log_(std::make_shared<BarrierLog>()) {}

  void collect(ActorId actor, const Barrier& barrier) override { sink_.post_event(BarrierCollected{graph_, actor, barrier.epoch.prev}); }
  void notify_failure(ActorId actor, Error error) override { sink_.post_event(ActorFailed{graph_, actor, std::move(error)}); }
  std::shared_ptr<BarrierSubscription> subscribe_barrier(ActorId actor, std::function<void()> wake) override {
    return log_->subscribe(actor, std::move(wake));
  }
  void report_source(Epoch prev, SourceReport report) override { sink_.post_event(SideReport{graph_, prev, std::move(report)}); }
  void report_create_progress(Epoch prev, CreateReport report) override { sink_.post_event(SideReport{graph_, prev, report}); }
  void report_expression_errors(Epoch prev, uint64_t count, const Error& first) override {
    sink_.post_event(SideReport{graph_, prev, ExpressionErrors{count, first}});
  }

  [[nodiscard]] BarrierLog& log() { return *log_; }

 private:
  const GraphTerm graph_;
  BarrierEventSink& sink_;
  const std::shared_ptr<BarrierLog> log_;  // shared with subscriptions, which end with their actors
};

}  // namespace penstock::stream
