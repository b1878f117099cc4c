#pragma once

#include <cstdint>
#include <span>

namespace penstock::stream {

/// The rows of one join key: numbers of rows in a store, each with 32 bits of the hash of what identifies it. One row takes no memory of
/// its own; long runs get an index by hash, so taking a row out never walks a run. The order means nothing. A plain value that lies in a
/// payload of zero bytes; `clear` frees.
class RowRun {
 public:
  struct Entry {
    uint32_t tag;
    uint32_t row;
  };

  [[nodiscard]] std::span<const Entry> entries() const { return {capacity_ == 0 ? &one_ : many_, size_}; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t owned_bytes() const { return capacity_ * sizeof(Entry) + index_size() * sizeof(uint32_t); }

  void add(Entry entry);
  /// Takes out the first entry of that tag for which `is_it(row)` is true; false if there is none.
  template <typename F>
  bool remove(uint32_t tag, F&& is_it);
  void clear();

 private:
  static constexpr uint32_t kIndexed = 64;  // from this capacity on
  static constexpr uint32_t kEmpty = UINT32_MAX;

  [[nodiscard]] Entry* data() { return capacity_ == 0 ? &one_ : many_; }
  [[nodiscard]] size_t index_size() const { return capacity_ >= kIndexed ? size_t{capacity_} * 2 : 0; }
  [[nodiscard]] uint32_t home(uint32_t tag) const { return static_cast<uint32_t>((tag * 0x9E37'79B1U) & (index_size() - 1)); }
  void grow();
  void index_add(uint32_t position);
  void index_remove(uint32_t position);
  [[nodiscard]] uint32_t index_slot(uint32_t position) const;
  void remove_at(uint32_t position);

  union {
    Entry one_;  // capacity_ == 0
    Entry* many_;
  };
  uint32_t* index_;  // positions by tag, linear probing; null below kIndexed
  uint32_t size_;
  uint32_t capacity_;  // a power of two, or 0
};

template <typename F>
bool RowRun::remove(uint32_t tag, F&& is_it) {
  const Entry* const entries = data();
  if (index_ != nullptr) {
    const size_t mask = index_size() - 1;
    for (size_t slot = home(tag); index_[slot] != kEmpty; slot = (slot + 1) & mask) {
      const Entry& entry = entries[index_[slot]];
      if (entry.tag != tag || !is_it(entry.row)) continue;
      remove_at(index_[slot]);
      return true;
    }
    return false;
  }
  for (uint32_t i = 0; i < size_; ++i) {
    if (entries[i].tag != tag || !is_it(entries[i].row)) continue;
    remove_at(i);
    return true;
  }
  return false;
}

}  // namespace penstock::stream
