#pragma once

#include <vector>

#include "frontend/catalog_view.h"
#include "frontend/frontend_node.h"
#include "frontend/pgwire/sql_session.h"
#include "frontend/planner/planner.h"
#include "frontend/session_variables.h"

namespace penstock::frontend {

/// Columns of a SHOW.
[[nodiscard]] std::vector<ResultColumn> show_columns(const Show& show);
/// Its rows; one chunk.
[[nodiscard]] Result<data::DataChunk> show_rows(const Show& show, const CatalogView& catalog, const SessionVariables& variables,
                                                MetaClient& meta, const CancelFlag& cancel);

}  // namespace penstock::frontend
