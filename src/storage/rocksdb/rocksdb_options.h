#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/epoch_log/log_core.h"

namespace penstock::storage {

/// Settings of the state store over RocksDB. Sizes are bytes.
struct RocksDbOptions {
  EpochLogOptions log;
  size_t block_cache_bytes = 128ULL << 20;
  /// What compaction may write a second, so that it does not take the disk from checkpoints.
  uint64_t compaction_bytes_per_second = 128ULL << 20;
  int compaction_threads = 1;
  /// At this many level-0 files flushing waits for compaction.
  int busy_level0_files = 8;
};

}  // namespace penstock::storage
