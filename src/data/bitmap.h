#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::data {

/// A fixed number of bits, packed in words; bits beyond the size are zero. Value type.
class Bitmap {
 public:
  Bitmap() = default;
  Bitmap(size_t size, bool value);

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool get(size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(size_t i, bool value) {
    const uint64_t bit = uint64_t{1} << (i % 64);
    words_[i / 64] = value ? words_[i / 64] | bit : words_[i / 64] & ~bit;
  }
  void push_back(bool value);
  /// New bits are `value`.
  void resize(size_t size, bool value);
  [[nodiscard]] size_t count() const;
  [[nodiscard]] bool all() const { return count() == size_; }
  [[nodiscard]] bool none() const { return count() == 0; }
  /// In place; sizes must be equal.
  Bitmap& operator&=(const Bitmap& other);
  Bitmap& operator|=(const Bitmap& other);
  void flip();
  bool operator==(const Bitmap&) const = default;

  /// Bits `indices`, in that order.
  [[nodiscard]] Bitmap gather(std::span<const uint32_t> indices) const;
  /// Bits [begin, begin + count).
  [[nodiscard]] Bitmap slice(size_t begin, size_t count) const;
  /// The set bits, ascending.
  [[nodiscard]] std::vector<uint32_t> indices() const;

  /// Who writes words keeps the bits beyond the size zero.
  [[nodiscard]] const std::vector<uint64_t>& words() const { return words_; }
  [[nodiscard]] std::vector<uint64_t>& words() { return words_; }

  /// Calls `f(i)` for each set bit, ascending.
  template <typename F>
  void for_each_set(F&& f) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t bits = words_[w]; bits != 0; bits &= bits - 1) f(w * 64 + static_cast<size_t>(__builtin_ctzll(bits)));
    }
  }

 private:
  void clear_tail();

  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace penstock::data
