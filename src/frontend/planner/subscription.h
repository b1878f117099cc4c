#pragma once

#include <chrono>

#include "frontend/binder/bind_context.h"
#include "frontend/parser/statement.h"
#include "frontend/planner/planner.h"

namespace penstock::frontend {

/// Errors: `WrongObjectType` for what has no changes to subscribe to, `InvalidParameter` for an option.
[[nodiscard]] Result<pb::CatalogObject> bind_subscription(const ast::CreateSubscription& create, std::string_view definition,
                                                          BindContext& context);
[[nodiscard]] Result<DeclareCursor> bind_cursor(const ast::DeclareCursor& declare, BindContext& context);
[[nodiscard]] Result<FetchCursor> bind_fetch(const ast::FetchCursor& fetch);

}  // namespace penstock::frontend
