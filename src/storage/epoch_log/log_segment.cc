#include "storage/epoch_log/log_segment.h"

#include <algorithm>

#include "storage/epoch_log/sort_stably.h"

namespace penstock::storage {

LogSegment::LogSegment(SegmentInfo info, SegmentFilePtr file, Tables rows) : info_(std::move(info)), file_(std::move(file)) {
  for (auto& [table, chunks] : rows) {
    for (const ChunkPtr& chunk : chunks) raw_bytes_ += chunk_bytes(*chunk);
    tables_.emplace(table, TableRows{true, std::move(chunks), nullptr});
  }
}

LogSegment::LogSegment(SegmentFilePtr file, std::unique_ptr<SegmentReader> reader, const std::optional<std::set<TableId>>& live)
    : info_(reader->info()), file_(std::move(file)), reader_(std::move(reader)) {
  if (live) std::erase_if(info_.tables, [&](TableId table) { return !live->contains(table); });
  for (const TableId table : info_.tables) tables_.try_emplace(table);
  for (const SegmentBlock& block : reader_->blocks()) raw_bytes_ += block.raw_size;
}

bool LogSegment::has(TableId table) const { return std::ranges::binary_search(info_.tables, table); }

bool LogSegment::must_read(TableId table) const {
  if (!reader_ || !has(table)) return false;
  MutexLock lock(mutex_);
  return !tables_.at(table).loaded;
}

Result<std::vector<ChunkPtr>> LogSegment::rows(TableId table) const {
  if (!has(table)) return std::vector<ChunkPtr>{};
  MutexLock lock(mutex_);
  TableRows& of_table = tables_.at(table);
  if (of_table.loaded) return of_table.chunks;
  std::vector<ChunkPtr> chunks;
  for (const SegmentBlock& block : reader_->blocks()) {
    if (block.table != table) continue;
    PENSTOCK_TRY(auto rows, reader_->read_block(block));
    chunks.push_back(std::make_shared<Chunk>(Chunk{table, block.epoch, std::move(rows)}));
  }
  sort_stably(chunks, [](const ChunkPtr& chunk) { return chunk->epoch; });
  of_table.chunks = std::move(chunks);
  of_table.loaded = true;
  return of_table.chunks;
}

Result<SortedRun::Ptr> LogSegment::sorted(TableId table) const {
  PENSTOCK_TRY(auto chunks, rows(table));
  if (chunks.empty()) return SortedRun::Ptr{};
  MutexLock lock(mutex_);
  TableRows& of_table = tables_.at(table);
  if (!of_table.sorted) of_table.sorted = SortedRun::build(std::move(chunks));
  return of_table.sorted;
}

size_t LogSegment::memory_bytes() const {
  MutexLock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [table, rows] : tables_) {
    for (const ChunkPtr& chunk : rows.chunks) bytes += chunk_bytes(*chunk);
    if (rows.sorted) bytes += rows.sorted->size() * 16;
  }
  return bytes;
}

void LogSegment::add_table_bytes(std::map<TableId, uint64_t>& sizes) const {
  MutexLock lock(mutex_);
  for (const auto& [table, rows] : tables_) {
    for (const ChunkPtr& chunk : rows.chunks) sizes[table] += chunk_bytes(*chunk);
  }
}

}  // namespace penstock::storage
