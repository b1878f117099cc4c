#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/metrics/metrics.h"
#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

/// What meta records for Prometheus of each database's barriers and recoveries, read off `CheckpointControl` after each of its events. Used
/// on the loop only.
class MetaMetrics {
 public:
  /// Without a registry nothing is recorded.
  explicit MetaMetrics(metrics::Registry* registry) : registry_(registry) {}
  MetaMetrics(const MetaMetrics&) = delete;
  MetaMetrics& operator=(const MetaMetrics&) = delete;

  void observe(const std::string& database, const CheckpointControl& control, runtime::TimePoint now);

 private:
  struct Database {
    metrics::Histogram* inflight = nullptr;
    metrics::Histogram* send = nullptr;
    metrics::Histogram* sync = nullptr;
    metrics::Histogram* commit = nullptr;
    metrics::Histogram* latency = nullptr;
    metrics::Histogram* recovery = nullptr;
    metrics::Counter* recoveries = nullptr;
    std::map<FragmentId, metrics::Histogram*> align;
    Epoch observed;  // curr of the last barrier that was
    uint64_t commits = 0;
    std::optional<runtime::TimePoint> recovering_since;
  };
  Database& entry(const std::string& name);
  void observe(const std::string& name, Database& database, const BarrierTrace& trace);
  void observe_align(const std::string& name, Database& database, const BarrierTrace& trace);
  void forget_dropped(Database& database, const InflightGraph& graph);

  metrics::Registry* const registry_;
  std::map<std::string, Database> databases_;
};

}  // namespace penstock::meta
