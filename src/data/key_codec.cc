#include "data/key_codec.h"

#include "data/encode_blocks.h"
#include "data/key_format.h"

// A key is its columns one after the other. Stored on disk: never change it, only add.
//
//   column   marker, then the payload unless NULL
//   marker   00 NULL where NULLs come first | 01 a value | 02 NULL where NULLs come last; DESC does not change it
//   payload  as below; every byte complemented if DESC
//
//   boolean            00 | 01
//   int2, int4, int8   big-endian, sign bit flipped; date and timestamp likewise
//   float4, float8     IEEE bits big-endian; negative: all bits flipped, else the sign bit; -0 as 0, one NaN, above infinity
//   varchar            bytes, 00 as 01 01 and 01 as 01 02, then 00
//   interval           10 bytes: `comparable()` big-endian, sign bit flipped. Equal intervals are equal keys, so decoding gives one of
//                      them (months of 30 days, days of 24 hours): a table keeps its key columns in its values too.
//   numeric            a head, and for a finite value that is not 0 its digits, left-aligned:
//                        ff NaN | fe Infinity | 81 + 37 + exponent | 80 zero | all that follows complemented if negative | 00 -Infinity
//                        value = 0.d1d2d3… * 10^exponent; u64: digits 1-18, shifted left by one, lowest bit: more follows;
//                        u64: digits 19-36 likewise; u8: digits 37 and 38. Equal values of other scale are equal keys.
namespace penstock::data {
namespace {

using namespace key_format;

char null_marker(SortOrder order) { return static_cast<char>(order.nulls_first ? kNullFirst : kNullLast); }

template <typename T>
char* write_cell(char* to, const T& value, bool descending) {
  *to++ = static_cast<char>(kNotNull);
  char* const end = write_payload(to, value);
  if (descending) flip_bytes(to, end);
  return end;
}

template <typename T>
void append_cell_of(std::string& out, const T& value, SortOrder order) {
  const size_t at = out.size();
  out.resize(at + 1 + payload_size(value));
  write_cell(out.data() + at, value, order.descending);
}

template <typename T>
void add_key_sizes(const Column& column, std::span<const uint32_t> rows, std::span<uint32_t> sizes) {
  const T* const values = column.values<T>();
  const size_t stride = column.stride();
  const bool nullable = column.validity() != nullptr;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const bool null = nullable && column.is_null(rows[i]);
    sizes[i] += 1 + (null ? 0 : static_cast<uint32_t>(payload_size(values[rows[i] * stride])));
  }
}

template <typename T, bool Descending>
void write_key_column(const Column& column, std::span<const uint32_t> rows, SortOrder order, std::span<char*> cursors) {
  const T* const values = column.values<T>();
  const size_t stride = column.stride();
  const bool nullable = column.validity() != nullptr;
  for (size_t i = 0; i < cursors.size(); ++i) {
    if (nullable && column.is_null(rows[i])) {
      *cursors[i]++ = null_marker(order);
    } else {
      cursors[i] = write_cell(cursors[i], values[rows[i] * stride], Descending);
    }
  }
}

void write_prefix(const KeyPrefix& prefix, size_t begin, std::span<char*> cursors) {
  for (size_t i = 0; i < cursors.size(); ++i) {
    if (!prefix.bytes.empty()) std::memcpy(cursors[i], prefix.bytes.data(), prefix.bytes.size());
    cursors[i] += prefix.bytes.size();
    if (!prefix.vnodes.empty()) cursors[i] = put_big_endian(cursors[i], prefix.vnodes[begin + i]);
  }
}

}  // namespace

void encode_key(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::span<const SortOrder> orders,
                std::string& out) {
  for (size_t c = 0; c < columns.size(); ++c) {
    const Column& column = chunk.column(columns[c]);
    if (column.is_null(row)) {
      out += null_marker(orders[c]);
      continue;
    }
    with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) { append_cell_of(out, column.value<T>(row), orders[c]); });
  }
}

void encode_key(const Row& row, std::span<const DataType> types, std::span<const SortOrder> orders, std::string& out) {
  PENSTOCK_CHECK(row.size() == types.size(), "a key of {} values for {} columns", row.size(), types.size());
  for (size_t c = 0; c < row.size(); ++c) {
    if (is_null(row[c])) {
      out += null_marker(orders[c]);
      continue;
    }
    with_physical(types[c].kind, [&]<typename T>(std::type_identity<T>) {
      if constexpr (std::is_same_v<T, Text>) {
        append_cell_of(out, Text(std::get<std::string>(row[c])), orders[c]);
      } else {
        append_cell_of(out, std::get<T>(row[c]), orders[c]);
      }
    });
  }
}

void encode_keys_into(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns,
                      std::span<const SortOrder> orders, EncodedRows& out, const KeyPrefix& prefix) {
  PENSTOCK_CHECK(prefix.vnodes.empty() || prefix.vnodes.size() == rows.size(), "{} vnodes for {} rows", prefix.vnodes.size(), rows.size());
  PENSTOCK_CHECK(orders.size() == columns.size(), "{} orders for {} columns", orders.size(), columns.size());
  const auto prefix_size = static_cast<uint32_t>(prefix.bytes.size() + (prefix.vnodes.empty() ? 0 : sizeof(VNode)));
  const auto add_sizes = [&](size_t begin, std::span<uint32_t> sizes) {
    for (uint32_t& size : sizes) size += prefix_size;
    for (const uint32_t c : columns) {
      const Column& column = chunk.column(c);
      with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) { add_key_sizes<T>(column, rows.subspan(begin), sizes); });
    }
  };
  const auto write = [&](size_t begin, std::span<char*> cursors) {
    write_prefix(prefix, begin, cursors);
    for (size_t c = 0; c < columns.size(); ++c) {
      const Column& column = chunk.column(columns[c]);
      with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) {
        orders[c].descending ? write_key_column<T, true>(column, rows.subspan(begin), orders[c], cursors)
                             : write_key_column<T, false>(column, rows.subspan(begin), orders[c], cursors);
      });
    }
  };
  encode_in_blocks(rows.size(), out, add_sizes, write);
}

void encode_keys(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns,
                 std::span<const SortOrder> orders, std::vector<std::string>& out) {
  PENSTOCK_CHECK(out.size() == rows.size(), "{} strings for {} rows", out.size(), rows.size());
  EncodedRows encoded;
  encode_keys_into(chunk, rows, columns, orders, encoded);
  for (size_t i = 0; i < rows.size(); ++i) out[i] += encoded[i];
}

}  // namespace penstock::data
