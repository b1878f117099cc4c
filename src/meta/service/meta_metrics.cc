#include "meta/service/meta_metrics.h"

namespace penstock::meta {
namespace {

constexpr uint64_t kCommitsBetweenSweeps = 60;
constexpr size_t kMostFragments = 1000;  // with a histogram of their own

double micros_to_seconds(int64_t micros) { return static_cast<double>(micros) / 1e6; }

}  // namespace

MetaMetrics::Database& MetaMetrics::entry(const std::string& name) {
  const auto [found, is_new] = databases_.try_emplace(name);
  Database& database = found->second;
  if (!is_new) return database;
  const metrics::Labels labels{{"database", name}};
  const auto histogram = [&](const char* metric, const char* help) { return &registry_->histogram(metric, help, labels); };
  database.inflight = histogram("barrier_inflight_seconds", "From a barrier's injection until every node has answered it");
  database.send = histogram("barrier_send_seconds", "How late a barrier was injected after it was due");
  database.sync = histogram("barrier_sync_seconds", "The longest sync of a checkpoint among its nodes");
  database.commit = histogram("barrier_commit_seconds", "From the last node's answer until the checkpoint was durable at meta");
  database.latency = histogram("barrier_latency_seconds", "From a checkpoint's injection to its commit");
  database.recovery = histogram("recovery_seconds", "From a failure, or meta's start, until the database runs again");
  database.recoveries = &registry_->counter("recoveries_total", "Recoveries that ended well, those at meta's start included", labels);
  return database;
}

void MetaMetrics::observe(const std::string& name, const CheckpointControl& control, runtime::TimePoint now) {
  if (registry_ == nullptr) return;
  Database& database = entry(name);
  if (control.recovering()) {
    if (!database.recovering_since) database.recovering_since = now;
  } else if (const auto since = std::exchange(database.recovering_since, std::nullopt)) {
    database.recovery->observe(static_cast<double>((now - *since).count()) / 1e9);
    database.recoveries->add();
  }
  // The last ones that were not seen yet; they end in order.
  const auto& traces = control.traces();
  auto first = traces.end();
  while (first != traces.begin() && std::prev(first)->epoch.curr > database.observed) --first;
  for (; first != traces.end() && first->outcome != "in flight"; ++first) {
    observe(name, database, *first);
    database.observed = first->epoch.curr;
    if (++database.commits % kCommitsBetweenSweeps == 0) forget_dropped(database, control.inflight());
  }
}

void MetaMetrics::observe(const std::string& name, Database& database, const BarrierTrace& trace) {
  if (trace.outcome == "failed" || trace.collected < 0) return;
  database.inflight->observe(micros_to_seconds(trace.collected));
  database.send->observe(micros_to_seconds(std::max<int64_t>(0, trace.injected_at - trace.scheduled_at)));
  observe_align(name, database, trace);
  if (trace.committed < 0) return;
  database.sync->observe(micros_to_seconds(trace.sync));
  database.commit->observe(micros_to_seconds(std::max<int64_t>(0, trace.committed - std::max<int64_t>(trace.commit_started, 0))));
  database.latency->observe(micros_to_seconds(trace.committed));
}

// How far the actors of a fragment are apart.
void MetaMetrics::observe_align(const std::string& name, Database& database, const BarrierTrace& trace) {
  for (const auto& [id, fragment] : trace.fragments) {
    auto& histogram = database.align[id];
    if (histogram == nullptr) {
      if (database.align.size() > kMostFragments) {
        database.align.erase(id);
        continue;
      }
      histogram = &registry_->histogram("barrier_align_seconds", "From the first to the last actor of a fragment that collects a barrier",
                                        {{"database", name}, {"fragment", fmt::format("{}", id)}});
    }
    histogram->observe(micros_to_seconds(std::max<int64_t>(0, fragment.last_collect - fragment.first_collect)));
  }
}

void MetaMetrics::forget_dropped(Database& database, const InflightGraph& graph) {
  std::erase_if(database.align, [&](const auto& entry) {
    if (graph.actors(entry.first) != nullptr) return false;
    registry_->remove(*entry.second);
    return true;
  });
}

}  // namespace penstock::meta
