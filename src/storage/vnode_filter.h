#pragma once

#include <string_view>

#include "common/vnode.h"

namespace penstock::storage {

/// The vnode at the head of a key without table id. Shorter bytes are ends of ranges: they count as if zeros followed, as in their order.
[[nodiscard]] inline VNode vnode_of_key(std::string_view key) {
  if (key.size() < 2) return key.empty() ? VNode{0} : static_cast<VNode>(static_cast<uint8_t>(key[0]) << 8);
  return static_cast<VNode>(static_cast<uint8_t>(key[0]) << 8 | static_cast<uint8_t>(key[1]));
}

/// A bitmap of size 0 means "all": a store that was not told which vnodes it has.
[[nodiscard]] inline bool owns_key(const VNodeBitmap& vnodes, std::string_view key) {
  // NOLINTNEXTLINE(readability-container-size-empty): empty() asks whether it holds no vnode
  return vnodes.size() == 0 || vnodes.contains(vnode_of_key(key));
}

}  // namespace penstock::storage
