#pragma once

#include <string>
#include <vector>

#include "ctl/sql_client.h"
#include "proto/meta_service.pb.h"

namespace penstock::ctl {

/// Rows to show: as columns for people, as JSON for programs.
struct Table {
  std::string title;  // above the columns, and the key in JSON when there are several tables
  std::vector<std::string> columns;
  std::string kinds;  // a letter a column: t text, n number, b boolean
  std::vector<std::vector<Cell>> rows;
};

/// A system relation as meta answers it.
[[nodiscard]] Table table_of(std::string title, const pb::SystemRowsResponse& response);

/// Only rows whose `column` has this text; all if the text is empty. No such column: none is dropped.
void keep_rows(Table& table, std::string_view column, std::string_view text);
void keep_last(Table& table, size_t rows);
void drop_column(Table& table, std::string_view column);

/// Long texts are cut to `widest` characters, and line breaks in them become spaces; `widest` 0: nothing is cut.
[[nodiscard]] std::string as_text(const std::vector<Table>& tables, size_t widest = 60);
/// One array of objects; with several tables, an object of arrays. Numbers and booleans are such, NULL is null.
[[nodiscard]] std::string as_json_text(const std::vector<Table>& tables);

}  // namespace penstock::ctl
