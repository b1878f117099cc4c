#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/ids.h"
#include "common/metrics/metrics.h"
#include "common/mutex.h"
#include "runtime/runtime.h"

namespace penstock::stream {

/// What the worker's loop records for Prometheus, and the names of databases, which it alone is told. Thread-safe.
class WorkerMetrics {
 public:
  /// Without a registry nothing is recorded.
  explicit WorkerMetrics(metrics::Registry* registry, const metrics::Labels& labels)
      : loop_lag_(registry == nullptr
                      ? nullptr
                      : &registry->histogram("barrier_worker_loop_lag_seconds",
                                             "How long events wait for the barrier worker's loop, and how long each of its turns takes",
                                             labels)) {}
  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  void observe_lag(runtime::Duration lag) const {
    if (loop_lag_ != nullptr) loop_lag_->observe(static_cast<double>(lag.count()) / 1e9);
  }
  void name_graph(PartialGraphId graph, const std::string& database) {
    const MutexLock lock(mutex_);
    databases_[graph] = database;
  }
  void forget_graph(PartialGraphId graph) {
    const MutexLock lock(mutex_);
    databases_.erase(graph);
  }
  /// Empty if it was not said.
  [[nodiscard]] std::string database_of(PartialGraphId graph) const {
    const MutexLock lock(mutex_);
    const auto found = databases_.find(graph);
    return found == databases_.end() ? "" : found->second;
  }

 private:
  metrics::Histogram* const loop_lag_;  // of the registry
  mutable Mutex mutex_;
  std::map<PartialGraphId, std::string> databases_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::stream
