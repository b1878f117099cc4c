#include "stream/executor/state/text_arena.h"

#include <algorithm>
#include <cstring>

namespace penstock::stream {

data::Text TextArena::store(data::Text text) {
  if (text.is_inline()) return text;
  const size_t size = text.size();
  if (size > free_bytes_) add_block(size);
  std::memcpy(free_, text.data(), size);
  const data::Text owned(std::string_view(free_, size));
  free_ += size;
  free_bytes_ -= size;
  used_ += size;
  return owned;
}

void TextArena::add_block(size_t needed) {
  const size_t size = std::max(needed, next_block_);
  next_block_ = std::min(next_block_ * 2, kLargestBlock);
  blocks_->push_back(std::make_unique_for_overwrite<char[]>(size));
  free_ = blocks_->back().get();
  free_bytes_ = size;
}

}  // namespace penstock::stream
