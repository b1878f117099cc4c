#pragma once

#include <deque>
#include <string>
#include <vector>

#include "data/chunk.h"
#include "frontend/parser/statement.h"

namespace penstock::frontend {

/// Rows from what a client sends after COPY … FROM STDIN, in Postgres' text or csv form, cut wherever its messages end.
///
/// text: a row a line, fields by the delimiter, `\N` (or NULL '…') is NULL, \b \f \n \r \t \v \nnn \xhh and \ before anything else; a line
/// `\.` ends the data. csv: fields may be quoted, a quote within is doubled (or after ESCAPE), quoted fields may hold line ends; an
/// unquoted field that equals NULL '…' (default: empty) is NULL. Lines end with LF, or CRLF. Errors name the line and column. Pure; one
/// owner.
class CopyRows {
 public:
  /// `columns`: in the order of the fields.
  CopyRows(ast::CopyFormat format, data::Schema columns);

  Status add(std::string_view bytes);
  /// Nothing follows.
  Status finish();
  /// Rows so far, at least `kChunkRows` a chunk but for the last.
  [[nodiscard]] std::vector<data::DataChunk> take();
  [[nodiscard]] uint64_t rows() const { return rows_; }

 private:
  struct Field {
    size_t begin = 0, end = 0;  // in `values_`
    bool null = false;
  };
  enum class Cut { Row, NeedMore, End };

  Status cut_rows(bool final);
  [[nodiscard]] Result<Cut> cut_text(std::string_view rest, bool final, size_t& used);
  [[nodiscard]] Result<Cut> cut_csv(std::string_view rest, bool final, size_t& used);
  void unescape(std::string_view raw);
  void end_field(size_t begin, bool null) { fields_.push_back({begin, values_.size(), null}); }
  Status end_row();
  Status flush();
  [[nodiscard]] Error at_line(Code code, std::string message) const;

  const ast::CopyFormat format_;
  const data::Schema columns_;
  std::string input_;   // not cut yet
  std::string values_;  // text of the fields at hand
  std::vector<Field> fields_;
  size_t row_fields_ = 0;        // where the row at hand begins in fields_
  std::vector<uint64_t> lines_;  // of each row at hand
  std::vector<data::DataChunk> ready_;
  uint64_t line_ = 0;  // of the row at hand, from 1
  uint64_t rows_ = 0;
  bool ended_ = false;
  bool header_ = false;  // still to be passed over
};

}  // namespace penstock::frontend
