// The end of a database.
#include "common/log.h"
#include "meta/model/keys.h"
#include "meta/service/meta_loop.h"

namespace penstock::meta {

void MetaLoop::on_database_dropped(DatabaseId id) {
  dropped_databases_.insert(id);
  enqueue(id, Tick{});
  publish();
}

// In a job of its own: who handles events of one database after the other must not lose the next one on the way.
void MetaLoop::retire_dropped_databases() {
  std::set<PartialGraphId> gone;
  std::erase_if(dropped_databases_, [&](DatabaseId id) {
    const CheckpointControl* control = database(id);
    if (control != nullptr && (control->recovering() || !control->idle() || !control->inflight().empty())) return false;
    log::info("meta", "database {} is gone", id);
    databases_.erase(id);
    gone.insert(graph_of(id));
    return true;
  });
  if (gone.empty()) return;
  forget_graphs(gone);
  publish();
}

// A meta that ended in between.
void MetaLoop::forget_dropped_databases() {
  std::set<PartialGraphId> gone;
  const auto note = [&](PartialGraphId graph) {
    if (!model_.databases().contains(DatabaseId{static_cast<uint32_t>(graph.value)})) gone.insert(graph);
  };
  for (const auto& [graph, commit] : model_.commits()) note(graph);
  for (const auto& [graph, segments] : model_.segments()) note(graph);
  if (!gone.empty()) forget_graphs(gone);
}

/// What is still written of a database that is gone: where it ended, and segments that nobody had flushed.
void MetaLoop::forget_graphs(const std::set<PartialGraphId>& graphs) {
  submit(
      [this, graphs]() -> Result<Txn> {
        Txn txn;
        for (const PartialGraphId graph : graphs) {
          if (model_.commits().contains(graph)) txn.erase(keys::graph(graph));
          const auto written = model_.segments().find(graph);
          if (written == model_.segments().end()) continue;
          for (const auto& [worker, segments] : written->second) {
            for (const auto& [sequence, ref] : segments) txn.erase(keys::segment(graph, worker, sequence));
          }
        }
        return txn;
      },
      [](const Status&) {});
}

}  // namespace penstock::meta
