#pragma once

#include "frontend/binder/bind_context.h"
#include "frontend/binder/plan.h"
#include "frontend/parser/statement.h"

namespace penstock::frontend {

/// A change of a table by rows of a query.
struct BoundDml {
  const pb::CatalogObject* table = nullptr;
  /// INSERT: all columns of the table in order, the row id as NULL. DELETE: the old row, all columns. UPDATE: the old row, then the new.
  logical::PlanPtr rows;

  /// Over all columns of a row: as it was inserted or updated, or was before it was deleted.
  std::vector<Expr> returning;
  std::vector<std::string> returning_names;

  /// INSERT … ON CONFLICT.
  struct OnConflict {
    bool update = false;
    std::vector<Expr> row;      // DO UPDATE, over (stored row, proposed row): the stored row, then the row as it shall be
    std::optional<Expr> where;  // over the same
  };
  std::optional<OnConflict> on_conflict;
};

/// Errors: `WrongObjectType` if it is no table, `UndefinedColumn`, `DatatypeMismatch`, wrong numbers of values.
[[nodiscard]] Result<BoundDml> bind_insert(const ast::Insert& insert, BindContext& context);
/// As above; `NotSupported` for a change of the primary key.
[[nodiscard]] Result<BoundDml> bind_update(const ast::Update& update, BindContext& context);
/// COPY: the columns that its fields are for, in order.
[[nodiscard]] Result<std::pair<const pb::CatalogObject*, std::vector<uint32_t>>> bind_copy(const ast::Copy& copy, BindContext& context);
[[nodiscard]] Result<BoundDml> bind_delete(const ast::Delete& remove, BindContext& context);

}  // namespace penstock::frontend
