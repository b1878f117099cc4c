#include "common/vnode.h"

#include <bit>
#include <cstring>

namespace penstock {

VNodeBitmap VNodeBitmap::all(uint32_t size) {
  VNodeBitmap bitmap(size);
  for (uint32_t v = 0; v < size; ++v) bitmap.add(static_cast<VNode>(v));
  return bitmap;
}

Result<VNodeBitmap> VNodeBitmap::from_bytes(uint32_t size, std::string_view bytes) {
  VNodeBitmap bitmap(size);
  if (bytes.size() != bitmap.words_.size() * 8) {
    return error(Code::Protocol, "vnode bitmap of {} vnodes needs {} bytes, not {}", size, bitmap.words_.size() * 8, bytes.size());
  }
  if (!bytes.empty()) std::memcpy(bitmap.words_.data(), bytes.data(), bytes.size());
  if (size % 64 != 0 && (bitmap.words_.back() >> (size % 64)) != 0) return error(Code::Protocol, "vnode bitmap has bits beyond {}", size);
  return bitmap;
}

uint32_t VNodeBitmap::count() const {
  uint32_t n = 0;
  for (const uint64_t w : words_) n += static_cast<uint32_t>(std::popcount(w));
  return n;
}

std::vector<VNode> VNodeBitmap::list() const {
  std::vector<VNode> out;
  for (uint32_t v = 0; v < size_; ++v) {
    if (contains(static_cast<VNode>(v))) out.push_back(static_cast<VNode>(v));
  }
  return out;
}

std::string VNodeBitmap::to_bytes() const {
  std::string bytes(words_.size() * 8, '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), words_.data(), bytes.size());
  return bytes;
}

std::string VNodeBitmap::to_string() const {
  std::string out;
  for (uint32_t v = 0; v < size_; ++v) {
    if (!contains(static_cast<VNode>(v))) continue;
    uint32_t last = v;
    while (last + 1 < size_ && contains(static_cast<VNode>(last + 1))) ++last;
    if (!out.empty()) out += ',';
    out += last == v ? fmt::format("{}", v) : fmt::format("{}-{}", v, last);
    v = last;
  }
  return out;
}

}  // namespace penstock
