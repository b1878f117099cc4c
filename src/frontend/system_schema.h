#pragma once

#include <span>
#include <string_view>

#include "frontend/binder/catalog_reader.h"

namespace penstock::frontend {

/// Relations that the system answers itself. Those of pg_catalog and information_schema come from the catalog; those named penstock_… are
/// asked of meta ("/penstock.Meta/SystemRows"), whose values come as text in the order of `columns`.
[[nodiscard]] std::span<const SystemRelation> system_relations();
/// Null if there is none. penstock_… is found in every schema that is searched (public, pg_catalog, penstock).
[[nodiscard]] const SystemRelation* find_system_relation(std::string_view schema, std::string_view name);

}  // namespace penstock::frontend
