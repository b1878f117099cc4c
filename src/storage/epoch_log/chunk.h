#pragma once

#include <memory>

#include "common/epoch.h"
#include "common/ids.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// Rows of one table in one epoch, in the order they were written. Its writer alone sees it while it grows; from the moment it is published
/// nothing of it changes.
struct Chunk {
  TableId table;
  Epoch epoch;
  WriteBatch rows;
};
using ChunkPtr = std::shared_ptr<const Chunk>;  // shared by the log, its readers' indexes and the sync and flush that write it out

/// What a chunk holds in memory.
[[nodiscard]] inline size_t chunk_bytes(const Chunk& chunk) {
  return chunk.rows.bytes.size() + chunk.rows.entries.size() * sizeof(WriteBatch::Entry);
}

}  // namespace penstock::storage
