#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::data {

/// A view of text as columns hold it: 16 bytes; up to 12 bytes inline, else length, the first 4 bytes and a pointer into a
/// buffer that the column shares. Equal values compare fast: length and prefix first.
/// (The layout is Umbra's, "Umbra: A Disk-Based System with In-Memory Performance", CIDR 2020.)
class Text {
 public:
  static constexpr uint32_t kInline = 12;

  Text() : size_(0), inline_{} {}
  /// `bytes` must outlive this view if longer than `kInline`.
  explicit Text(std::string_view bytes) : size_(static_cast<uint32_t>(bytes.size())), inline_{} {
    if (bytes.size() <= kInline) {
      if (!bytes.empty()) std::memcpy(inline_, bytes.data(), bytes.size());
    } else {
      std::memcpy(inline_, bytes.data(), 4);
      const char* p = bytes.data();
      std::memcpy(inline_ + 4, static_cast<const void*>(&p), sizeof(p));
    }
  }

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] bool is_inline() const { return size_ <= kInline; }
  [[nodiscard]] const char* data() const {
    if (is_inline()) return inline_;
    const char* p;
    std::memcpy(static_cast<void*>(&p), inline_ + 4, sizeof(p));
    return p;
  }
  [[nodiscard]] std::string_view view() const { return {data(), size_}; }

  friend bool operator==(const Text& a, const Text& b) {
    uint64_t head_a, head_b;
    std::memcpy(&head_a, &a, 8);
    std::memcpy(&head_b, &b, 8);
    if (head_a != head_b) return false;
    uint64_t tail_a, tail_b;
    std::memcpy(&tail_a, a.inline_ + 4, 8);
    std::memcpy(&tail_b, b.inline_ + 4, 8);
    if (tail_a == tail_b) return true;
    return !a.is_inline() && std::memcmp(a.data(), b.data(), a.size_) == 0;
  }
  /// Bytewise, as Postgres' "C" collation.
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    const int c = a.view().compare(b.view());
    return c <=> 0;
  }

 private:
  uint32_t size_;
  char inline_[12];  // unused bytes are zero, so that equal short texts are equal bytes
};
static_assert(sizeof(Text) == 16);

}  // namespace penstock::data
