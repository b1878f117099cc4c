#pragma once

#include "common/check.h"
#include "connector/format/row_parser.h"

namespace penstock::connector::fuzzed {

using data::TypeKind;

inline const data::Schema kColumns{{{"a", TypeKind::Int64},
                                    {"b", TypeKind::Varchar},
                                    {"c", TypeKind::Timestamp},
                                    {"d", TypeKind::Numeric},
                                    {"e", TypeKind::Boolean},
                                    {"f", TypeKind::Float64},
                                    {"g", TypeKind::Interval}}};
inline const std::vector<uint32_t> kOutput{0, 1, 2, 3, 4, 5, 6, 1};

// Whole, and in pieces as a reader gets them: the same rows.
inline void parse(const RowParser& parser, std::string_view text) {
  std::vector<data::Field> fields;
  for (const uint32_t column : kOutput) fields.push_back(kColumns[column]);
  FieldBatch whole(kOutput.size());
  parser.parse(text, true, SIZE_MAX, whole);
  PENSTOCK_CHECK(whole.fields.size() == whole.rows() * whole.width, "{} fields in {} rows", whole.fields.size(), whole.rows());
  const size_t rows = whole.rows();
  (void)convert_fields(whole, fields, {});

  size_t in_pieces = 0;
  for (size_t at = 0; at < text.size();) {
    FieldBatch piece(kOutput.size());
    parser.parse(text.substr(at), true, 1, piece);
    if (piece.rows() == 0) break;
    PENSTOCK_CHECK(piece.ends.back() > 0 && piece.ends.back() <= text.size() - at, "a row ends outside of its text");
    at += piece.ends.back();
    ++in_pieces;
  }
  PENSTOCK_CHECK(in_pieces == rows, "{} rows in one go, {} one by one", rows, in_pieces);
}

}  // namespace penstock::connector::fuzzed
