#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/mutex.h"
#include "storage/epoch_log/chunk.h"
#include "storage/epoch_log/sorted_run.h"
#include "storage/segment/segment_files.h"
#include "storage/segment/segment_reader.h"

namespace penstock::storage {

/// A durable segment and its rows, which are either still in memory from their writing or read from the file, a table at a time, when
/// somebody first asks. Thread-safe; what can read the file blocks.
class LogSegment {
 public:
  using Tables = std::map<TableId, std::vector<ChunkPtr>>;

  /// Just written: `rows` from oldest to newest.
  LogSegment(SegmentInfo info, SegmentFilePtr file, Tables rows);
  /// Found on disk. `live`: tables whose rows count; of others nothing is read.
  LogSegment(SegmentFilePtr file, std::unique_ptr<SegmentReader> reader, const std::optional<std::set<TableId>>& live);

  [[nodiscard]] const SegmentInfo& info() const { return info_; }
  [[nodiscard]] uint64_t sequence() const { return info_.ref.sequence; }
  [[nodiscard]] Epoch epoch() const { return info_.ref.epoch; }
  [[nodiscard]] const std::vector<TableId>& tables() const { return info_.tables; }
  /// Of its rows before compression: about what they take in memory.
  [[nodiscard]] uint64_t raw_bytes() const { return raw_bytes_; }
  [[nodiscard]] bool has(TableId table) const;
  /// Rows of `table` lie in the file and not in memory.
  [[nodiscard]] bool must_read(TableId table) const;

  /// From oldest to newest; empty when the segment has nothing of `table`. Errors: `Corruption`, `Io`.
  [[nodiscard]] Result<std::vector<ChunkPtr>> rows(TableId table) const;
  /// All rows of `table` in key order; null when there are none. Made once.
  [[nodiscard]] Result<SortedRun::Ptr> sorted(TableId table) const;

  /// Its rows are elsewhere (flushed), or nobody wants them: the file may be used again when the last holder lets go.
  void discard_file() const { file_->discard(); }
  [[nodiscard]] size_t memory_bytes() const;
  /// Adds what its rows take, by table.
  void add_table_bytes(std::map<TableId, uint64_t>& sizes) const;

 private:
  struct TableRows {
    bool loaded = false;
    std::vector<ChunkPtr> chunks;
    SortedRun::Ptr sorted;
  };

  SegmentInfo info_;
  uint64_t raw_bytes_ = 0;
  const SegmentFilePtr file_;                    // shared with the writer until it is done
  const std::unique_ptr<SegmentReader> reader_;  // null when the rows came from memory
  mutable Mutex mutex_;                          // held while a table is read: others that want the segment want the same rows
  mutable std::map<TableId, TableRows> tables_ ABSL_GUARDED_BY(mutex_);
};
using LogSegmentPtr = std::shared_ptr<const LogSegment>;  // shared by the versions that contain it

}  // namespace penstock::storage
