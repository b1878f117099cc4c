#pragma once

#include "connector/format/row_parser.h"

namespace penstock::connector {

/// JSON lines: one object a line. Fields by name; a missing field or `null` is NULL, others are passed over; an object or array in a text
/// column is its JSON text. Empty lines are passed over.
class JsonParser : public RowParser {
 public:
  JsonParser(const data::Schema& columns, const std::vector<uint32_t>& output);
  ~JsonParser() override;
  void parse(std::string_view text, bool final, size_t max_rows, FieldBatch& out) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::connector
