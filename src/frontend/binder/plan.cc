#include "frontend/binder/plan.h"

#include <numeric>

#include "expr/pb_types.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend::logical {
namespace {

template <typename T>
PlanPtr make(T node, std::vector<PlanPtr> inputs) {
  auto plan = std::make_unique<Plan>();
  plan->node = std::move(node);
  plan->inputs = std::move(inputs);
  if (!plan->inputs.empty()) plan->position = plan->inputs.front()->position;
  return plan;
}

template <typename... Inputs>
std::vector<PlanPtr> list(Inputs... inputs) {
  std::vector<PlanPtr> out;
  (out.push_back(std::move(inputs)), ...);
  return out;
}

// Types in the catalog were checked when they were written.
data::DataType type_of(const pb::DataType& type) {
  return {static_cast<data::TypeKind>(type.kind()), static_cast<int16_t>(type.precision()), static_cast<int16_t>(type.scale())};
}

std::vector<Column> join_columns(const Plan& plan) {
  std::vector<Column> all = plan.input(0).columns;
  all.insert(all.end(), plan.input(1).columns.begin(), plan.input(1).columns.end());
  return all;
}

std::vector<Column> window_columns(const Plan& plan) {
  std::vector<Column> all = plan.input().columns;
  all.push_back({"window_start", data::TypeKind::Timestamp});
  all.push_back({"window_end", data::TypeKind::Timestamp});
  return all;
}

std::vector<Column> pick(const std::vector<Column>& from, const std::vector<uint32_t>& columns) {
  std::vector<Column> out;
  out.reserve(columns.size());
  for (const uint32_t c : columns) out.push_back(from[c]);
  return out;
}

std::vector<uint32_t> iota(size_t n) {
  std::vector<uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

struct Refresh {
  Plan& plan;
  void operator()(const Scan& scan) const {
    plan.columns.clear();
    for (const uint32_t c : scan.columns) {
      const auto& column = scan.object->columns(static_cast<int>(c));
      plan.columns.push_back({column.name(), type_of(column.type())});
    }
  }
  void operator()(const SystemScan& scan) const {
    plan.columns.clear();
    for (const uint32_t c : scan.columns) plan.columns.push_back({scan.relation->columns[c].name, scan.relation->columns[c].type});
  }
  void operator()(const Values& values) const {
    for (size_t i = 0; i < plan.columns.size(); ++i) plan.columns[i].type = values.rows.front()[i].type;
  }
  void operator()(const Project& project) const {
    for (size_t i = 0; i < plan.columns.size(); ++i) plan.columns[i].type = project.exprs[i].type;
  }
  void operator()(const Aggregate& aggregate) const {
    plan.columns = pick(plan.input().columns, aggregate.keys);
    for (const AggCall& call : aggregate.calls) plan.columns.push_back({call.function, call.type});
  }
  void operator()(const Join& join) const { plan.columns = pick(join_columns(plan), join.output); }
  void operator()(const Window& window) const { plan.columns = pick(window_columns(plan), window.output); }
  void operator()(const Filter& /*filter*/) const { plan.columns = plan.input().columns; }
  void operator()(const UnionAll& /*all*/) const { plan.columns = plan.input().columns; }
  void operator()(const Sort& /*sort*/) const { plan.columns = plan.input().columns; }
  void operator()(const Limit& /*limit*/) const { plan.columns = plan.input().columns; }
};

PlanPtr refreshed(PlanPtr plan) {
  refresh_columns(*plan);
  return plan;
}

}  // namespace

void refresh_columns(Plan& plan) { std::visit(Refresh{plan}, plan.node); }

PlanPtr make_scan(const pb::CatalogObject& object, std::vector<uint32_t> columns, uint32_t position) {
  auto plan = make(Scan{&object, std::move(columns)}, {});
  plan->position = position;
  return refreshed(std::move(plan));
}

PlanPtr make_system_scan(const SystemRelation& relation, uint32_t position) {
  auto plan = make(SystemScan{&relation, iota(relation.columns.size())}, {});
  plan->position = position;
  return refreshed(std::move(plan));
}

PlanPtr make_one_row(uint32_t position) {
  Values values;
  values.rows.emplace_back();
  auto plan = make(std::move(values), {});
  plan->position = position;
  return plan;
}

PlanPtr make_filter(PlanPtr input, Expr predicate) { return refreshed(make(Filter{std::move(predicate)}, list(std::move(input)))); }

PlanPtr make_project(PlanPtr input, std::vector<Expr> exprs, std::vector<std::string> names) {
  auto plan = make(Project{std::move(exprs)}, list(std::move(input)));
  for (std::string& name : names) plan->columns.push_back({std::move(name), {}});
  return refreshed(std::move(plan));
}

PlanPtr make_selection(PlanPtr input, const std::vector<uint32_t>& columns) {
  std::vector<Expr> exprs;
  std::vector<std::string> names;
  for (const uint32_t c : columns) {
    exprs.push_back(column_of(*input, c));
    names.push_back(input->columns[c].name);
  }
  return make_project(std::move(input), std::move(exprs), std::move(names));
}

PlanPtr make_aggregate(PlanPtr input, Aggregate aggregate) { return refreshed(make(std::move(aggregate), list(std::move(input)))); }

PlanPtr make_join(PlanPtr left, PlanPtr right, JoinKind kind, std::optional<Expr> condition) {
  Join join{kind, {}, std::move(condition), iota(left->width() + right->width())};
  return refreshed(make(std::move(join), list(std::move(left), std::move(right))));
}

PlanPtr make_window(PlanPtr input, Window window) {
  window.output = iota(input->width() + 2);
  return refreshed(make(std::move(window), list(std::move(input))));
}

PlanPtr make_union(std::vector<PlanPtr> inputs) { return refreshed(make(UnionAll{}, std::move(inputs))); }

PlanPtr make_sort(PlanPtr input, std::vector<SortKey> keys) { return refreshed(make(Sort{std::move(keys)}, list(std::move(input)))); }

PlanPtr make_limit(PlanPtr input, Limit limit) { return refreshed(make(limit, list(std::move(input)))); }

Expr column_of(const Plan& plan, uint32_t column) { return Expr::column(column, plan.columns[column].type); }

std::vector<std::string> column_names(const Plan& plan) {
  std::vector<std::string> names;
  names.reserve(plan.columns.size());
  for (const Column& c : plan.columns) names.push_back(c.name);
  return names;
}

}  // namespace penstock::frontend::logical
