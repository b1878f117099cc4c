#include "stream/executor/join/row_run.h"

#include <algorithm>

namespace penstock::stream {

void RowRun::add(Entry entry) {
  if (size_ == std::max(capacity_, 1U)) grow();
  data()[size_] = entry;
  ++size_;
  if (index_ != nullptr) index_add(size_ - 1);
}

void RowRun::grow() {
  const uint32_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
  auto* const entries = new Entry[capacity];
  std::copy_n(data(), size_, entries);
  if (capacity_ != 0) delete[] many_;
  many_ = entries;
  capacity_ = capacity;
  if (capacity_ < kIndexed) return;
  delete[] index_;
  index_ = new uint32_t[index_size()];
  std::fill_n(index_, index_size(), kEmpty);
  for (uint32_t i = 0; i < size_; ++i) index_add(i);
}

void RowRun::index_add(uint32_t position) {
  const size_t mask = index_size() - 1;
  size_t slot = home(many_[position].tag);
  while (index_[slot] != kEmpty) slot = (slot + 1) & mask;
  index_[slot] = position;
}

uint32_t RowRun::index_slot(uint32_t position) const {
  const size_t mask = index_size() - 1;
  size_t slot = home(many_[position].tag);
  while (index_[slot] != position) slot = (slot + 1) & mask;
  return static_cast<uint32_t>(slot);
}

void RowRun::index_remove(uint32_t position) {
  const size_t mask = index_size() - 1;
  size_t hole = index_slot(position);
  for (size_t next = (hole + 1) & mask; index_[next] != kEmpty; next = (next + 1) & mask) {
    // It may fill the hole unless its home lies after it (both counted around the end).
    if (((next - home(many_[index_[next]].tag)) & mask) < ((next - hole) & mask)) continue;
    index_[hole] = index_[next];
    hole = next;
  }
  index_[hole] = kEmpty;
}

// The last entry takes the place.
void RowRun::remove_at(uint32_t position) {
  const uint32_t last = size_ - 1;
  if (index_ != nullptr) {
    index_remove(position);
    if (position != last) index_[index_slot(last)] = position;
  }
  data()[position] = data()[last];
  size_ = last;
}

void RowRun::clear() {
  if (capacity_ != 0) delete[] many_;
  delete[] index_;
  one_ = {};
  index_ = nullptr;
  size_ = 0;
  capacity_ = 0;
}

}  // namespace penstock::stream
