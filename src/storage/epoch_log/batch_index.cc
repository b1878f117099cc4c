#include "storage/epoch_log/batch_index.h"

#include <xxhash.h>

#include <bit>

#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

uint32_t hash_of_key(std::string_view key) { return static_cast<uint32_t>(XXH3_64bits(key.data(), key.size())); }

}  // namespace

size_t BatchIndex::unhashed_rows() const {
  size_t rows = 0;
  for (size_t c = hashed_chunk_; c < chunks_.size(); ++c) rows += chunks_[c]->rows.entries.size();
  return rows - (hashed_chunk_ < chunks_.size() ? hashed_row_ : 0);
}

std::optional<std::optional<std::string_view>> BatchIndex::find(std::string_view key) {
  hash_new_rows();
  if (used_ == 0) return std::nullopt;
  const uint32_t hash = hash_of_key(key);
  for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.chunk == kEmpty) return std::nullopt;
    if (slot.hash == hash && key_of(slot) == key) return chunks_[slot.chunk]->rows.value(slot.row);
  }
}

void BatchIndex::hash_new_rows() {
  const size_t rows = unhashed_rows();
  if (rows == 0) return;
  if (2 * (used_ + rows) > slots_.size()) grow(std::bit_ceil(std::max<size_t>(64, 3 * (used_ + rows))));
  for (; hashed_chunk_ < chunks_.size(); ++hashed_chunk_, hashed_row_ = 0) {
    const WriteBatch& batch = chunks_[hashed_chunk_]->rows;
    for (; hashed_row_ < batch.entries.size(); ++hashed_row_) {
      if (owns_key(vnodes_, batch.key(hashed_row_))) hash_row(static_cast<uint32_t>(hashed_chunk_), static_cast<uint32_t>(hashed_row_));
    }
    if (hashed_chunk_ + 1 == chunks_.size()) return;  // it may grow
  }
}

void BatchIndex::hash_row(uint32_t chunk, uint32_t row) {
  const std::string_view key = chunks_[chunk]->rows.key(row);
  const uint32_t hash = hash_of_key(key);
  for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    Slot& slot = slots_[at];
    if (slot.chunk == kEmpty) {
      slot = {hash, chunk, row};
      ++used_;
      return;
    }
    if (slot.hash == hash && key_of(slot) == key) {
      slot.chunk = chunk;
      slot.row = row;
      return;
    }
  }
}

void BatchIndex::grow(size_t slots) {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
  for (const Slot& slot : old) {
    if (slot.chunk == kEmpty) continue;
    size_t at = slot.hash & (slots - 1);
    while (slots_[at].chunk != kEmpty) at = (at + 1) & (slots - 1);
    slots_[at] = slot;
  }
}

const std::vector<SortedRun::Ptr>& BatchIndex::runs() {
  if (sorted_chunks_ < chunks_.size()) {
    std::vector<ChunkPtr> fresh(chunks_.begin() + static_cast<ptrdiff_t>(sorted_chunks_), chunks_.end());
    runs_.push_back(SortedRun::build(std::move(fresh), &vnodes_));
    sorted_chunks_ = chunks_.size();
    if (runs_.back()->size() == 0) runs_.pop_back();
  }
  // Each run is at least twice the next: few runs, and each row is merged a logarithmic number of times.
  while (runs_.size() > 1 && runs_[runs_.size() - 2]->size() < 2 * runs_.back()->size()) {
    auto merged = SortedRun::merge(*runs_[runs_.size() - 2], *runs_.back());
    runs_.pop_back();
    runs_.back() = std::move(merged);
  }
  return runs_;
}

}  // namespace penstock::storage
