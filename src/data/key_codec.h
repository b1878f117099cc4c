#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"

namespace penstock::data {

/// Sort order of one key column; the default is Postgres': ascending, NULLs last.
struct SortOrder {
  bool descending = false;
  bool nulls_first = false;
  bool operator==(const SortOrder&) const = default;
};

/// Memcomparable form: bytewise order of the encodings is the order of the rows. Layout at the top of key_codec.cc; golden tests.
/// A prefix of the columns encodes to a prefix of the bytes.
void encode_key(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::span<const SortOrder> orders, std::string& out);
void encode_key(const Row& row, std::span<const DataType> types, std::span<const SortOrder> orders, std::string& out);
/// Keys of all `rows` at once, a column at a time; `out[i]` gets the bytes of rows[i] appended.
void encode_keys(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns, std::span<const SortOrder> orders,
                 std::vector<std::string>& out);
/// Errors: `Corruption`.
[[nodiscard]] Result<Row> decode_key(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders);

/// Value form: version byte, null bitmap, fixed columns, then varlen columns. Layout at the top of value_codec.cc; golden tests.
void encode_value(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::string& out);
void encode_value(const Row& row, std::span<const DataType> types, std::string& out);
/// Errors: `Corruption`, naming what was found.
[[nodiscard]] Result<Row> decode_value(std::string_view bytes, std::span<const DataType> types);
/// Appends the decoded columns to `builders`, one each type.
[[nodiscard]] Status decode_value_into(std::string_view bytes, std::span<const DataType> types, std::span<AnyColumnBuilder> builders);

}  // namespace penstock::data
