#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/vnode.h"
#include "storage/epoch_log/chunk.h"

namespace penstock::storage {

/// The newest row of every key of some chunks of one table, in key order; a delete is a row without value. Immutable, so any thread may
/// read it. Costs 16 bytes a row beside the chunks, which it keeps alive.
class SortedRun {
 public:
  using Ptr = std::shared_ptr<const SortedRun>;  // shared by the index that made it and the iterators over it

  /// `chunks` from oldest to newest. `own`: only rows of these vnodes.
  [[nodiscard]] static Ptr build(std::vector<ChunkPtr> chunks, const VNodeBitmap* own = nullptr);
  /// Rows of `newer` win.
  [[nodiscard]] static Ptr merge(const SortedRun& older, const SortedRun& newer);

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] std::string_view key(size_t i) const { return chunks_[entries_[i].chunk]->rows.key(entries_[i].row); }
  [[nodiscard]] std::optional<std::string_view> value(size_t i) const { return chunks_[entries_[i].chunk]->rows.value(entries_[i].row); }
  /// Position of the first key >= `key`.
  [[nodiscard]] size_t lower_bound(std::string_view key) const;
  /// Position of `key`, or nullopt.
  [[nodiscard]] std::optional<size_t> find(std::string_view key) const;

 private:
  // `head` orders most pairs without a look at the keys themselves: 16 bits of vnode, then the first 6 bytes after those that all keys
  // share.
  struct Entry {
    uint64_t head;
    uint32_t chunk;
    uint32_t row;
  };

  explicit SortedRun(std::vector<ChunkPtr> chunks) : chunks_(std::move(chunks)) {}
  void find_common();
  void set_heads();
  [[nodiscard]] uint64_t head_of(std::string_view key) const;

  std::vector<ChunkPtr> chunks_;
  std::vector<Entry> entries_;
  std::string common_;  // what all keys have in common after the vnode
};

}  // namespace penstock::storage
