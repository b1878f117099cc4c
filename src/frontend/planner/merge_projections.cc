#include <algorithm>
#include <iterator>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

bool is_identity(const Plan& plan) {
  const auto& exprs = plan.as<Project>()->exprs;
  if (exprs.size() != plan.input().width()) return false;
  for (uint32_t i = 0; i < exprs.size(); ++i) {
    if (!exprs[i].is_column() || exprs[i].index != i) return false;
  }
  return true;
}

// Nothing that costs is computed more often than before, and no expression grows too deep.
bool may_merge(const std::vector<Expr>& outer, const std::vector<Expr>& inner) {
  std::vector<uint32_t> uses(inner.size());
  uint32_t deepest = 0;
  for (const Expr& e : outer) {
    for_each_column(e, [&](uint32_t c) { ++uses[c]; });
    deepest = std::max(deepest, e.depth);
  }
  for (size_t i = 0; i < inner.size(); ++i) {
    if (uses[i] > 1 && inner[i].kind == Expr::Kind::Call) return false;
    if (uses[i] > 0 && inner[i].depth + deepest > kMaxExprDepth) return false;
  }
  return true;
}

// A selection of columns is done by what gives them, where that picks its columns anyway.
bool absorbed(const std::vector<Expr>& exprs, Plan& input) {
  std::vector<uint32_t> picks;
  for (const Expr& e : exprs) {
    if (!e.is_column() || std::find(picks.begin(), picks.end(), e.index) != picks.end()) return false;
    picks.push_back(e.index);
  }
  if (picks.empty()) return false;
  const auto pick = [&](std::vector<uint32_t>& from) {
    std::vector<uint32_t> to;
    for (const uint32_t p : picks) to.push_back(from[p]);
    from = std::move(to);
  };
  if (auto* join = input.as<Join>()) {
    pick(join->output);
  } else if (auto* window = input.as<Window>()) {
    pick(window->output);
  } else if (auto* scan = input.as<Scan>()) {
    pick(scan->columns);
  } else if (auto* system = input.as<SystemScan>()) {
    pick(system->columns);
  } else {
    return false;
  }
  refresh_columns(input);
  return true;
}

// UNION ALL of UNION ALLs is one of all their inputs.
void flatten_union(Plan& plan) {
  std::vector<PlanPtr> inputs;
  for (PlanPtr& input : plan.inputs) {
    if (input->as<UnionAll>() == nullptr) {
      inputs.push_back(std::move(input));
    } else {
      std::move(input->inputs.begin(), input->inputs.end(), std::back_inserter(inputs));
    }
  }
  plan.inputs = std::move(inputs);
}

}  // namespace

PlanPtr merge_projections(PlanPtr plan) {
  for (PlanPtr& input : plan->inputs) input = merge_projections(std::move(input));
  if (plan->as<UnionAll>() != nullptr) flatten_union(*plan);
  auto* outer = plan->as<Project>();
  if (outer == nullptr) return plan;
  if (auto* inner = plan->input().as<Project>(); inner != nullptr && may_merge(outer->exprs, inner->exprs)) {
    for (Expr& e : outer->exprs) {
      e = replace_columns(std::move(e), [&](const Expr& c) { return inner->exprs[c.index]; });
    }
    plan->inputs[0] = std::move(plan->input().inputs[0]);
  }
  if (!is_identity(*plan)) return plan;
  // Names are for people: the ones nearer to the user are better, but not at the price of a node.
  return std::move(plan->inputs[0]);
}

PlanPtr absorb_selections(PlanPtr plan) {
  for (PlanPtr& input : plan->inputs) input = absorb_selections(std::move(input));
  const auto* project = plan->as<Project>();
  if (project == nullptr || !absorbed(project->exprs, plan->input())) return plan;
  return std::move(plan->inputs[0]);
}

}  // namespace penstock::frontend::rules
