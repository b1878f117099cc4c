// The branches of a graph: jobs that are being created.
#include "storage/epoch_log/graph_log.h"

namespace penstock::storage {

Status GraphLog::open_branch(GraphTerm id) {
  close(id.graph);
  MutexLock lock(mutex_);
  if (!is_open()) return error(Code::Stale, "graph {} is not open in the state store, so branch {} cannot be", id_, id.graph);
  const Epoch committed = versions_.back().version->epoch;
  branches_[id.graph] = {id.term, ++incarnations_, committed, committed, std::nullopt};
  names_[incarnations_] = id.graph;
  branch_names_.insert(id.graph);
  return ok();
}

void GraphLog::close(PartialGraphId id) {
  MutexLock lock(mutex_);
  if (id == id_) return close_locked();
  const auto found = branches_.find(id);
  if (found == branches_.end() || found->second.merged) return;  // merged: it ends with the trunk
  names_.erase(found->second.incarnation);
  branches_.erase(found);
  std::vector<OpenEpoch> parts;
  for (auto part = parts_.begin(); part != parts_.end();) {
    if (part->first.second != id) {
      ++part;
      continue;
    }
    parts.push_back(std::move(part->second));
    part = parts_.erase(part);
  }
  std::vector<Staged> staged;
  std::erase_if(staged_, [&](Staged& segment) {
    if (segment.branch != id) return false;
    staged.push_back(std::move(segment));
    return true;
  });
  free_later(std::move(parts));
  free_later(std::move(staged));
}

Status GraphLog::merge_branch(PartialGraphId id, Epoch epoch) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Branch * of, branch(id));
  if (id == id_ || of->merged || of->synced >= epoch) {
    return error(Code::Protocol, "branch {} of graph {} cannot be merged at epoch {}", id, id_, epoch);
  }
  of->merged = epoch;
  return ok();
}

std::set<PartialGraphId> GraphLog::take_branch_names() {
  MutexLock lock(mutex_);
  return std::exchange(branch_names_, {});
}

Result<GraphLog::Branch*> GraphLog::branch(PartialGraphId id) {
  const auto found = branches_.find(id);
  if (found == branches_.end()) return error(Code::Stale, "graph {} is not open in the state store", id);
  return &found->second;
}

// As many as jobs were created since the graph was opened, and asked for by every table at every barrier.
GraphLog::Branches::const_iterator GraphLog::branch_of(uint64_t incarnation) const {
  const auto name = names_.find(incarnation);
  if (name == names_.end()) return branches_.end();
  const auto found = branches_.find(name->second);
  return found != branches_.end() && found->second.incarnation == incarnation ? found : branches_.end();  // else: opened again since
}

PartialGraphId GraphLog::owner_of(const PartKey& part) const {
  const auto branch = branches_.find(part.second);
  const bool merged = branch != branches_.end() && branch->second.merged && part.first >= *branch->second.merged;
  return merged ? id_ : part.second;
}

// A part that was begun before the merge is kept to the end of its epoch, so that a table's rows of one epoch lie in one part, in order.
GraphLog::PartKey GraphLog::part_for(const Branches::value_type& branch, Epoch epoch) const {
  const auto& [name, of] = branch;
  const bool merged = of.merged && epoch >= *of.merged;
  return merged && !parts_.contains({epoch, name}) ? PartKey{epoch, id_} : PartKey{epoch, name};
}

}  // namespace penstock::storage
