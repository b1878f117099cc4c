#include <algorithm>
#include <array>

#include "frontend/planner/rules.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

using Columns = std::vector<uint32_t>;  // ascending, each once

constexpr uint32_t kDropped = UINT32_MAX;

// Which columns of a node are wanted.
class Needed {
 public:
  explicit Needed(size_t width) : wanted_(width) {}
  Needed(size_t width, const Columns& columns) : wanted_(width) {
    for (const uint32_t c : columns) add(c);
  }
  void add(uint32_t column) { wanted_[column] = true; }
  void add(const Expr& e) {
    for_each_column(e, [this](uint32_t c) { add(c); });
  }
  [[nodiscard]] Columns columns() const {
    Columns out;
    for (uint32_t i = 0; i < wanted_.size(); ++i) {
      if (wanted_[i]) out.push_back(i);
    }
    return out;
  }

 private:
  std::vector<bool> wanted_;
};

// Where each column of the old width is now.
std::vector<uint32_t> mapping_of(size_t width, const Columns& kept) {
  std::vector<uint32_t> mapping(width, kDropped);
  for (uint32_t i = 0; i < kept.size(); ++i) mapping[kept[i]] = i;
  return mapping;
}

PlanPtr prune(PlanPtr plan, const Columns& columns);

// A node that passes its input's columns on: what it reads itself is dropped above it.
PlanPtr selected(PlanPtr plan, const Columns& kept, const Columns& wanted) {
  if (kept == wanted) return plan;
  const auto mapping = mapping_of(kept.empty() ? 0 : kept.back() + 1, kept);
  Columns picks;
  for (const uint32_t c : wanted) picks.push_back(mapping[c]);
  return make_selection(std::move(plan), picks);
}

// Only the number of rows matters, but a chunk needs a column: the narrowest.
uint32_t cheapest(const Plan& plan) {
  const auto cost = [](data::TypeKind kind) {
    switch (kind) {
      case data::TypeKind::Boolean: return 1;
      case data::TypeKind::Int16: return 2;
      case data::TypeKind::Int32:
      case data::TypeKind::Float32:
      case data::TypeKind::Date: return 4;
      case data::TypeKind::Int64:
      case data::TypeKind::Float64:
      case data::TypeKind::Timestamp: return 8;
      default: return 16;
    }
  };
  const auto best = std::min_element(plan.columns.begin(), plan.columns.end(),
                                     [&](const Column& a, const Column& b) { return cost(a.type.kind) < cost(b.type.kind); });
  return static_cast<uint32_t>(best - plan.columns.begin());
}

PlanPtr prune_input(PlanPtr input, Columns& columns) {
  // Under a projection to nothing there is nothing of it to keep.
  while (columns.empty() && input->as<Project>() != nullptr) input = std::move(input->inputs[0]);
  if (columns.empty() && input->width() > 0) columns = {cheapest(*input)};
  return prune(std::move(input), columns);
}

struct Pruner {
  PlanPtr plan;
  const Columns& wanted;

  PlanPtr operator()(Scan& scan) {
    Columns columns;
    for (const uint32_t c : wanted) columns.push_back(scan.columns[c]);
    scan.columns = std::move(columns);
    return done();
  }
  PlanPtr operator()(SystemScan& scan) {
    Columns columns;
    for (const uint32_t c : wanted) columns.push_back(scan.columns[c]);
    scan.columns = std::move(columns);
    return done();
  }
  PlanPtr operator()(Values& values) {
    std::vector<Column> columns;
    for (const uint32_t c : wanted) columns.push_back(plan->columns[c]);
    for (auto& row : values.rows) {
      std::vector<Expr> cells;
      for (const uint32_t c : wanted) cells.push_back(std::move(row[c]));
      row = std::move(cells);
    }
    plan->columns = std::move(columns);
    return std::move(plan);
  }
  PlanPtr operator()(Project& project) {
    std::vector<Expr> exprs;
    std::vector<Column> columns;
    Needed below(plan->input().width());
    for (const uint32_t c : wanted) {
      below.add(project.exprs[c]);
      exprs.push_back(std::move(project.exprs[c]));
      columns.push_back(plan->columns[c]);
    }
    Columns kept = below.columns();
    const size_t width = plan->input().width();
    plan->inputs[0] = prune_input(std::move(plan->inputs[0]), kept);
    const auto mapping = mapping_of(width, kept);
    for (Expr& e : exprs) e = map_columns(std::move(e), mapping);
    project.exprs = std::move(exprs);
    plan->columns = std::move(columns);
    return done();
  }
  PlanPtr operator()(Filter& filter) {
    Needed below(plan->width(), wanted);
    below.add(filter.predicate);
    return pass_through(below.columns(), [&](const std::vector<uint32_t>& mapping) {
      filter.predicate = map_columns(std::move(filter.predicate), mapping);
    });
  }
  PlanPtr operator()(Sort& sort) {
    Needed below(plan->width(), wanted);
    for (const SortKey& key : sort.keys) below.add(key.column);
    return pass_through(below.columns(), [&](const std::vector<uint32_t>& mapping) {
      for (SortKey& key : sort.keys) key.column = mapping[key.column];
    });
  }
  PlanPtr operator()(Limit& /*limit*/) {
    return pass_through(wanted, [](const std::vector<uint32_t>&) {});
  }
  PlanPtr operator()(UnionAll& /*all*/) {
    for (PlanPtr& input : plan->inputs) input = prune(std::move(input), wanted);
    return done();
  }
  PlanPtr operator()(Aggregate& aggregate) {
    const auto key_count = static_cast<uint32_t>(aggregate.keys.size());
    const size_t width = plan->input().width();
    Columns kept;  // of the output: all keys, the calls that are wanted
    for (uint32_t i = 0; i < key_count; ++i) kept.push_back(i);
    Needed below(width, aggregate.keys);
    std::vector<AggCall> calls;
    for (const uint32_t c : wanted) {
      if (c < key_count) continue;
      kept.push_back(c);
      calls.push_back(std::move(aggregate.calls[c - key_count]));
      for (const uint32_t arg : calls.back().args) below.add(arg);
      if (calls.back().filter) below.add(*calls.back().filter);
    }
    Columns input_columns = below.columns();
    plan->inputs[0] = prune_input(std::move(plan->inputs[0]), input_columns);
    const auto mapping = mapping_of(width, input_columns);
    for (uint32_t& key : aggregate.keys) key = mapping[key];
    for (AggCall& call : calls) {
      for (uint32_t& arg : call.args) arg = mapping[arg];
      if (call.filter) call.filter = mapping[*call.filter];
    }
    aggregate.calls = std::move(calls);
    return selected(done(), kept, wanted);
  }
  PlanPtr operator()(Join& join) {
    const size_t left_width = plan->input(0).width(), right_width = plan->input(1).width();
    Needed left(left_width), right(right_width);
    const auto need = [&](uint32_t c) { c < left_width ? left.add(c) : right.add(static_cast<uint32_t>(c - left_width)); };
    Columns output;
    for (const uint32_t c : wanted) output.push_back(join.output[c]);
    for (const uint32_t c : output) need(c);
    for (const auto& [l, r] : join.keys) {
      left.add(l);
      right.add(r);
    }
    if (join.condition) for_each_column(*join.condition, need);
    Columns left_kept = left.columns(), right_kept = right.columns();
    plan->inputs[0] = prune_input(std::move(plan->inputs[0]), left_kept);
    plan->inputs[1] = prune_input(std::move(plan->inputs[1]), right_kept);
    auto mapping = mapping_of(left_width, left_kept);
    const auto right_mapping = mapping_of(right_width, right_kept);
    const auto new_left = static_cast<uint32_t>(plan->input(0).width());
    for (auto& [l, r] : join.keys) {
      l = mapping[l];
      r = right_mapping[r];
    }
    for (const uint32_t c : right_mapping) mapping.push_back(c == kDropped ? kDropped : c + new_left);
    for (uint32_t& c : output) c = mapping[c];
    if (join.condition) join.condition = map_columns(std::move(*join.condition), mapping);
    join.output = std::move(output);
    return done();
  }
  PlanPtr operator()(Window& window) {
    const size_t width = plan->input().width();
    Needed below(width);
    below.add(window.time_column);
    Columns output;
    for (const uint32_t c : wanted) {
      output.push_back(window.output[c]);
      if (output.back() < width) below.add(output.back());
    }
    Columns kept = below.columns();
    plan->inputs[0] = prune_input(std::move(plan->inputs[0]), kept);
    const auto mapping = mapping_of(width, kept);
    for (uint32_t& c : output) c = c < width ? mapping[c] : static_cast<uint32_t>(c - width + kept.size());
    window.time_column = mapping[window.time_column];
    window.output = std::move(output);
    return done();
  }

 private:
  PlanPtr done() {
    refresh_columns(*plan);
    return std::move(plan);
  }
  template <typename Remap>
  PlanPtr pass_through(Columns kept, Remap&& remap) {
    const size_t width = plan->width();
    plan->inputs[0] = prune_input(std::move(plan->inputs[0]), kept);
    remap(mapping_of(width, kept));
    return selected(done(), kept, wanted);
  }
};

// Exactly `columns`, in this order, are left.
PlanPtr prune(PlanPtr plan, const Columns& columns) {
  Plan& node = *plan;
  return std::visit(Pruner{std::move(plan), columns}, node.node);
}

}  // namespace

PlanPtr prune_columns(PlanPtr plan) {
  Columns all(plan->width());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  return prune(std::move(plan), all);
}

}  // namespace penstock::frontend::rules
