// The branches of a graph: jobs that are being created. Each is a graph of its own whose rows join its trunk's with a commit.
#include "storage/memory/memory_state_store.h"

namespace penstock::storage {

Status MemoryStateStore::open_branch(GraphTerm id, PartialGraphId trunk, std::span<const SegmentRef> live) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(const Graph* of, open_graph_of(trunk));
  const Epoch committed = of->committed;
  Graph& branch = graphs_[id.graph];
  close(branch);
  branch.trunk = trunk;
  branch.merged.reset();
  branch.term = id.term;
  branch.open = true;
  branch.committed = branch.started = branch.synced = committed;
  std::set<uint64_t> listed;
  for (const SegmentRef& ref : live) listed.insert(ref.sequence);
  std::erase_if(disk_->segments, [&](const auto& s) { return s.second.info.ref.graph.graph == id.graph && !listed.contains(s.first); });
  return ok();
}

Status MemoryStateStore::merge_branch(PartialGraphId id, Epoch epoch) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * branch, open_graph_of(id));
  if (!branch->trunk || branch->merged || branch->synced >= epoch) {
    return error(Code::Protocol, "graph {} cannot be merged at epoch {}", id, epoch);
  }
  branch->merged = epoch;
  Graph& trunk = graphs_.at(*branch->trunk);
  trunk.tables.insert(branch->tables.begin(), branch->tables.end());
  for (auto at = branch->dirty.lower_bound(epoch); at != branch->dirty.end(); at = branch->dirty.erase(at)) {
    for (auto& [t, keys] : at->second) trunk.dirty[at->first][t].merge(keys);
  }
  return ok();
}

Status MemoryStateStore::check_branch(const GraphTerm& id, Epoch epoch) {
  PENSTOCK_TRY(const Graph* branch, open_graph_of(id.graph));
  if (branch->term != id.term) return error(Code::Stale, "graph {} is in term {}, not {}", id.graph, branch->term, id.term);
  const bool merged = branch->merged && epoch >= *branch->merged;
  if (epoch > branch->synced && !merged) return error(Code::Protocol, "graph {}: commit of epoch {}, which is not synced", id.graph, epoch);
  return ok();
}

void MemoryStateStore::close_branches(PartialGraphId trunk) {
  for (auto& [id, graph] : graphs_) {
    if (graph.trunk != trunk) continue;
    close(graph);
    graph.merged.reset();
  }
}

}  // namespace penstock::storage
