#pragma once

#include <charconv>
#include <vector>

#include "connector/source/split_reader.h"

namespace penstock::connector {

/// Splits of a generator: "0" … "S-1", offsets are decimal numbers.
[[nodiscard]] inline std::vector<SplitPosition> numbered_splits(uint64_t count) {
  std::vector<SplitPosition> splits;
  for (uint64_t i = 0; i < count; ++i) splits.push_back({.id = fmt::format("{}", i)});
  return splits;
}

/// Errors: `Corruption` when `text` is no number.
[[nodiscard]] inline Result<uint64_t> parse_offset(std::string_view text, uint64_t fallback) {
  if (text.empty()) return fallback;
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return error(Code::Corruption, "'{}' is no position of a generator", text);
  return value;
}

}  // namespace penstock::connector
