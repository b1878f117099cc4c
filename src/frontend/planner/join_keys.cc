#include <algorithm>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

// One side of a join that may have to compute keys that are expressions.
struct Side {
  PlanPtr plan;
  std::vector<Expr> computed;
  uint32_t width = 0;

  // The column that holds `key`, which is over this side's columns.
  uint32_t column_for(const Expr& key) {
    if (key.is_column()) return key.index;
    const auto found = std::find(computed.begin(), computed.end(), key);
    const auto column = width + static_cast<uint32_t>(found - computed.begin());
    if (found == computed.end()) computed.push_back(key);
    return column;
  }

  PlanPtr finish() {
    if (computed.empty()) return std::move(plan);
    std::vector<Expr> exprs;
    auto names = column_names(*plan);
    for (uint32_t i = 0; i < width; ++i) exprs.push_back(column_of(*plan, i));
    for (const Expr& e : computed) {
      names.push_back(to_string(e, std::span(names).first(width)));
      exprs.push_back(e);
    }
    return make_project(std::move(plan), std::move(exprs), std::move(names));
  }
};

enum class Reads { Nothing, Left, Right, Both };

Reads reads(const Expr& e, uint32_t left_width) {
  bool left = false, right = false;
  for_each_column(e, [&](uint32_t c) { (c < left_width ? left : right) = true; });
  return left ? (right ? Reads::Both : Reads::Left) : (right ? Reads::Right : Reads::Nothing);
}

void extract(Plan& plan) {
  auto& join = *plan.as<Join>();
  if (!join.condition) return;
  Side left{std::move(plan.inputs[0]), {}, 0}, right{std::move(plan.inputs[1]), {}, 0};
  left.width = static_cast<uint32_t>(left.plan->width());
  right.width = static_cast<uint32_t>(right.plan->width());
  std::vector<Expr> rest;
  for (Expr& part : split_conjunction(std::move(*join.condition))) {
    const auto first = part.is_call("equal") ? reads(part.args[0], left.width) : Reads::Nothing;
    const auto second = part.is_call("equal") ? reads(part.args[1], left.width) : Reads::Nothing;
    const bool across = (first == Reads::Left && second == Reads::Right) || (first == Reads::Right && second == Reads::Left);
    // Hash tables compare by bytes: only values of one type.
    if (!across || part.args[0].type.kind != part.args[1].type.kind) {
      rest.push_back(std::move(part));
      continue;
    }
    const Expr& on_left = part.args[first == Reads::Left ? 0 : 1];
    const Expr on_right = shift_columns(part.args[first == Reads::Left ? 1 : 0], -static_cast<int64_t>(left.width));
    const std::pair key{left.column_for(on_left), right.column_for(on_right)};
    // A column keyed twice (a.x = b.y AND a.x = b.z): the second is an ordinary condition.
    const bool taken =
        std::any_of(join.keys.begin(), join.keys.end(), [&](const auto& k) { return k.first == key.first || k.second == key.second; });
    if (taken) {
      rest.push_back(std::move(part));
    } else {
      join.keys.push_back(key);
    }
  }
  // Computed keys push the right side's columns back.
  const auto shift = static_cast<uint32_t>(left.computed.size());
  const auto moved = [&](uint32_t c) { return c < left.width ? c : c + shift; };
  for (uint32_t& c : join.output) c = moved(c);
  join.condition.reset();
  if (!rest.empty()) {
    join.condition =
        replace_columns(conjunction(std::move(rest)), [&](const Expr& c) { return Expr::column(moved(c.index), c.type, c.position); });
  }
  plan.inputs[0] = left.finish();
  plan.inputs[1] = right.finish();
}

}  // namespace

PlanPtr extract_join_keys(PlanPtr plan) {
  for (PlanPtr& input : plan->inputs) input = extract_join_keys(std::move(input));
  if (plan->as<Join>() != nullptr) extract(*plan);
  return plan;
}

}  // namespace penstock::frontend::rules
