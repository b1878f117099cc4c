#include "data/row_codec.h"

#include "common/check.h"
#include "data/key_codec.h"
#include "data/value_format.h"

// A stored row. One of a table that has the columns it was born with is a stored value (value_codec.cc), which begins with 01. Once columns
// were added:
//
//   u8       version: 02
//   u8..     how many added columns it has, n > 0, as LEB128
//   n times  length as LEB128, then a stored value of that one column
//   rest     a stored value of the columns that the table was born with
//
// Added columns come in the order in which they were added, so a reader takes those that it knows of, and gives those that the row lacks
// the value that rows from before them have.
namespace penstock::data {
namespace {

constexpr char kWidened = 2;

void append_varint(std::string& out, size_t x) {
  char bytes[5];
  out.append(bytes, value_format::put_varint(bytes, static_cast<uint32_t>(x)));
}

struct Parts {
  std::vector<std::string_view> added;
  std::string_view born;
};

bool is_widened(std::string_view bytes) { return !bytes.empty() && bytes[0] == kWidened; }

Result<Parts> split(std::string_view bytes) {
  const auto broken = [&](std::string_view what) { return error(Code::Corruption, "stored row of {} bytes: {}", bytes.size(), what); };
  const char* at = bytes.data() + 1;
  const char* const end = bytes.data() + bytes.size();
  uint32_t count = 0;
  at = value_format::get_varint(at, end, count);
  if (at == nullptr || count == 0) return broken("no number of added columns");
  if (count > static_cast<size_t>(end - at)) return broken(fmt::format("it cannot have {} added columns", count));
  Parts parts;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    at = value_format::get_varint(at, end, size);
    if (at == nullptr || static_cast<size_t>(end - at) < size) return broken(fmt::format("it ends within added column {} of {}", i, count));
    parts.added.emplace_back(at, size);
    at += size;
  }
  parts.born = {at, static_cast<size_t>(end - at)};
  return parts;
}

}  // namespace

RowCodec::RowCodec(std::vector<DataType> types, std::vector<Datum> added) : types_(std::move(types)), added_(std::move(added)) {
  PENSTOCK_CHECK(added_.size() <= types_.size(), "{} of {} columns were added", added_.size(), types_.size());
  for (uint32_t i = 0; i < types_.size(); ++i) all_columns_.push_back(i);
}

void RowCodec::encode(const Row& row, std::string& out) const {
  PENSTOCK_CHECK(row.size() == types_.size(), "a row of {} values for {} columns", row.size(), types_.size());
  if (added_.empty()) return encode_value(row, types_, out);
  out.push_back(kWidened);
  append_varint(out, added_.size());
  std::string value;
  for (size_t c = born(); c < types_.size(); ++c) {
    value.clear();
    encode_value(Row{row[c]}, type_of(c), value);
    append_varint(out, value.size());
    out += value;
  }
  encode_value(Row(row.begin(), row.begin() + static_cast<ptrdiff_t>(born())), std::span(types_).first(born()), out);
}

void RowCodec::encode_into(const DataChunk& chunk, std::span<const uint32_t> rows, EncodedRows& out) const {
  const std::span<const uint32_t> columns(all_columns_);
  if (added_.empty()) return encode_values_into(chunk, rows, columns, out);
  EncodedRows base;
  encode_values_into(chunk, rows, columns.first(born()), base);
  std::vector<EncodedRows> added(added_.size());
  for (size_t i = 0; i < added_.size(); ++i) encode_values_into(chunk, rows, columns.subspan(born() + i, 1), added[i]);
  if (out.offsets.empty()) out.offsets.push_back(static_cast<uint32_t>(out.bytes.size()));
  for (size_t row = 0; row < rows.size(); ++row) {
    out.bytes.push_back(kWidened);
    append_varint(out.bytes, added.size());
    for (const EncodedRows& column : added) {
      append_varint(out.bytes, column[row].size());
      out.bytes += column[row];
    }
    out.bytes += base[row];
    out.offsets.push_back(static_cast<uint32_t>(out.bytes.size()));
  }
}

Result<Row> RowCodec::decode(std::string_view bytes) const {
  if (added_.empty() && !is_widened(bytes)) return decode_value(bytes, types_);
  Parts parts{.added = {}, .born = bytes};
  if (is_widened(bytes)) {
    PENSTOCK_TRY(parts, split(bytes));
  }
  PENSTOCK_TRY(Row row, decode_value(parts.born, std::span(types_).first(born())));
  for (size_t i = 0; i < added_.size(); ++i) {
    if (i >= parts.added.size()) {
      row.push_back(added_[i]);
      continue;
    }
    PENSTOCK_TRY(Row one, decode_value(parts.added[i], type_of(born() + i)));
    row.push_back(std::move(one[0]));
  }
  return row;
}

Status RowCodec::decode_into(std::string_view bytes, std::span<AnyColumnBuilder> builders) const {
  if (added_.empty() && !is_widened(bytes)) return decode_value_into(bytes, types_, builders);
  Parts parts{.added = {}, .born = bytes};
  if (is_widened(bytes)) {
    PENSTOCK_TRY(parts, split(bytes));
  }
  PENSTOCK_TRY(decode_value_into(parts.born, std::span(types_).first(born()), builders.first(born())));
  for (size_t i = 0; i < added_.size(); ++i) {
    if (i >= parts.added.size()) {
      builders[born() + i].append(added_[i]);
      continue;
    }
    PENSTOCK_TRY(decode_value_into(parts.added[i], type_of(born() + i), builders.subspan(born() + i, 1)));
  }
  return ok();
}

}  // namespace penstock::data
