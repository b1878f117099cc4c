#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::data {

/// Many encoded rows in one string: two allocations for a whole chunk. Value type.
struct EncodedRows {
  std::string bytes;
  /// Row i is bytes[offsets[i], offsets[i + 1]): one more than rows, or none when there are no rows. The first need not be 0: who
  /// encodes appends behind what `bytes` already holds.
  std::vector<uint32_t> offsets;

  [[nodiscard]] size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::string_view operator[](size_t row) const {
    return std::string_view(bytes).substr(offsets[row], offsets[row + 1] - offsets[row]);
  }
  void clear() {
    bytes.clear();
    offsets.clear();
  }
};

}  // namespace penstock::data
