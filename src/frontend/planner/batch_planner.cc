#include "frontend/planner/batch_planner.h"

#include <algorithm>

#include "expr/pb_types.h"
#include "frontend/planner/call_proto.h"
#include "frontend/planner/key_range.h"
#include "frontend/planner/message_depth.h"
#include "frontend/planner/plan_text.h"

namespace penstock::frontend {
namespace {

using batch_plan::PlanPtr;

// A filter is sent to other nodes with its scan, in messages that may not be nested deeper than this.
constexpr int kMaxFilterDepth = 80;

std::vector<pb::Expr> protos_of(const std::vector<Expr>& exprs) {
  std::vector<pb::Expr> out;
  out.reserve(exprs.size());
  for (const Expr& e : exprs) out.push_back(to_proto(e));
  return out;
}

std::string texts_of(const std::vector<Expr>& exprs, std::span<const std::string> names) {
  std::vector<std::string> texts;
  for (const Expr& e : exprs) texts.push_back(to_string(e, names));
  return list_text(texts);
}

template <typename Keys>
std::string order_text(const Keys& keys, std::span<const std::string> names) {
  std::vector<std::string> texts;
  for (const auto& key : keys) {
    texts.push_back(fmt::format("{} {}{}", names[key.column], key.descending ? "DESC" : "ASC",
                                key.nulls_first == key.descending ? ""
                                : key.nulls_first                 ? " NULLS FIRST"
                                                                  : " NULLS LAST"));
  }
  return list_text(texts);
}

struct Lowering {
  const logical::Plan& plan;
  batch_plan::Plan& out;

  void operator()(const logical::Scan& scan) const { make_scan(scan, nullptr); }
  void operator()(const logical::SystemScan& scan) const {
    out.node = batch_plan::SystemScan{scan.relation->schema, scan.relation->name, scan.columns};
    out.identity =
        fmt::format("BatchSystemScan {{ relation: {}.{}, columns: {} }}", scan.relation->schema, scan.relation->name, list_text(names()));
  }
  void operator()(const logical::Values& values) const {
    batch_plan::Values node;
    std::vector<std::string> rows;
    for (const auto& row : values.rows) {
      node.rows.push_back(protos_of(row));
      if (rows.size() < 10) rows.push_back(texts_of(row, {}));
    }
    const std::string more = values.rows.size() > rows.size() ? fmt::format(", … {} rows", values.rows.size()) : "";
    out.identity = fmt::format("BatchValues {{ rows: [{}{}] }}", fmt::join(rows, ", "), more);
    out.node = std::move(node);
  }
  void operator()(const logical::Filter& filter) const {
    const auto* scan = plan.input().as<logical::Scan>();
    const auto predicate = to_proto(filter.predicate);
    if (scan != nullptr && message_depth(predicate) <= kMaxFilterDepth) return make_scan(*scan, &filter.predicate);
    inputs();
    out.node = batch_plan::Filter{predicate};
    out.identity = fmt::format("BatchFilter {{ predicate: {} }}", to_string(filter.predicate, input_names()));
  }
  void operator()(const logical::Project& project) const {
    inputs();
    out.node = batch_plan::Project{protos_of(project.exprs)};
    out.identity = fmt::format("BatchProject {{ exprs: {} }}", texts_of(project.exprs, input_names()));
  }
  void operator()(const logical::Aggregate& aggregate) const {
    inputs();
    batch_plan::HashAgg node{aggregate.keys, {}};
    std::vector<std::string> texts;
    for (const auto& call : aggregate.calls) {
      node.calls.push_back(to_proto(call));
      texts.push_back(aggregate_text(call, input_names()));
    }
    out.node = std::move(node);
    out.identity = aggregate.keys.empty() ? fmt::format("BatchSimpleAgg {{ aggs: {} }}", list_text(texts))
                                          : fmt::format("BatchHashAgg {{ group_key: {}, aggs: {} }}",
                                                        pick_text(input_names(), aggregate.keys), list_text(texts));
  }
  void operator()(const logical::Join& join) const {
    inputs();
    batch_plan::HashJoin node{static_cast<batch_plan::JoinKind>(join.kind), join.keys, std::nullopt, join.output};
    if (join.condition) node.condition = to_proto(*join.condition);
    out.node = std::move(node);
    out.identity = fmt::format("{} {{ type: {}, predicate: {} }}", join.keys.empty() ? "BatchNestedLoopJoin" : "BatchHashJoin",
                               join_name(join.kind), join_text(join, input_names(0), input_names(1)));
  }
  void operator()(const logical::Window& window) const {
    inputs();
    out.node = batch_plan::Window{window.time_column, window.slide_micros, window.size_micros, window.output};
    out.identity = fmt::format("{} {{ {} }}", window.slide_micros == window.size_micros ? "BatchTumble" : "BatchHopWindow",
                               window_text(window, input_names()));
  }
  void operator()(const logical::UnionAll& /*all*/) const {
    inputs();
    out.node = batch_plan::UnionAll{};
    out.identity = "BatchUnion { all: true }";
  }
  void operator()(const logical::Sort& sort) const {
    inputs();
    batch_plan::Sort node;
    for (const auto& key : sort.keys) node.keys.push_back({key.column, key.descending, key.nulls_first});
    out.identity = fmt::format("BatchSort {{ order: {} }}", order_text(node.keys, input_names()));
    out.node = std::move(node);
  }
  void operator()(const logical::Limit& limit) const {
    inputs();
    out.node = batch_plan::Limit{limit.count, limit.offset};
    out.identity = fmt::format("BatchLimit {{ limit: {}, offset: {} }}", limit.count ? std::to_string(*limit.count) : "ALL", limit.offset);
    uint64_t wanted = 0;
    if (!limit.count || __builtin_add_overflow(*limit.count, limit.offset, &wanted)) return;
    // The projection between drops sort keys that the user did not ask for.
    batch_plan::Plan* below = out.inputs[0].get();
    if (std::holds_alternative<batch_plan::Project>(below->node)) below = below->inputs[0].get();
    if (auto* sort = std::get_if<batch_plan::Sort>(&below->node)) sort->limit = wanted;
  }

 private:
  [[nodiscard]] std::vector<std::string> names() const { return logical::column_names(plan); }
  [[nodiscard]] std::vector<std::string> input_names(size_t i = 0) const { return logical::column_names(plan.input(i)); }
  void inputs() const {
    for (const auto& input : plan.inputs) out.inputs.push_back(plan_batch(*input));
  }
  void make_scan(const logical::Scan& scan, const Expr* filter) const {
    batch_plan::Scan node{.object_id = scan.object->id(), .table = scan.object->table(), .columns = scan.columns};
    std::string more;
    if (filter != nullptr) {
      node.filter = to_proto(*filter);
      node.range = key_range(*filter, scan);
      more = fmt::format(", filter: {}", to_string(*filter, names()));
      if (!node.range.whole_table()) more += fmt::format(", scan_range: {}", to_string(node.range, node.table));
    }
    out.identity = fmt::format("BatchScan {{ table: {}, columns: {}{} }}", scan.object->name(), list_text(names()), more);
    out.node = std::move(node);
  }
};

}  // namespace

PlanPtr plan_batch(const logical::Plan& plan) {
  auto out = std::make_unique<batch_plan::Plan>();
  for (const auto& c : plan.columns) out->fields.push_back({c.name, c.type});
  std::visit(Lowering{plan, *out}, plan.node);
  return out;
}

}  // namespace penstock::frontend
