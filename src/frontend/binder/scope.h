#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "frontend/binder/expr.h"
#include "frontend/parser/ast.h"

namespace penstock::frontend {

/// The columns that a clause may name: column i is column i of the plan that the clause works on.
class Scope {
 public:
  struct Column {
    std::string schema;  // of a catalog relation without alias
    std::string table;
    std::string name;
    data::DataType type;
    bool hidden = false;    // _row_id: only by its name
    bool shadowed = false;  // the other side of USING: only with its table
  };

  std::vector<Column> columns;

  /// Errors: `UndefinedColumn`, `UndefinedTable`, `AmbiguousColumn`, with what may have been meant.
  [[nodiscard]] Result<Expr> resolve(const ast::ColumnRef& ref, uint32_t position) const;
  /// As `resolve` for a name alone; nullopt if there is no such column.
  [[nodiscard]] Result<std::optional<Expr>> find(const std::string& name, uint32_t position) const;
  /// Columns of `*` or `table.*`. Errors: `UndefinedTable`.
  [[nodiscard]] Result<std::vector<uint32_t>> star(const std::vector<std::string>& qualifier, uint32_t position) const;
  [[nodiscard]] bool has_table(const std::string& table) const;
  /// The columns of `right` after mine.
  void append(Scope right);

 private:
  [[nodiscard]] Error unknown_column(const ast::ColumnRef& ref, uint32_t position) const;
  [[nodiscard]] Error unknown_table(const std::string& table, uint32_t position) const;
};

}  // namespace penstock::frontend
