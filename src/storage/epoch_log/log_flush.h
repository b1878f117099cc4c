#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "storage/epoch_log/base_tables.h"
#include "storage/epoch_log/flush_marks.h"
#include "storage/epoch_log/graph_log.h"

namespace penstock::storage {

/// Moves committed segments into the sorted base, all graphs at once: newest row of a key, table by table, with the marks of the segments
/// and the drops that are due, in one install. Runs on the blocking pool, one at a time, and never on a checkpoint's path.
class LogFlush {
 public:
  using Graphs = std::function<std::vector<std::shared_ptr<GraphLog>>()>;
  LogFlush(LogCore& core, FlushMarks& marks, BaseTables& tables, Graphs graphs);

  /// After a commit or a drop: posts a flush if one is due and none is on its way.
  void consider();
  /// From now on flushing begins at this many bytes; 0: as the options say.
  void set_threshold(uint64_t bytes) { threshold_.store(bytes); }
  /// Due, but the base's compaction is behind.
  [[nodiscard]] bool waits() const { return waits_.load(); }
  /// The last one failed on a full disk.
  [[nodiscard]] bool lacks_space() const { return lacks_space_.load(); }

  struct Counters {
    uint64_t flushes = 0;
    uint64_t failures = 0;
    uint64_t rows = 0;
    uint64_t nanos = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  struct Batch {
    std::vector<LogSegmentPtr> segments;
    std::set<uint64_t> sequences;
    std::map<TableId, std::vector<ChunkPtr>> rows;  // oldest first
    std::set<TableId> drops;
  };

  [[nodiscard]] bool due() const;
  [[nodiscard]] uint64_t threshold() const;
  Status flush();
  [[nodiscard]] Result<Batch> gather();
  Result<uint64_t> install(const Batch& batch, const FlushMarks::Change& marks);
  Result<uint64_t> install_table(TableId table, const std::vector<ChunkPtr>& chunks, SortedInstall& install);
  void publish(const Batch& batch, const FlushMarks::Change& marks);

  LogCore& core_;
  FlushMarks& marks_;
  BaseTables& tables_;
  const Graphs graphs_;
  std::atomic<uint64_t> threshold_;
  std::atomic<bool> on_its_way_{false};
  std::atomic<bool> waits_{false};
  std::atomic<bool> lacks_space_{false};
  mutable Mutex mutex_;
  Counters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::storage
