#include "storage/memory/memory_handles.h"

#include <algorithm>

#include "storage/rows_iterator.h"
#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

constexpr Epoch kNewest{UINT64_MAX};

}  // namespace

Result<MemoryStateStore::Graph*> MemoryStateStore::Local::graph() {
  const auto found = store_.graphs_.find(options_.graph);
  if (found == store_.graphs_.end() || found->second.incarnation != incarnation_) {
    return error(Code::Stale, "{}: graph {} was reset", what(), options_.graph);
  }
  if (epoch_ == Epoch{0}) return error(Code::Protocol, "{}: used before init", what());
  if (found->second.merged && epoch_ >= *found->second.merged) return &store_.graphs_.at(*found->second.trunk);
  return &found->second;
}

Status MemoryStateStore::Local::init(EpochPair epoch) {
  if (epoch.curr <= epoch.prev) return error(Code::Protocol, "{}: epoch pair {}..{}", what(), epoch.prev, epoch.curr);
  epoch_ = epoch.curr;
  return ok();
}

Status MemoryStateStore::Local::append(WriteBatch batch) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(Graph * graph, this->graph());
  if (epoch_ <= graph->synced) return error(Code::Protocol, "{}: write in epoch {}, which is synced", what(), epoch_);
  MemoryTable& rows = store_.table(options_.table);
  auto& dirty = graph->dirty[epoch_][options_.table];
  for (size_t i = 0; i < batch.entries.size(); ++i) {
    const auto value = batch.value(i);
    rows.write(batch.key(i), epoch_, value ? std::optional<std::string>(*value) : std::nullopt);
    dirty.emplace(batch.key(i));
  }
  return ok();
}

Result<std::optional<std::string>> MemoryStateStore::Local::get(std::string_view key) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(graph());
  return store_.table(options_.table).get(key, kNewest);
}

Result<std::vector<std::optional<std::string>>> MemoryStateStore::Local::multi_get(std::span<const std::string> keys) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(graph());
  const MemoryTable& rows = store_.table(options_.table);
  std::vector<std::optional<std::string>> out;
  out.reserve(keys.size());
  for (const std::string& key : keys) out.push_back(rows.get(key, kNewest));
  return out;
}

Result<std::unique_ptr<RowIterator>> MemoryStateStore::Local::scan(const Range& range) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(graph());
  auto rows = store_.table(options_.table).scan(range, kNewest);
  std::erase_if(rows, [this](const auto& row) { return !owns_key(options_.vnodes, row.first); });
  return std::unique_ptr<RowIterator>(std::make_unique<RowsIterator>(std::move(rows)));
}

Status MemoryStateStore::Local::seal_current_epoch(EpochPair next) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(graph());
  if (next.prev != epoch_ || next.curr <= next.prev) {
    return error(Code::Protocol, "{}: seal {}..{} in epoch {}", what(), next.prev, next.curr, epoch_);
  }
  epoch_ = next.curr;
  return ok();
}

Status MemoryStateStore::Local::update_vnode_bitmap(const VNodeBitmap& vnodes) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(graph());
  options_.vnodes = vnodes;
  return ok();
}

// Of a branch's table only what was in a commit counts.
Epoch MemoryStateStore::committed_of(TableId table, Epoch epoch) const {
  for (const auto& [id, graph] : graphs_) {
    if (graph.trunk && graph.open && !graph.merged && graph.tables.contains(table)) return graph.committed;
  }
  return epoch;
}

Result<std::unique_ptr<SnapshotReader>> MemoryStateStore::read_committed(PartialGraphId id, TableId table, Epoch epoch) {
  MutexLock lock(mutex_);
  if (dropped_.contains(table)) return error(Code::SnapshotTooOld, "table {} was dropped", table);
  const auto found = graphs_.find(id);
  if (found != graphs_.end()) {
    drop_old_versions(found->second);
    for (const Version& v : found->second.versions) {
      if (v.epoch == epoch) return pin(found->second, id, table, std::min(epoch, committed_of(table, epoch)));
    }
  }
  return error(Code::SnapshotTooOld, "table {}: this node cannot read graph {} at epoch {}; committed is {}", table, id, epoch,
               found == graphs_.end() ? Epoch{0} : found->second.committed);
}

Result<std::unique_ptr<SnapshotReader>> MemoryStateStore::read_sealed(PartialGraphId id, TableId table, Epoch epoch) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * graph, open_graph_of(id));
  if (graph->trunk) {
    id = *graph->trunk;
    PENSTOCK_TRY(graph, open_graph_of(id));
  }
  if (epoch < graph->committed) {
    return error(Code::SnapshotTooOld, "table {}: epoch {} of graph {} is older than the committed one, {}", table, epoch, id,
                 graph->committed);
  }
  return pin(*graph, id, table, epoch);
}

Result<std::unique_ptr<SnapshotReader>> MemoryStateStore::pin(Graph& graph, PartialGraphId id, TableId table, Epoch epoch) {
  graph.pins.insert(epoch);
  return std::unique_ptr<SnapshotReader>(std::make_unique<Reader>(*this, id, graph.life, table, epoch));
}

void MemoryStateStore::unpin(PartialGraphId id, uint64_t life, Epoch epoch) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(id);
  if (found == graphs_.end() || found->second.life != life) return;
  found->second.pins.extract(epoch);
}

Result<const MemoryTable*> MemoryStateStore::Reader::rows() {
  const auto found = store_.graphs_.find(graph_);
  if (found == store_.graphs_.end() || found->second.life != life_) {
    return error(Code::SnapshotTooOld, "table {}: graph {} was reset while its epoch {} was read", table_, graph_, epoch_);
  }
  return &store_.table(table_);
}

Result<std::optional<std::string>> MemoryStateStore::Reader::get(std::string_view key) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(const MemoryTable* table, rows());
  return table->get(key, epoch_);
}

Result<std::unique_ptr<RowIterator>> MemoryStateStore::Reader::scan(const Range& range) {
  MutexLock lock(store_.mutex_);
  PENSTOCK_TRY(const MemoryTable* table, rows());
  return std::unique_ptr<RowIterator>(std::make_unique<RowsIterator>(table->scan(range, epoch_)));
}

}  // namespace penstock::storage
