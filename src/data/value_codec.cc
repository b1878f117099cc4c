#include "data/encode_blocks.h"
#include "data/key_codec.h"
#include "data/value_format.h"

// A stored value. On disk: an unknown version is refused; a new layout is a new version.
//
//   u8       version: 01
//   bitmap   one bit a column, lowest first, set = NULL; ceil(columns / 8) bytes
//   fixed    the columns of fixed size that are not NULL, in column order, little-endian: boolean 1 byte, int2 2, int4 4, int8 8, float4 4,
//            float8 8, date 4, timestamp 8, interval 16 (i32 months, i32 days, i64 microseconds)
//   varlen   the other columns that are not NULL, in column order
//              varchar  length as LEB128, bytes
//              numeric  u8 head: 80 NaN | 81 Infinity | 82 -Infinity | scale, then i64 coefficient | scale + 40, then i128 coefficient
namespace penstock::data {
namespace {

using namespace value_format;

bool is_fixed_size(TypeKind kind) { return kind != TypeKind::Varchar && kind != TypeKind::Numeric; }
uint32_t header_size(size_t columns) { return static_cast<uint32_t>(1 + (columns + 7) / 8); }
void set_null_bit(char* header, size_t column) { header[1 + column / 8] = static_cast<char>(header[1 + column / 8] | (1 << (column % 8))); }
bool null_bit(std::string_view header, size_t column) { return (header[1 + column / 8] >> (column % 8) & 1) != 0; }

template <typename T>
void add_value_sizes(const Column& column, std::span<const uint32_t> rows, std::span<uint32_t> sizes) {
  if (kFixedSize<T> && column.validity() == nullptr) {
    for (uint32_t& size : sizes) size += sizeof(T);
    return;
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!column.is_null(rows[i])) sizes[i] += static_cast<uint32_t>(stored_size(column.value<T>(rows[i])));
  }
}

template <typename T>
void write_value_column(const Column& column, std::span<const uint32_t> rows, std::span<char*> cursors) {
  const T* const values = column.values<T>();
  const size_t stride = column.stride();
  const bool nullable = column.validity() != nullptr;
  for (size_t i = 0; i < cursors.size(); ++i) {
    if (!nullable || !column.is_null(rows[i])) cursors[i] = put_value(cursors[i], values[rows[i] * stride]);
  }
}

void write_headers(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns, std::span<char*> cursors) {
  const uint32_t size = header_size(columns.size());
  for (char* const at : cursors) {
    std::memset(at, 0, size);
    *at = kVersion;
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    const Column& column = chunk.column(columns[c]);
    for (size_t i = 0; column.validity() != nullptr && i < cursors.size(); ++i) {
      if (column.is_null(rows[i])) set_null_bit(cursors[i], c);
    }
  }
  for (char*& at : cursors) at += size;
}

template <typename T>
void append_stored(std::string& out, const T& value) {
  const size_t at = out.size();
  out.resize(at + stored_size(value));
  put_value(out.data() + at, value);
}

}  // namespace

void encode_value(const DataChunk& chunk, size_t row, std::span<const uint32_t> columns, std::string& out) {
  const size_t header = out.size();
  out.resize(header + header_size(columns.size()));
  out[header] = kVersion;
  for (const bool fixed : {true, false}) {
    for (size_t c = 0; c < columns.size(); ++c) {
      const Column& column = chunk.column(columns[c]);
      if (is_fixed_size(column.type().kind) != fixed) continue;
      if (column.is_null(row)) {
        set_null_bit(out.data() + header, c);
        continue;
      }
      with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) { append_stored(out, column.value<T>(row)); });
    }
  }
}

void encode_value(const Row& row, std::span<const DataType> types, std::string& out) {
  PENSTOCK_CHECK(row.size() == types.size(), "a row of {} values for {} columns", row.size(), types.size());
  const size_t header = out.size();
  out.resize(header + header_size(types.size()));
  out[header] = kVersion;
  for (const bool fixed : {true, false}) {
    for (size_t c = 0; c < types.size(); ++c) {
      if (is_fixed_size(types[c].kind) != fixed) continue;
      if (is_null(row[c])) {
        set_null_bit(out.data() + header, c);
        continue;
      }
      with_physical(types[c].kind, [&]<typename T>(std::type_identity<T>) {
        if constexpr (std::is_same_v<T, Text>) {
          append_stored(out, Text(std::get<std::string>(row[c])));
        } else {
          append_stored(out, std::get<T>(row[c]));
        }
      });
    }
  }
}

void encode_values_into(const DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> columns, EncodedRows& out) {
  const auto add_sizes = [&](size_t begin, std::span<uint32_t> sizes) {
    for (uint32_t& size : sizes) size += header_size(columns.size());
    for (const uint32_t c : columns) {
      const Column& column = chunk.column(c);
      with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) { add_value_sizes<T>(column, rows.subspan(begin), sizes); });
    }
  };
  const auto write = [&](size_t begin, std::span<char*> cursors) {
    write_headers(chunk, rows.subspan(begin), columns, cursors);
    for (const bool fixed : {true, false}) {
      for (const uint32_t c : columns) {
        const Column& column = chunk.column(c);
        if (is_fixed_size(column.type().kind) != fixed) continue;
        with_physical(column.type().kind,
                      [&]<typename T>(std::type_identity<T>) { write_value_column<T>(column, rows.subspan(begin), cursors); });
      }
    }
  };
  encode_in_blocks(rows.size(), out, add_sizes, write);
}

namespace {

// Values that are read a column at a time: where each of them stands now.
class ValueReader {
 public:
  // `cursors`: space for one pointer a value.
  ValueReader(std::span<const std::string_view> values, std::span<const DataType> types, std::span<const char*> cursors)
      : values_(values), types_(types), cursors_(cursors) {}

  // Gives each value of each column to `use.null(column)` or `use.value<T>(column, value)`, fixed columns first.
  template <typename F>
  Status read(F&& use) {
    PENSTOCK_TRY(read_headers());
    for (const bool fixed : {true, false}) {
      for (size_t c = 0; c < types_.size(); ++c) {
        if (is_fixed_size(types_[c].kind) != fixed) continue;
        PENSTOCK_TRY(with_physical(types_[c].kind, [&]<typename T>(std::type_identity<T>) { return read_column<T>(c, use); }));
      }
    }
    for (size_t i = 0; i < values_.size(); ++i) {
      if (cursors_[i] != end(i)) return broken(i, fmt::format("{} bytes are left behind its last column", end(i) - cursors_[i]));
    }
    return ok();
  }

 private:
  [[nodiscard]] const char* end(size_t i) const { return values_[i].data() + values_[i].size(); }
  [[nodiscard]] Error broken(size_t i, std::string_view what) const {
    return error(Code::Corruption, "stored value of {} bytes for {} columns: {}", values_[i].size(), types_.size(), what);
  }

  Status read_headers() {
    const uint32_t size = header_size(types_.size());
    for (size_t i = 0; i < values_.size(); ++i) {
      const std::string_view bytes = values_[i];
      if (!bytes.empty() && bytes[0] != kVersion)
        return broken(i, fmt::format("version {} is not known, only {}", int{bytes[0]}, int{kVersion}));
      if (bytes.size() < size) return broken(i, "it ends within its header");
      const size_t spare = types_.size() % 8;
      if (spare != 0 && static_cast<unsigned char>(bytes[size - 1]) >> spare != 0) return broken(i, "NULL bits beyond its columns");
      cursors_[i] = bytes.data() + size;
    }
    return ok();
  }

  template <typename T, typename F>
  Status read_column(size_t column, F& use) {
    using Read = std::conditional_t<std::is_same_v<T, Text>, std::string_view, T>;
    auto sink = use.template column<T>(column);
    for (size_t i = 0; i < values_.size(); ++i) {
      if (null_bit(values_[i], column)) {
        sink.append_null();
        continue;
      }
      Read value{};
      cursors_[i] = get_value(cursors_[i], end(i), value);
      if (cursors_[i] == nullptr) return broken(i, fmt::format("no readable value of column {} ({})", column, types_[column].to_string()));
      sink.append(value);
    }
    return ok();
  }

  std::span<const std::string_view> values_;
  std::span<const DataType> types_;
  std::span<const char*> cursors_;
};

struct ValueIntoRow {
  Row& row;
  struct Sink {
    Datum& out;
    void append_null() { out = {}; }
    void append(std::string_view value) { out = std::string(value); }
    template <typename T>
    void append(const T& value) {
      out = value;
    }
  };
  template <typename T>
  Sink column(size_t c) {
    return {row[c]};
  }
};

struct ValueIntoBuilders {
  std::span<AnyColumnBuilder> builders;
  template <typename T>
  struct Sink {
    ColumnBuilder<T>& builder;
    void append_null() { builder.append_null(); }
    template <typename Value>
    void append(const Value& value) {
      builder.append(value);
    }
  };
  template <typename T>
  Sink<T> column(size_t c) {
    return {builders[c].as<T>()};
  }
};

}  // namespace

Result<Row> decode_value(std::string_view bytes, std::span<const DataType> types) {
  Row row(types.size());
  const char* cursor = nullptr;
  PENSTOCK_TRY(ValueReader({&bytes, 1}, types, {&cursor, 1}).read(ValueIntoRow{row}));
  return row;
}

Status decode_value_into(std::string_view bytes, std::span<const DataType> types, std::span<AnyColumnBuilder> builders) {
  PENSTOCK_CHECK(builders.size() == types.size(), "{} builders for {} columns", builders.size(), types.size());
  const char* cursor = nullptr;
  return ValueReader({&bytes, 1}, types, {&cursor, 1}).read(ValueIntoBuilders{builders});
}

Status decode_values_into(std::span<const std::string_view> values, std::span<const DataType> types, std::span<AnyColumnBuilder> builders) {
  PENSTOCK_CHECK(builders.size() == types.size(), "{} builders for {} columns", builders.size(), types.size());
  std::vector<const char*> cursors(values.size());
  return ValueReader(values, types, cursors).read(ValueIntoBuilders{builders});
}

}  // namespace penstock::data
