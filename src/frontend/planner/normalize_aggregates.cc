#include <algorithm>
#include <numeric>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

// order[i] is the old place of what is now at i.
std::vector<uint32_t> inverse(const std::vector<uint32_t>& order) {
  std::vector<uint32_t> to(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) to[order[i]] = i;
  return to;
}

std::vector<uint32_t> sorted_order(const std::vector<std::string>& texts) {
  std::vector<uint32_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return std::tie(texts[a], a) < std::tie(texts[b], b); });
  return order;
}

// The columns of the projection below by what they compute.
void sort_arguments(Plan& plan) {
  auto& aggregate = *plan.as<Aggregate>();
  auto* project = plan.input().as<Project>();
  if (project == nullptr) return;
  std::vector<std::string> texts;
  for (const Expr& e : project->exprs) {
    // Plain columns first and by number, as they stand where no projection is left.
    texts.push_back(e.is_column() ? fmt::format("{:09}", e.index) : fmt::format("{}:{}", to_string(e, {}), e.type.to_string()));
  }
  const auto order = sorted_order(texts);
  const auto place = inverse(order);
  std::vector<Expr> exprs;
  std::vector<Column> columns;
  for (const uint32_t i : order) {
    exprs.push_back(std::move(project->exprs[i]));
    columns.push_back(plan.input().columns[i]);
  }
  project->exprs = std::move(exprs);
  plan.input().columns = std::move(columns);
  for (uint32_t& key : aggregate.keys) key = place[key];
  for (AggCall& call : aggregate.calls) {
    for (uint32_t& arg : call.args) arg = place[arg];
    if (call.filter) call.filter = place[*call.filter];
  }
}

std::string text_of(const AggCall& call) {
  return fmt::format("{}({}){}{}", call.function, fmt::join(call.args, ","), call.distinct ? " distinct" : "",
                     call.filter ? fmt::format(" filter {}", *call.filter) : std::string());
}

}  // namespace

PlanPtr normalize_aggregates(PlanPtr plan) {
  for (PlanPtr& input : plan->inputs) input = normalize_aggregates(std::move(input));
  auto* aggregate = plan->as<Aggregate>();
  if (aggregate == nullptr) return plan;
  sort_arguments(*plan);
  const auto key_count = static_cast<uint32_t>(aggregate->keys.size());
  std::vector<uint32_t> picks;  // of the new output, in the old order
  std::vector<std::string> key_texts, call_texts;
  for (const uint32_t key : aggregate->keys) key_texts.push_back(fmt::format("{:09}", key));
  for (const AggCall& call : aggregate->calls) call_texts.push_back(text_of(call));
  const auto key_order = sorted_order(key_texts), call_order = sorted_order(call_texts);
  for (const uint32_t place : inverse(key_order)) picks.push_back(place);
  for (const uint32_t place : inverse(call_order)) picks.push_back(key_count + place);
  if (std::is_sorted(picks.begin(), picks.end())) return plan;
  const Aggregate before = std::move(*aggregate);
  aggregate->keys.clear();
  aggregate->calls.clear();
  for (const uint32_t i : key_order) aggregate->keys.push_back(before.keys[i]);
  for (const uint32_t i : call_order) aggregate->calls.push_back(before.calls[i]);
  refresh_columns(*plan);
  return make_selection(std::move(plan), picks);
}

}  // namespace penstock::frontend::rules
