#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/vnode.h"
#include "storage/epoch_log/chunk.h"
#include "storage/epoch_log/sorted_run.h"

namespace penstock::storage {

/// What one actor must look at in memory for its rows of one table: the chunks that are not in sorted files, as far as its vnodes go.
///
/// Chunks are noted when they are added and indexed when somebody reads: a hash table for points, sorted runs for ranges, each brought up
/// to date by the first read that needs it. A table that is only written costs nothing. One owner.
class BatchIndex {
 public:
  explicit BatchIndex(VNodeBitmap vnodes) : vnodes_(std::move(vnodes)) {}

  /// Newer than all before. The last chunk may grow until the next one is added, or `runs` is called.
  void add(ChunkPtr chunk) { chunks_.push_back(std::move(chunk)); }

  /// The newest row of `key`: nullopt when there is none; a null inner value is a delete.
  [[nodiscard]] std::optional<std::optional<std::string_view>> find(std::string_view key);
  /// From oldest to newest; at most about log2 of the rows.
  [[nodiscard]] const std::vector<SortedRun::Ptr>& runs();
  /// Rows that the next `find` would have to index.
  [[nodiscard]] size_t unhashed_rows() const;

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t chunk = kEmpty;
    uint32_t row = 0;
  };
  static constexpr uint32_t kEmpty = UINT32_MAX;

  void hash_new_rows();
  void hash_row(uint32_t chunk, uint32_t row);
  void grow(size_t slots);
  [[nodiscard]] std::string_view key_of(const Slot& slot) const { return chunks_[slot.chunk]->rows.key(slot.row); }

  const VNodeBitmap vnodes_;
  std::vector<ChunkPtr> chunks_;
  std::vector<Slot> slots_;  // open addressing, linear probing, at most half full; a power of two
  size_t used_ = 0;
  size_t hashed_chunk_ = 0;  // rows before hashed_row_ of this chunk, and all chunks before it, are in slots_
  size_t hashed_row_ = 0;
  size_t sorted_chunks_ = 0;
  std::vector<SortedRun::Ptr> runs_;
};

}  // namespace penstock::storage
