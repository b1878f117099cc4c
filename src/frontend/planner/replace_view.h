#pragma once

#include "frontend/binder/bind_context.h"
#include "frontend/parser/statement.h"
#include "proto/catalog.pb.h"

/// A materialized view that gets another query: a job like any other is created under a name of its own, and takes the view's place when it
/// is complete.
namespace penstock::frontend {

/// The view that `create` is to replace; null if it says nothing of the kind, or nothing is there. Errors: `UndefinedTable` and a notice as
/// for any ALTER, if it must be there; `WrongObjectType`.
[[nodiscard]] Result<const pb::CatalogObject*> view_to_replace(const ast::CreateMaterializedView& create, BindContext& context);

/// `object`, planned, is to take the place of `view`. Errors, as Postgres has them for CREATE OR REPLACE VIEW: `InvalidDefinition` if a
/// column has another name or type or is missing, new ones may follow; or if it reads the view itself.
[[nodiscard]] Status take_place_of(const pb::CatalogObject& view, const ast::CreateMaterializedView& create, pb::CatalogObject& object);

}  // namespace penstock::frontend
