#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connector/source/split_reader.h"
#include "data/chunk.h"

namespace penstock::connector {

/// The raw fields of some rows, row by row, in the order of the wanted columns. A null `data()` is NULL. Views point into the parsed text
/// or into `owned`.
struct FieldBatch {
  explicit FieldBatch(size_t columns) : width(columns) {}
  size_t width;
  std::vector<std::string_view> fields;  // [row * width + column]
  std::vector<size_t> ends;              // bytes of the text up to and including each row
  std::vector<data::BufferPtr> owned;    // unescaped text; kept alive by the columns made of it
  struct Bad {
    size_t row;  // its fields are all NULL
    std::string what;
  };
  std::vector<Bad> bad;

  [[nodiscard]] size_t rows() const { return ends.size(); }
  void clear();
  /// The row begun last is bad: its fields become NULL.
  void mark_bad(std::string what);
};

/// Cuts text into rows and fields. Stateless between calls.
class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Appends up to `max_rows` whole rows of `text` to `out`. `final`: nothing follows, so a last line without line end counts.
  /// A row that cannot be cut is `bad`, never an error.
  virtual void parse(std::string_view text, bool final, size_t max_rows, FieldBatch& out) const = 0;
  /// Whether files begin with a line of column names.
  [[nodiscard]] virtual bool has_header() const { return false; }
  /// Told the first line of the file, before `parse`. Returns its bytes. Errors: `UndefinedColumn` when a column is missing from it.
  [[nodiscard]] virtual Result<size_t> read_header(std::string_view text);
};

/// By FORMAT and ENCODE of the source; checks their options. `output`: the wanted columns.
[[nodiscard]] Result<std::unique_ptr<RowParser>> make_row_parser(const SourceSpec& spec, std::vector<uint32_t> output);

/// Values of `batch`, one column per wanted column. Rows with a field that is no value of its column's type are added to `batch.bad`;
/// the columns hold something for them (the caller leaves these rows out).
[[nodiscard]] std::vector<data::Column> convert_fields(FieldBatch& batch, std::span<const data::Field> columns,
                                                       const std::vector<data::BufferPtr>& owners);

}  // namespace penstock::connector
