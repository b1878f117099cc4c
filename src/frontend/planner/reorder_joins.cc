#include <algorithm>
#include <numeric>
#include <set>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

// A tree of inner joins laid flat. Columns are numbered over all relations in the order they were written.
struct JoinGroup {
  std::vector<PlanPtr> relations;
  std::vector<uint32_t> first_column;  // of each relation
  std::vector<Expr> conditions;
  uint32_t width = 0;

  void add(PlanPtr plan) {
    auto* join = plan->as<Join>();
    if (join == nullptr || join->kind != JoinKind::Inner) {
      first_column.push_back(width);
      width += static_cast<uint32_t>(plan->width());
      relations.push_back(std::move(plan));
      return;
    }
    const uint32_t base = width;
    add(std::move(plan->inputs[0]));
    add(std::move(plan->inputs[1]));
    if (!join->condition) return;
    for (Expr& e : split_conjunction(std::move(*join->condition))) conditions.push_back(shift_columns(std::move(e), base));
  }

  [[nodiscard]] size_t relation_of(uint32_t column) const {
    return static_cast<size_t>(std::upper_bound(first_column.begin(), first_column.end(), column) - first_column.begin()) - 1;
  }
};

// For each `a = b` between two relations: the two.
std::vector<std::pair<size_t, size_t>> links_of(const JoinGroup& group) {
  std::vector<std::pair<size_t, size_t>> links;
  for (const Expr& e : group.conditions) {
    if (!e.is_call("equal")) continue;
    std::set<size_t> sides[2];
    for (const int side : {0, 1}) for_each_column(e.args[side], [&](uint32_t c) { sides[side].insert(group.relation_of(c)); });
    if (sides[0].size() == 1 && sides[1].size() == 1 && sides[0] != sides[1]) links.emplace_back(*sides[0].begin(), *sides[1].begin());
  }
  return links;
}

// As written, but a relation that nothing links to those before it waits for one that does.
std::vector<size_t> order_of(const JoinGroup& group) {
  const auto links = links_of(group);
  std::vector<size_t> order = {0}, waiting(group.relations.size() - 1);
  std::iota(waiting.begin(), waiting.end(), size_t{1});
  const auto joined = [&](size_t r) { return std::find(order.begin(), order.end(), r) != order.end(); };
  while (!waiting.empty()) {
    const auto linked = std::find_if(waiting.begin(), waiting.end(), [&](size_t r) {
      return std::any_of(links.begin(), links.end(),
                         [&](const auto& l) { return (l.first == r && joined(l.second)) || (l.second == r && joined(l.first)); });
    });
    const auto next = linked == waiting.end() ? waiting.begin() : linked;
    order.push_back(*next);
    waiting.erase(next);
  }
  return order;
}

PlanPtr rebuilt(JoinGroup group, const std::vector<size_t>& order) {
  std::vector<uint32_t> place(group.width);  // of each written column in the new order
  uint32_t next = 0;
  PlanPtr plan;
  for (const size_t r : order) {
    for (uint32_t c = 0; c < group.relations[r]->width(); ++c) place[group.first_column[r] + c] = next++;
    plan = plan ? make_join(std::move(plan), std::move(group.relations[r]), JoinKind::Inner, std::nullopt) : std::move(group.relations[r]);
  }
  for (Expr& e : group.conditions) e = map_columns(std::move(e), place);
  if (!group.conditions.empty()) plan = make_filter(std::move(plan), conjunction(std::move(group.conditions)));
  return make_selection(std::move(plan), place);
}

}  // namespace

PlanPtr reorder_joins(PlanPtr plan) {
  const auto* join = plan->as<Join>();
  if (join == nullptr || join->kind != JoinKind::Inner) {
    for (PlanPtr& input : plan->inputs) input = reorder_joins(std::move(input));
    return plan;
  }
  JoinGroup group;
  group.add(std::move(plan));
  for (PlanPtr& relation : group.relations) relation = reorder_joins(std::move(relation));
  const auto order = order_of(group);
  return rebuilt(std::move(group), order);
}

}  // namespace penstock::frontend::rules
