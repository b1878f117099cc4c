#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"
#include "data/encoded_rows.h"

namespace penstock::data {

/// Stored values of one table's rows, whose columns may have become more since the table's birth: always at the end, never fewer.
///
/// A row that was written before a column was added reads as if it had that column's value for old rows. A reader that does not know a
/// column yet (a plan from before it) does not see it. Both hold for rows written here only: a row that ends early anywhere else is
/// corrupt. Value type; immutable. The layout is drawn at the top of row_codec.cc; golden tests.
class RowCodec {
 public:
  RowCodec() = default;
  /// `added`: of the last added.size() columns, which came later, what rows from before them have.
  explicit RowCodec(std::vector<DataType> types, std::vector<Datum> added = {});

  [[nodiscard]] const std::vector<DataType>& types() const { return types_; }

  void encode(const Row& row, std::string& out) const;
  /// Rows of a chunk whose columns are the table's, appended to one string.
  void encode_into(const DataChunk& chunk, std::span<const uint32_t> rows, EncodedRows& out) const;

  /// Errors: `Corruption`, naming what was found.
  [[nodiscard]] Result<Row> decode(std::string_view bytes) const;
  /// Appends to `builders`, one each type. After an error the builders' lengths differ: they must be dropped.
  [[nodiscard]] Status decode_into(std::string_view bytes, std::span<AnyColumnBuilder> builders) const;

 private:
  [[nodiscard]] size_t born() const { return types_.size() - added_.size(); }
  [[nodiscard]] std::span<const DataType> type_of(size_t column) const { return std::span(types_).subspan(column, 1); }

  std::vector<DataType> types_;
  std::vector<Datum> added_;
  std::vector<uint32_t> all_columns_;
};

}  // namespace penstock::data
