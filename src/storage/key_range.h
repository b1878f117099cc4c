#pragma once

#include <string>
#include <string_view>

#include "common/vnode.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// The smallest key after all keys that begin with `prefix`; empty if there is none.
[[nodiscard]] inline std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return end;
}

[[nodiscard]] inline Range prefix_range(std::string_view prefix) { return {std::string(prefix), prefix_end(prefix)}; }

inline void append_vnode(std::string& out, VNode vnode) {
  const char bytes[2] = {static_cast<char>(vnode >> 8), static_cast<char>(vnode & 0xff)};
  out.append(bytes, 2);
}

}  // namespace penstock::storage
