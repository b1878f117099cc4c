#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/error.h"

namespace penstock {

/// Virtual node: the unit of distribution. Hash of the distribution key picks the vnode, the vnode picks the actor.
using VNode = uint16_t;
constexpr uint32_t kDefaultVNodeCount = 256;

/// Which vnodes of `size()` an owner has. Value type.
class VNodeBitmap {
 public:
  VNodeBitmap() = default;
  explicit VNodeBitmap(uint32_t size) : size_(size), words_((size + 63) / 64) {}
  [[nodiscard]] static VNodeBitmap all(uint32_t size = kDefaultVNodeCount);
  /// From `to_bytes`. Errors: `Protocol` on a wrong length or bits beyond the size.
  [[nodiscard]] static Result<VNodeBitmap> from_bytes(uint32_t size, std::string_view bytes);

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] bool contains(VNode v) const { return v < size_ && (words_[v / 64] >> (v % 64) & 1) != 0; }
  void add(VNode v) { words_[v / 64] |= uint64_t{1} << (v % 64); }
  [[nodiscard]] uint32_t count() const;
  [[nodiscard]] bool empty() const { return count() == 0; }
  [[nodiscard]] bool covers_all() const { return count() == size_; }
  [[nodiscard]] std::vector<VNode> list() const;
  [[nodiscard]] std::string to_bytes() const;
  /// "0-63,128" for people.
  [[nodiscard]] std::string to_string() const;
  bool operator==(const VNodeBitmap&) const = default;

 private:
  uint32_t size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace penstock
