#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::ctl {

enum class RowFormat : uint8_t { Table, Json, Csv };

/// `penstock sql`: runs SQL text on a server and prints what comes back.
struct SqlOptions {
  std::string host = "127.0.0.1";
  uint32_t port = 4566;
  std::string database = "dev";
  std::string user = "root";
  std::map<std::string, std::string> variables;  // :name, :'name' (as a text literal), :"name" (as a name)
  RowFormat format = RowFormat::Table;
};

/// `text` with psql's variables filled in; inside quotes and comments nothing is touched.
/// Errors: `InvalidParameter` for a variable that is not set.
[[nodiscard]] Result<std::string> substitute(std::string_view text, const std::map<std::string, std::string>& variables);

/// Aligned columns with a header and a row count, as psql prints them. `rows[i][j]`: text, or null.
struct Cell {
  bool null = false;
  std::string text;
};
[[nodiscard]] std::string format_rows(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows,
                                      RowFormat format);

/// Runs all statements of `sql` in order, printing results to standard output and notices to standard error; stops at the first error.
/// Errors: `Unavailable` (no server, saying where), or the server's, with line and column in `name`.
[[nodiscard]] Status run_sql(const SqlOptions& options, std::string_view name, std::string_view sql);

}  // namespace penstock::ctl
