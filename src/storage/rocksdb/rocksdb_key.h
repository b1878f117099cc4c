#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/ids.h"

/// Keys in RocksDB: `table_id` u32 BE | `vnode` u16 BE | primary key in memcomparable form.
namespace penstock::storage {

constexpr size_t kTableIdBytes = 4;
/// Below every key of every table.
constexpr std::string_view kOutsideOfTables{"\0", 1};
/// Table and vnode: what the prefix filter knows.
constexpr size_t kPrefixBytes = 6;

inline void append_table(std::string& out, TableId table) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(table.value >> shift));
}

[[nodiscard]] inline std::string full_key(TableId table, std::string_view key) {
  std::string out;
  out.reserve(kTableIdBytes + key.size());
  append_table(out, table);
  out.append(key);
  return out;
}

/// The smallest key after all of `table`; empty after the last table there can be.
[[nodiscard]] inline std::string table_end(TableId table) {
  return table.value == UINT32_MAX ? std::string() : full_key(TableId{table.value + 1}, {});
}

[[nodiscard]] inline TableId table_of(std::string_view full) {
  uint32_t value = 0;
  for (size_t i = 0; i < kTableIdBytes && i < full.size(); ++i) value = value << 8 | static_cast<uint8_t>(full[i]);
  return TableId{value};
}

}  // namespace penstock::storage
