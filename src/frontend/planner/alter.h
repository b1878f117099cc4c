#pragma once

#include "frontend/binder/bind_context.h"
#include "frontend/planner/planner.h"

namespace penstock::frontend {

/// What an ALTER means in this catalog: `Alter`, or `Skip` with a notice if IF EXISTS found nothing.
/// Errors: `UndefinedTable`, `UndefinedDatabase`, `WrongObjectType`, `InvalidParameter` for a setting or a value that is none.
[[nodiscard]] Result<decltype(BoundStatement::body)> bind_alter(const ast::Alter& alter, BindContext& context);

}  // namespace penstock::frontend
