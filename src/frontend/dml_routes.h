#pragma once

#include "frontend/catalog_view.h"
#include "frontend/frontend_node.h"

namespace penstock::frontend {

/// A node that takes rows for a table.
struct DmlRoute {
  WorkerId worker;
  std::string endpoint;
};
/// One of those that hold rows of the table, at random: each has actors that take rows for all vnodes.
/// Errors: `Unavailable`; `SerializationFailure` if the rows are of the table as it was before it got another column (`check_shape`).
[[nodiscard]] Result<DmlRoute> pick_route(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table);

/// `SerializationFailure` if the catalog knows `table` with other columns by now, or not at all: rows made for it fit no more.
[[nodiscard]] Status check_shape(const CatalogView& catalog, const pb::CatalogObject& table);

/// Rows that are part of an epoch of a term, durable when that commits.
struct TakenRows {
  PartialGraphId graph;
  Term term;
  Epoch epoch;
};
/// Waits until the epoch has committed in its own term. Errors: `SerializationFailure` if the term ended before that (nothing was applied),
/// `Cancelled`, `Timeout`.
[[nodiscard]] Status wait_for_commit(const SessionServices& services, const TakenRows& taken, DatabaseId database,
                                     const CancelFlag& cancel);

}  // namespace penstock::frontend
