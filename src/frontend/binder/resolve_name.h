#pragma once

#include "common/error.h"
#include "frontend/binder/catalog_reader.h"
#include "frontend/binder/session_settings.h"
#include "frontend/parser/ast.h"

namespace penstock::frontend {

/// What a name of a relation means to the session: one of the two is set.
struct ResolvedRelation {
  const pb::CatalogObject* object = nullptr;
  const SystemRelation* system = nullptr;
};

/// Errors: `UndefinedTable` with what may have been meant, `NotSupported` for another database.
[[nodiscard]] Result<ResolvedRelation> resolve_relation(const ast::ObjectName& name, const CatalogReader& catalog,
                                                        const SessionSettings& settings);
/// Errors: `Stale` for a quarantined table or view. `verb`: what was about to be done with it.
[[nodiscard]] Status check_not_stale(const pb::CatalogObject& object, std::string_view verb, uint32_t position);
/// The schema and name for an object to be created. Errors: `UndefinedObject` for an unknown schema, `NotSupported` for another database.
struct NewName {
  std::string schema;
  std::string name;
};
[[nodiscard]] Result<NewName> resolve_new_name(const ast::ObjectName& name, const CatalogReader& catalog, const SessionSettings& settings);

}  // namespace penstock::frontend
