#include "storage/memory/memory_import.h"

#include <algorithm>

namespace penstock::storage {

Result<std::unique_ptr<SegmentImport>> MemoryStateStore::begin_import(GraphTerm id, Epoch epoch) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(const Graph* graph, open_graph_of(id.graph));
  if (graph->term != id.term) return error(Code::Stale, "graph {} is in term {}, not {}", id.graph, graph->term, id.term);
  if (graph->committed < epoch) {
    return error(Code::Protocol, "graph {}: an import into epoch {}, but committed is {}", id.graph, epoch, graph->committed);
  }
  return std::unique_ptr<SegmentImport>(std::make_unique<Import>(*this, id, epoch));
}

Status MemoryStateStore::Import::add(TableId table, WriteBatch rows) {
  for (size_t i = 0; i < rows.entries.size(); ++i) {
    const auto value = rows.value(i);
    rows_.push_back({table, std::string(rows.key(i)), value ? std::optional(std::string(*value)) : std::nullopt});
  }
  return ok();
}

Result<std::vector<SegmentInfo>> MemoryStateStore::Import::finish() {
  if (rows_.empty()) return std::vector<SegmentInfo>{};
  MutexLock lock(store_.mutex_);
  MemoryDisk::Segment segment;
  segment.info.ref = {store_.disk_->next_sequence++, 0, epoch_, graph_};
  segment.info.rows = rows_.size();
  for (const MemoryDisk::Row& row : rows_) {
    segment.info.bytes += row.key.size() + (row.value ? row.value->size() : 0);
    if (std::ranges::find(segment.info.tables, row.table) == segment.info.tables.end()) segment.info.tables.push_back(row.table);
  }
  std::ranges::sort(segment.info.tables);
  segment.rows = std::move(rows_);
  segment.info.ref.checksum = checksum_of(segment);
  const SegmentInfo info = segment.info;
  store_.disk_->segments.emplace(info.ref.sequence, std::move(segment));
  return std::vector<SegmentInfo>{info};
}

}  // namespace penstock::storage
