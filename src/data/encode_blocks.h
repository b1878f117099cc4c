#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "common/check.h"
#include "data/encoded_rows.h"

/// How keys and values of many rows are written a column at a time. Internal to `data`.
namespace penstock::data {

/// Few enough rows that a block's output stays in the first-level cache from one column to the next.
constexpr size_t kEncodeBlock = 256;

/// `add_sizes(begin, sizes)` adds to sizes[i] the bytes of row begin + i; `write(begin, cursors)` writes that row at cursors[i] and moves
/// cursors[i] behind it. Both see `sizes.size()` rows.
template <typename AddSizes, typename Write>
void encode_in_blocks(size_t rows, EncodedRows& out, AddSizes&& add_sizes, Write&& write) {
  if (out.offsets.empty()) out.offsets.push_back(static_cast<uint32_t>(out.bytes.size()));
  out.offsets.reserve(out.offsets.size() + rows);
  std::array<uint32_t, kEncodeBlock> sizes;
  std::array<char*, kEncodeBlock> cursors;
  for (size_t begin = 0; begin < rows; begin += kEncodeBlock) {
    const size_t count = std::min(kEncodeBlock, rows - begin);
    std::fill_n(sizes.begin(), count, 0);
    add_sizes(begin, std::span(sizes.data(), count));
    const size_t first = out.bytes.size();
    size_t end = first;
    for (size_t i = 0; i < count; ++i) {
      end += sizes[i];
      out.offsets.push_back(static_cast<uint32_t>(end));
    }
    PENSTOCK_CHECK(end <= std::numeric_limits<uint32_t>::max(), "encoded rows of {} bytes", end);
    out.bytes.resize(end);
    char* at = out.bytes.data() + first;
    for (size_t i = 0; i < count; ++i) {
      cursors[i] = at;
      at += sizes[i];
    }
    write(begin, std::span(cursors.data(), count));
  }
}

}  // namespace penstock::data
