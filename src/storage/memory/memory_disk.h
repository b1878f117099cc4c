#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// What of a `MemoryStateStore` survives a crash: segments, and the sorted rows of flushed segments. A store is made over a disk, dropped
/// (the crash), and another made over the same disk. Guarded by the mutex of the one store that uses it.
struct MemoryDisk {
  struct Row {
    TableId table;
    std::string key;
    std::optional<std::string> value;
  };
  struct Segment {
    SegmentInfo info;
    std::vector<Row> rows;
  };
  std::map<uint64_t, Segment> segments;        // by sequence
  std::map<uint64_t, PartialGraphId> flushed;  // marks: segments whose rows are in `sorted`
  std::map<TableId, std::map<std::string, std::string>> sorted;
  uint64_t highest_flushed = 0;
  uint64_t next_sequence = 1;
};

}  // namespace penstock::storage
