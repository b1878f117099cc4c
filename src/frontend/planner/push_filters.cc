#include <algorithm>
#include <functional>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

using Predicates = std::vector<Expr>;

PlanPtr push(PlanPtr plan, Predicates predicates);

PlanPtr filtered(PlanPtr plan, Predicates predicates) {
  if (predicates.empty()) return plan;
  return make_filter(std::move(plan), conjunction(std::move(predicates)));
}

bool reads_only(const Expr& e, const std::function<bool(uint32_t)>& allowed) {
  bool only = true;
  for_each_column(e, [&](uint32_t c) { only &= allowed(c); });
  return only;
}

// Takes those out of `from` for which `test` holds.
template <typename Test>
Predicates take_if(Predicates& from, Test&& test) {
  Predicates taken, left;
  for (Expr& e : from) (test(e) ? taken : left).push_back(std::move(e));
  from = std::move(left);
  return taken;
}

PlanPtr through_project(PlanPtr plan, Predicates predicates) {
  const auto& exprs = plan->as<Project>()->exprs;
  Predicates below, above;
  for (Expr& e : predicates) {
    Expr substituted = replace_columns(e, [&](const Expr& c) { return exprs[c.index]; });
    if (substituted.depth <= kMaxExprDepth) {
      below.push_back(std::move(substituted));
    } else {
      above.push_back(std::move(e));
    }
  }
  plan->inputs[0] = push(std::move(plan->inputs[0]), std::move(below));
  return filtered(std::move(plan), std::move(above));
}

PlanPtr through_aggregate(PlanPtr plan, Predicates predicates) {
  const auto keys = plan->as<Aggregate>()->keys;
  Predicates below = take_if(predicates, [&](const Expr& e) {
    bool any = false;
    for_each_column(e, [&](uint32_t) { any = true; });
    return any && reads_only(e, [&](uint32_t c) { return c < keys.size(); });
  });
  for (Expr& e : below) e = map_columns(std::move(e), keys);
  plan->inputs[0] = push(std::move(plan->inputs[0]), std::move(below));
  return filtered(std::move(plan), std::move(predicates));
}

PlanPtr through_window(PlanPtr plan, Predicates predicates) {
  const auto output = plan->as<Window>()->output;
  const auto width = plan->input().width();
  Predicates below = take_if(predicates, [&](const Expr& e) { return reads_only(e, [&](uint32_t c) { return output[c] < width; }); });
  for (Expr& e : below) e = map_columns(std::move(e), output);
  plan->inputs[0] = push(std::move(plan->inputs[0]), std::move(below));
  return filtered(std::move(plan), std::move(predicates));
}

// Predicates on a side may go below the join if rows of that side only disappear with what they would have matched: the sides that an
// outer join keeps take those from above, the others those of the join's own condition.
PlanPtr through_join(PlanPtr plan, Predicates predicates) {
  auto& join = *plan->as<Join>();
  const auto left_width = static_cast<uint32_t>(plan->input(0).width());
  for (Expr& e : predicates) e = map_columns(std::move(e), join.output);
  Predicates condition;
  if (join.condition) condition = split_conjunction(std::move(*join.condition));
  Predicates above = std::move(predicates);
  if (join.kind == JoinKind::Inner) {
    std::move(above.begin(), above.end(), std::back_inserter(condition));
    above.clear();
  }
  const auto on_left = [&](const Expr& e) { return reads_only(e, [&](uint32_t c) { return c < left_width; }); };
  const auto on_right = [&](const Expr& e) { return reads_only(e, [&](uint32_t c) { return c >= left_width; }); };
  Predicates left, right;
  const auto move_to = [](Predicates from, Predicates& to) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
  if (join.kind == JoinKind::Left) move_to(take_if(above, on_left), left);
  if (join.kind == JoinKind::Right) move_to(take_if(above, on_right), right);
  if (join.kind == JoinKind::Inner || join.kind == JoinKind::Right) move_to(take_if(condition, on_left), left);
  if (join.kind == JoinKind::Inner || join.kind == JoinKind::Left) move_to(take_if(condition, on_right), right);
  for (Expr& e : right) e = shift_columns(std::move(e), -static_cast<int64_t>(left_width));
  join.condition.reset();
  if (!condition.empty()) join.condition = conjunction(std::move(condition));
  // Back from (left, right) to the output, which holds every column a predicate from above can read.
  std::vector<uint32_t> position(left_width + plan->input(1).width());
  for (uint32_t i = 0; i < join.output.size(); ++i) position[join.output[i]] = i;
  for (Expr& e : above) e = map_columns(std::move(e), position);
  plan->inputs[0] = push(std::move(plan->inputs[0]), std::move(left));
  plan->inputs[1] = push(std::move(plan->inputs[1]), std::move(right));
  return filtered(std::move(plan), std::move(above));
}

PlanPtr push(PlanPtr plan, Predicates predicates) {
  if (auto* filter = plan->as<Filter>()) {
    // The inner conditions first: they may protect the outer ones from values they cannot take.
    Predicates all = split_conjunction(std::move(filter->predicate));
    all.erase(std::remove_if(all.begin(), all.end(), [](const Expr& e) { return e.is_true(); }), all.end());
    std::move(predicates.begin(), predicates.end(), std::back_inserter(all));
    return push(std::move(plan->inputs[0]), std::move(all));
  }
  if (plan->as<Project>() != nullptr) return through_project(std::move(plan), std::move(predicates));
  if (plan->as<Aggregate>() != nullptr) return through_aggregate(std::move(plan), std::move(predicates));
  if (plan->as<Window>() != nullptr) return through_window(std::move(plan), std::move(predicates));
  if (plan->as<Join>() != nullptr) return through_join(std::move(plan), std::move(predicates));
  if (plan->as<UnionAll>() != nullptr || plan->as<Sort>() != nullptr) {
    for (PlanPtr& input : plan->inputs) input = push(std::move(input), predicates);
    return plan;
  }
  for (PlanPtr& input : plan->inputs) input = push(std::move(input), {});
  return filtered(std::move(plan), std::move(predicates));
}

}  // namespace

PlanPtr push_filters(PlanPtr plan) { return push(std::move(plan), {}); }

}  // namespace penstock::frontend::rules
