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
};

/// Errors: `WrongObjectType` if it is no table, `UndefinedColumn`, `DatatypeMismatch`, wrong numbers of values.
[[nodiscard]] Result<BoundDml> bind_insert(const ast::Insert& insert, BindContext& context);
/// As above; `NotSupported` for a change of the primary key.
[[nodiscard]] Result<BoundDml> bind_update(const ast::Update& update, BindContext& context);
[[nodiscard]] Result<BoundDml> bind_delete(const ast::Delete& remove, BindContext& context);

}  // namespace penstock::frontend
