#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace penstock::stream {

/// Rows of one fixed size, addressed by a number that stays the same for a row's life; so does its address. Each row begins with a head
/// that the store shares with its user. Rows lie in blocks; an empty block goes back to the allocator. Nothing is initialised but the head.
class RowStore {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Head {
    uint32_t tag;    // the user's; of a free row: the next free row of the block
    uint32_t flags;  // kLive is the store's, the other bits are the user's
  };
  static constexpr uint32_t kLive = 1U << 31;

  /// `row_bytes`: with the head, a multiple of 8.
  explicit RowStore(size_t row_bytes) : row_bytes_(row_bytes) {}

  [[nodiscard]] uint32_t allocate();
  void release(uint32_t id);
  [[nodiscard]] std::byte* at(uint32_t id) const { return blocks_[id >> kShift].bytes.get() + (id & kMask) * row_bytes_; }
  [[nodiscard]] Head& head(uint32_t id) const { return *reinterpret_cast<Head*>(at(id)); }
  [[nodiscard]] size_t live() const { return live_; }
  [[nodiscard]] size_t live_bytes() const { return live_ * row_bytes_; }
  [[nodiscard]] size_t row_bytes() const { return row_bytes_; }

  /// For eviction: whether a block was used since it was last asked. A block is about a page's worth of neighbours in time.
  void touch(uint32_t id) { blocks_[id >> kShift].touched = true; }
  [[nodiscard]] size_t block_count() const { return blocks_.size(); }
  [[nodiscard]] bool take_touched(size_t block) { return std::exchange(blocks_[block].touched, false); }
  /// Calls `f(id)` for each live row of the block; `f` may release that row.
  template <typename F>
  void for_each_in_block(size_t block, F&& f) {
    const auto first = static_cast<uint32_t>(block << kShift);
    for (uint32_t id = first; blocks_[block].live > 0 && id < first + blocks_[block].used; ++id) {
      if ((head(id).flags & kLive) != 0) f(id);
    }
  }
  template <typename F>
  void for_each(F&& f) {
    for (size_t block = 0; block < blocks_.size(); ++block) for_each_in_block(block, f);
  }

 private:
  static constexpr uint32_t kShift = 9;
  static constexpr uint32_t kMask = (1U << kShift) - 1;

  struct Block {
    std::unique_ptr<std::byte[]> bytes;  // null: no row, no memory
    uint32_t live = 0;
    uint32_t used = 0;      // rows ever handed out; those beyond are untouched memory
    uint32_t free = kNone;  // first of the freed rows
    bool touched = false;
    bool open = false;  // is in open_
  };

  size_t row_bytes_;
  size_t live_ = 0;
  std::vector<Block> blocks_;
  std::vector<uint32_t> open_;  // blocks that may have room, each once; the empty ones, which have no memory, among them
};

}  // namespace penstock::stream
