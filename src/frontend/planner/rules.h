#pragma once

#include <string>

#include "frontend/binder/plan.h"

/// Rewrites of the logical plan. Each keeps the result and the output columns of the whole; each takes the plan and gives it back.
namespace penstock::frontend::rules {

using logical::PlanPtr;

/// All of them in the order that serves a stream plan and a batch plan alike.
[[nodiscard]] PlanPtr optimize(PlanPtr plan);

/// Conditions as near to the relations as they can go; those of inner joins into the joins.
[[nodiscard]] PlanPtr push_filters(PlanPtr plan);
/// Inner joins in another order where the written one would make pairs of everything and another would not.
[[nodiscard]] PlanPtr reorder_joins(PlanPtr plan);
/// `a.x = b.y` from the condition of a join into its keys; sides that are expressions are computed below.
[[nodiscard]] PlanPtr extract_join_keys(PlanPtr plan);
/// Every node gives only the columns that are read.
[[nodiscard]] PlanPtr prune_columns(PlanPtr plan);
/// Projections on projections into one, those that change nothing away; unions of unions into one.
[[nodiscard]] PlanPtr merge_projections(PlanPtr plan);
/// A projection that only picks columns is done by the scan, window or join below, which picks its columns anyway.
[[nodiscard]] PlanPtr absorb_selections(PlanPtr plan);
/// Group keys and arguments in an order that does not depend on how the query was written, so that equal aggregations look equal.
[[nodiscard]] PlanPtr normalize_aggregates(PlanPtr plan);

/// Equal texts for plans that compute the same in the same way.
[[nodiscard]] std::string fingerprint(const logical::Plan& plan);

}  // namespace penstock::frontend::rules
