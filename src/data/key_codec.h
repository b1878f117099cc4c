#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/vnode.h"
#include "data/chunk.h"
#include "data/encoded_rows.h"
#include "data/sort_order.h"

namespace penstock::data {

/// Memcomparable form: bytewise order of the encodings is the order of the rows. Layout at the top of key_codec.cc; golden tests.
/// A prefix of the columns encodes to a prefix of the bytes. Rows that are equal have equal keys, so decoding gives numerics at their least
/// scale and one of several equal intervals: a table keeps its key columns in its values too.
void encode_key(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::span<const SortOrder> orders, std::string& out);
void encode_key(const Row& row, std::span<const DataType> types, std::span<const SortOrder> orders, std::string& out);
/// Keys of all `rows` at once, a column at a time; `out[i]` gets the bytes of rows[i] appended.
void encode_keys(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns,
                 std::span<const SortOrder> orders, std::vector<std::string>& out);

/// What stands before each key: `bytes`, then the big-endian vnode of the row if there are vnodes (one each row that is encoded).
struct KeyPrefix {
  std::string_view bytes;
  std::span<const VNode> vnodes;
};
/// The hot path: as `encode_keys`, appended to one string.
void encode_keys_into(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns,
                      std::span<const SortOrder> orders, EncodedRows& out, const KeyPrefix& prefix = {});

/// Errors: `Corruption`, naming column and byte.
[[nodiscard]] Result<Row> decode_key(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders);
/// Appends the decoded columns to `builders`, one each type. After an error the builders' lengths differ: they must be dropped.
[[nodiscard]] Status decode_key_into(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders,
                                     std::span<AnyColumnBuilder> builders);

/// Value form: version byte, null bitmap, fixed columns, then varlen columns. Layout at the top of value_codec.cc; golden tests.
void encode_value(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::string& out);
void encode_value(const Row& row, std::span<const DataType> types, std::string& out);
/// The hot path: values of all `rows`, appended to one string.
void encode_values_into(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns, EncodedRows& out);

/// Errors: `Corruption`, naming what was found.
[[nodiscard]] Result<Row> decode_value(std::string_view bytes, std::span<const DataType> types);
/// Appends the decoded columns to `builders`, one each type. After an error the builders' lengths differ: they must be dropped.
[[nodiscard]] Status decode_value_into(std::string_view bytes, std::span<const DataType> types, std::span<AnyColumnBuilder> builders);
/// The hot path: many values, a column at a time.
[[nodiscard]] Status decode_values_into(std::span<const std::string_view> values, std::span<const DataType> types,
                                        std::span<AnyColumnBuilder> builders);

}  // namespace penstock::data
