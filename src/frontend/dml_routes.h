#pragma once

#include "frontend/catalog_view.h"
#include "frontend/frontend_node.h"

namespace penstock::frontend {

/// `Unavailable`: said of a table whose actors are being rebuilt, or are on nodes that are away.
[[nodiscard]] Error nobody_takes(const pb::CatalogObject& table);
/// A node that takes rows for a table.
struct DmlRoute {
  WorkerId worker;
  std::string endpoint;
};
/// One of those that hold rows of the table, at random: each has actors that take rows for all vnodes.
/// Errors: `Unavailable`; `SerializationFailure` if the rows are of the table as it was before it got another column (`check_shape`).
[[nodiscard]] Result<DmlRoute> pick_route(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table);

/// Waits a moment before any offer but the first, and until the database runs. Errors: of `wait_until_running`, `Cancelled`.
[[nodiscard]] Status before_offer(const SessionServices& services, DatabaseId database, const CancelFlag& cancel, int attempt);
/// Offers something to a node that takes rows for the table, and to another while nobody takes it (`Unavailable`), for two seconds: actors
/// that move, or a recovery, take a moment, and frontends hear of it a little later. `offer`: called with a DmlRoute, answers a Result.
/// Errors: of `pick_route` and `offer`; `Cancelled`.
template <typename Offer>
[[nodiscard]] auto offer_until_taken(const SessionServices& services, DatabaseId database, const pb::CatalogObject& table,
                                     const CancelFlag& cancel, Offer offer) -> decltype(offer(std::declval<const DmlRoute&>())) {
  constexpr int kMostOffers = 20;
  for (int attempt = 1;; ++attempt) {
    PENSTOCK_TRY(before_offer(services, database, cancel, attempt));
    const auto route = pick_route(services, CatalogView(services.meta.view(), database), table);
    auto taken = route.has_error() ? decltype(offer(route.value()))(route.error()) : offer(route.value());
    if (taken.has_value() || taken.error().code() != Code::Unavailable) return taken;
    if (attempt == kMostOffers) return nobody_takes(table);
  }
}

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
