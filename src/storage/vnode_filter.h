#pragma once

#include <string_view>

#include "common/vnode.h"

namespace penstock::storage {

/// The vnode at the head of a key without table id. Keys shorter than that belong to vnode 0 (they occur in tests only).
[[nodiscard]] inline VNode vnode_of_key(std::string_view key) {
  if (key.size() < 2) return 0;
  return static_cast<VNode>(static_cast<uint8_t>(key[0]) << 8 | static_cast<uint8_t>(key[1]));
}

/// A bitmap of size 0 means "all": a store that was not told which vnodes it has.
[[nodiscard]] inline bool owns_key(const VNodeBitmap& vnodes, std::string_view key) {
  return vnodes.size() == 0 || vnodes.contains(vnode_of_key(key));
}

}  // namespace penstock::storage
