#include "data/bitmap.h"

#include <bit>

#include "common/check.h"

namespace penstock::data {

Bitmap::Bitmap(size_t size, bool value) : size_(size), words_((size + 63) / 64, value ? ~uint64_t{0} : 0) { clear_tail(); }

void Bitmap::clear_tail() {
  if (size_ % 64 != 0) words_.back() &= (uint64_t{1} << (size_ % 64)) - 1;
}

void Bitmap::push_back(bool value) {
  if (size_ % 64 == 0) words_.push_back(0);
  words_.back() |= static_cast<uint64_t>(value) << (size_ % 64);
  ++size_;
}

void Bitmap::resize(size_t size, bool value) {
  if (size > size_ && value && size_ % 64 != 0) words_.back() |= ~uint64_t{0} << (size_ % 64);
  words_.resize((size + 63) / 64, value ? ~uint64_t{0} : 0);
  size_ = size;
  clear_tail();
}

size_t Bitmap::count() const {
  size_t n = 0;
  for (const uint64_t word : words_) n += static_cast<size_t>(std::popcount(word));
  return n;
}

Bitmap& Bitmap::operator&=(const Bitmap& other) {
  PENSTOCK_CHECK(size_ == other.size_, "{} against {} bits", size_, other.size_);
  for (size_t w = 0; w < words_.size(); ++w) words_[w] &= other.words_[w];
  return *this;
}

Bitmap& Bitmap::operator|=(const Bitmap& other) {
  PENSTOCK_CHECK(size_ == other.size_, "{} against {} bits", size_, other.size_);
  for (size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  return *this;
}

void Bitmap::flip() {
  for (uint64_t& word : words_) word = ~word;
  clear_tail();
}

Bitmap Bitmap::gather(std::span<const uint32_t> indices) const {
  Bitmap out(indices.size(), false);
  for (size_t w = 0; w < out.words_.size(); ++w) {
    const size_t end = std::min<size_t>(64, indices.size() - w * 64);
    const uint32_t* const from = indices.data() + w * 64;
    uint64_t bits = 0;
    for (size_t b = 0; b < end; ++b) bits |= static_cast<uint64_t>(get(from[b])) << b;
    out.words_[w] = bits;
  }
  return out;
}

Bitmap Bitmap::slice(size_t begin, size_t count) const {
  PENSTOCK_CHECK(begin + count <= size_, "bits {}+{} of {}", begin, count, size_);
  Bitmap out(count, false);
  const size_t first = begin / 64;
  const unsigned shift = begin % 64;
  for (size_t w = 0; w < out.words_.size(); ++w) {
    uint64_t bits = words_[first + w] >> shift;
    if (shift != 0 && first + w + 1 < words_.size()) bits |= words_[first + w + 1] << (64 - shift);
    out.words_[w] = bits;
  }
  out.clear_tail();
  return out;
}

std::vector<uint32_t> Bitmap::indices() const {
  std::vector<uint32_t> out(count());
  size_t n = 0;
  for_each_set([&](size_t i) { out[n++] = static_cast<uint32_t>(i); });
  return out;
}

}  // namespace penstock::data
