#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "batch/operator.h"

/// Rows as text, for tables in tests: one row a line, values divided by spaces, `.` for NULL.
namespace penstock::batch::testing {

inline data::DataChunk chunk_of(const std::vector<std::vector<std::string>>& rows, const std::vector<data::DataType>& types) {
  std::vector<data::AnyColumnBuilder> builders;
  for (const data::DataType type : types) builders.emplace_back(type, rows.size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < types.size(); ++i) {
      builders[i].append(row.at(i) == "." ? data::Datum() : data::from_text(row[i], types[i]).value());
    }
  }
  std::vector<data::Column> columns;
  for (auto& builder : builders) columns.push_back(builder.finish());
  return {std::move(columns), rows.size()};
}

/// In chunks of `chunk_rows`, so that what an operator keeps between chunks is seen.
inline OperatorPtr rows_of(std::string_view text, const std::vector<data::DataType>& types, size_t chunk_rows = 2) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    if (!row.empty()) rows.push_back(std::move(row));
  }
  std::vector<data::DataChunk> chunks;
  for (size_t at = 0; at < rows.size(); at += chunk_rows) {
    const auto end = rows.begin() + static_cast<ptrdiff_t>(std::min(rows.size(), at + chunk_rows));
    chunks.push_back(chunk_of({rows.begin() + static_cast<ptrdiff_t>(at), end}, types));
  }
  return make_chunks(std::move(chunks));
}

/// All rows it gives, "1 a | 2 ." in its order; what went wrong, if something did. No chunk may be empty.
inline std::string text_of(Operator& op) {
  std::string out;
  for (;;) {
    const auto chunk = op.next();
    if (chunk.has_error()) return std::string(sqlstate(chunk.error().code())) + " " + std::string(chunk.error().message());
    if (!chunk.value()) return out;
    EXPECT_GT((*chunk.value()).rows(), 0U);
    for (size_t row = 0; row < (*chunk.value()).rows(); ++row) {
      out += out.empty() ? "" : " | ";
      for (size_t i = 0; i < (*chunk.value()).width(); ++i) {
        const data::Column& column = (*chunk.value()).column(i);
        out += (i == 0 ? "" : " ") + (column.is_null(row) ? "." : data::to_text(column.datum(row), column.type()));
      }
    }
  }
}

}  // namespace penstock::batch::testing
