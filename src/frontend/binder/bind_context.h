#pragma once

#include <string>
#include <vector>

#include "frontend/binder/catalog_reader.h"
#include "frontend/binder/expr_factory.h"
#include "frontend/binder/scope.h"
#include "frontend/binder/session_settings.h"

namespace penstock::frontend {

/// What the binding of one statement shares.
struct BindContext {
  const CatalogReader& catalog;
  const SessionSettings& settings;
  ExprFactory& factory;
  /// For a view or sink: what has no meaning over a stream is refused.
  bool streaming = false;
  /// What the user should know although it works.
  std::vector<std::string> notices;
  /// What the queries around a subquery see, to tell a correlated one from a misspelling.
  std::vector<const Scope*> outer_scopes;
  /// Relations bound so far: WITH queries that name each other twice would grow without end.
  uint32_t relations = 0;
};

}  // namespace penstock::frontend
