#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "data/column.h"
#include "data/text.h"

namespace penstock::expr {

/// Where a kernel writes the texts of one column: a few blocks that the column then owns. Short texts live in their views and take no room.
/// One kernel call owns it; not thread-safe.
class TextArena {
 public:
  /// Room for up to `size` bytes, never null; what was reserved before and not committed is forgotten.
  [[nodiscard]] char* reserve(size_t size) {
    if (at_ == nullptr || static_cast<size_t>(end_ - at_) < size) new_block(size);
    return at_;
  }
  /// The first `size` bytes of the last reservation as text.
  [[nodiscard]] data::Text commit(size_t size) {
    const data::Text text(std::string_view(at_, size));
    if (!text.is_inline()) at_ += size;
    return text;
  }
  [[nodiscard]] data::Text copy(std::string_view text) {
    if (text.size() <= data::Text::kInline) return data::Text(text);
    std::memcpy(reserve(text.size()), text.data(), text.size());
    return commit(text.size());
  }
  /// The longest text that may still be made: 64 MB, and 1 GB for all rows of the call. A function whose text could be longer asks first
  /// and fails for that row, instead of taking the memory of the node.
  [[nodiscard]] size_t room() const { return std::min(kLongestText, kMostBytes - std::min(kMostBytes, bytes_)); }
  [[nodiscard]] static Error too_long() {
    return Error(Code::TooComplex, "requested length too large").with_detail("A text may have 64 MB, all texts of one chunk 1 GB.");
  }
  /// The blocks, for the column that keeps them alive.
  [[nodiscard]] std::vector<data::BufferPtr> take_blocks() {
    at_ = end_ = nullptr;
    return std::move(blocks_);
  }

 private:
  static constexpr size_t kFirstBlock = 4 << 10;
  static constexpr size_t kLargestBlock = 1 << 20;
  static constexpr size_t kLongestText = 64 << 20;
  static constexpr size_t kMostBytes = 1 << 30;

  void new_block(size_t size) {
    block_size_ = std::max(size, std::clamp(block_size_ * 2, kFirstBlock, kLargestBlock));
    auto block = std::make_shared_for_overwrite<char[]>(block_size_);
    at_ = block.get();
    end_ = at_ + block_size_;
    bytes_ += block_size_;
    blocks_.emplace_back(std::move(block), at_);
  }

  std::vector<data::BufferPtr> blocks_;
  size_t block_size_ = 0;
  size_t bytes_ = 0;  // of all blocks
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace penstock::expr
