#pragma once

#include "data/chunk.h"
#include "frontend/catalog_view.h"
#include "frontend/system_schema.h"

namespace penstock::frontend {

/// All rows, all columns.
[[nodiscard]] Result<data::DataChunk> system_rows(const SystemRelation& relation, const CatalogView& catalog, MetaClient& meta,
                                                  const CancelFlag& cancel);

}  // namespace penstock::frontend
