#pragma once

#include <memory>
#include <vector>

#include "data/column.h"

namespace penstock::stream {

/// Owns the bytes of long texts that operators keep in their state, so that a state of a few bytes does not keep a source's whole read
/// buffer alive. Bytes are appended and never moved; `release` only counts. When more is dead than alive the owner copies what lives into
/// a new arena (`wasteful`). Columns that show texts of the state hold `handle()`, so an arena lives until the last of them is gone, on
/// whatever thread. One owner writes.
class TextArena {
 public:
  TextArena() : blocks_(std::make_shared<Blocks>()) {}

  /// A view of the same text, owned by this arena (or inline).
  [[nodiscard]] data::Text store(data::Text text);
  void release(data::Text text) {
    if (!text.is_inline()) dead_ += text.size();
  }
  /// What the memory in use counts as; blocks hold at most about as much again.
  [[nodiscard]] size_t live_bytes() const { return used_ - dead_; }
  [[nodiscard]] bool wasteful() const { return dead_ > kTolerated && dead_ * 2 > used_; }
  [[nodiscard]] data::BufferPtr handle() const { return blocks_; }

 private:
  static constexpr size_t kFirstBlock = 1024;
  static constexpr size_t kLargestBlock = 256 << 10;
  static constexpr size_t kTolerated = 256 << 10;  // dead bytes that are not worth a compaction

  using Blocks = std::vector<std::unique_ptr<char[]>>;
  void add_block(size_t needed);

  std::shared_ptr<Blocks> blocks_;  // shared with columns that show texts of the state
  char* free_ = nullptr;            // in the last block
  size_t free_bytes_ = 0;
  size_t next_block_ = kFirstBlock;
  size_t used_ = 0;
  size_t dead_ = 0;
};

}  // namespace penstock::stream
