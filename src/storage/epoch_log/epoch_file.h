#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/mutex.h"
#include "storage/epoch_log/log_core.h"
#include "storage/epoch_log/log_segment.h"
#include "storage/segment/segment_writer.h"

namespace penstock::storage {

/// The segment of one epoch of a graph while it is written: a part while the epoch runs, the rest by its sync. Thread-safe: one writes, the
/// others wait. Destroyed unfinished, its file is free again.
class EpochFile {
 public:
  EpochFile(LogCore& core, GraphTerm graph, Epoch epoch) : core_(core), graph_(graph), epoch_(epoch) {}
  EpochFile(const EpochFile&) = delete;
  EpochFile& operator=(const EpochFile&) = delete;
  ~EpochFile();

  /// Calls `take` and writes the chunks it gives, in an order that keeps that of each table. `take` is called while no other writes, so
  /// that what it takes follows what was taken before. Errors stay: each later call answers the same.
  Status write(const std::function<std::vector<ChunkPtr>()>& take);
  /// Makes it durable. `rows` are all that were written.
  [[nodiscard]] Result<LogSegmentPtr> finish(LogSegment::Tables rows);

  [[nodiscard]] std::optional<Error> failure() const;
  [[nodiscard]] bool started() const;

 private:
  Status open(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status write_chunks(std::vector<ChunkPtr> chunks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status keep(Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  LogCore& core_;
  const GraphTerm graph_;
  const Epoch epoch_;
  mutable Mutex mutex_;  // held while writing and syncing
  SegmentFilePtr file_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<SegmentWriter> writer_ ABSL_GUARDED_BY(mutex_);
  std::optional<Error> failure_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::storage
