#pragma once

#include "connector/format/row_parser.h"

namespace penstock::connector {

/// CSV as RFC 4180 has it and Postgres' COPY reads it: fields may be quoted, a quote within is doubled, quoted fields may hold line ends;
/// an unquoted empty field is NULL, a quoted one is the empty text. Lines end with LF or CRLF. Empty lines are passed over.
/// With a header, columns are found by name, in any order, and the file may have more; without one, by position, and all must be there.
class CsvParser : public RowParser {
 public:
  struct Options {
    char delimiter = ',';
    bool header = true;
  };
  CsvParser(Options options, data::Schema columns, std::vector<uint32_t> output);

  void parse(std::string_view text, bool final, size_t max_rows, FieldBatch& out) const override;
  [[nodiscard]] bool has_header() const override { return options_.header; }
  [[nodiscard]] Result<size_t> read_header(std::string_view text) override;

 private:
  static constexpr uint32_t kUnwanted = UINT32_MAX;
  struct RowEnd {
    const char* next = nullptr;  // after the row; null: the text ends within the row
    size_t fields = 0;
  };
  template <typename OnField>
  RowEnd cut_row(const char* at, const char* end, bool final, OnField&& on_field) const;
  void set_slots(const std::vector<size_t>& file_column_of_output, size_t file_columns);

  const Options options_;
  const data::Schema columns_;
  const std::vector<uint32_t> output_;
  std::vector<std::vector<uint32_t>> slots_;  // by column of the file: where in the output it goes (mostly one place or none)
};

}  // namespace penstock::connector
