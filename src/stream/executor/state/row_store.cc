#include "stream/executor/state/row_store.h"

namespace penstock::stream {

uint32_t RowStore::allocate() {
  while (!open_.empty()) {
    const uint32_t number = open_.back();
    Block& block = blocks_[number];
    if (block.bytes == nullptr) block.bytes = std::make_unique_for_overwrite<std::byte[]>(row_bytes_ << kShift);
    uint32_t id = block.free;
    if (id != kNone) {
      block.free = head(id).tag;
    } else if (block.used <= kMask) {
      id = (number << kShift) + block.used++;
    } else {
      block.open = false;
      open_.pop_back();
      continue;
    }
    ++block.live;
    ++live_;
    head(id) = {0, kLive};
    return id;
  }
  open_.push_back(static_cast<uint32_t>(blocks_.size()));
  blocks_.emplace_back().open = true;
  return allocate();
}

void RowStore::release(uint32_t id) {
  const uint32_t number = id >> kShift;
  Block& block = blocks_[number];
  head(id) = {block.free, 0};
  block.free = id;
  --live_;
  if (!block.open) open_.push_back(number);
  block.open = true;
  if (--block.live == 0) {
    block = {};
    block.open = true;
  }
}

}  // namespace penstock::stream
