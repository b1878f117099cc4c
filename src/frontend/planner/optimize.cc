#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {

PlanPtr optimize(PlanPtr plan) {
  plan = push_filters(std::move(plan));
  plan = reorder_joins(std::move(plan));
  plan = push_filters(std::move(plan));
  plan = extract_join_keys(std::move(plan));
  plan = merge_projections(std::move(plan));
  plan = prune_columns(std::move(plan));
  plan = merge_projections(std::move(plan));
  plan = normalize_aggregates(std::move(plan));
  plan = merge_projections(std::move(plan));
  return absorb_selections(std::move(plan));
}

}  // namespace penstock::frontend::rules
