#pragma once

#include <cstdint>
#include <vector>

namespace penstock::stream {

/// Rows of one chunk that come to groups or go from them, in order: what an aggregate is told.
struct Changes {
  std::vector<uint32_t> rows;    // of the chunk
  std::vector<uint32_t> groups;  // one a row: entry of the group
  std::vector<int8_t> signs;     // one a row; empty when all come

  void clear() {
    rows.clear();
    groups.clear();
    signs.clear();
  }
  [[nodiscard]] int8_t sign(size_t i) const { return signs.empty() ? int8_t{1} : signs[i]; }
  void add(uint32_t row, uint32_t group, int8_t sign) {
    rows.push_back(row);
    groups.push_back(group);
    signs.push_back(sign);
  }
};

}  // namespace penstock::stream
