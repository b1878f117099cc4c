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

// Where only the number of rows matters, a chunk still needs a column: the narrowest.
uint32_t cheapest(const Plan& plan) {
  const auto cost = [](data::TypeKind kind) {
    switch (kind) {
      case data::TypeKind::Boolean:
        return 1;
      case data::TypeKind::Int16:
        return 2;
      case data::TypeKind::Int32:
      case data::TypeKind::Float32:
      case data::TypeKind::Date:
        return 4;
      case data::TypeKind::Int64:
      case data::TypeKind::Float64:
      case data::TypeKind::Timestamp:
        return 8;
      default:
        return 16;
    }
  };
  const auto best = std::min_element(plan.columns.begin(), plan.columns.end(),
                                     [&](const Column& a, const Column& b) { return cost(a.type.kind) < cost(b.type.kind); });
  return static_cast<uint32_t>(best - plan.columns.begin());
}

// Leaves `columns` of the input, or any one if none is wanted. Where each of its old columns is now.
std::vector<uint32_t> prune_input(PlanPtr& input, const Columns& columns) {
  const size_t width = input->width();
  if (!columns.empty()) {
    input = prune(std::move(input), columns);
    return mapping_of(width, columns);
  }
  // Under a projection to nothing there is nothing of it to keep.
  while (input->as<Project>() != nullptr) input = std::move(input->inputs[0]);
  if (input->width() > 0) {
    const Columns any = {cheapest(*input)};
    input = prune(std::move(input), any);
  }
  return std::vector<uint32_t>(width, kDropped);
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
    const auto mapping = prune_input(plan->inputs[0], below.columns());
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
    Columns kept;  // of the output: all keys, the calls that are wanted
    for (uint32_t i = 0; i < key_count; ++i) kept.push_back(i);
    Needed below(plan->input().width(), aggregate.keys);
    std::vector<AggCall> calls;
    for (const uint32_t c : wanted) {
      if (c < key_count) continue;
      kept.push_back(c);
      calls.push_back(std::move(aggregate.calls[c - key_count]));
      for (const uint32_t arg : calls.back().args) below.add(arg);
      if (calls.back().filter) below.add(*calls.back().filter);
    }
    const auto mapping = prune_input(plan->inputs[0], below.columns());
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
    auto mapping = prune_input(plan->inputs[0], left.columns());
    const auto right_mapping = prune_input(plan->inputs[1], right.columns());
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
    const auto mapping = prune_input(plan->inputs[0], below.columns());
    const size_t new_width = plan->input().width();
    for (uint32_t& c : output) c = static_cast<uint32_t>(c < width ? mapping[c] : c - width + new_width);
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
  PlanPtr pass_through(const Columns& kept, Remap&& remap) {
    remap(prune_input(plan->inputs[0], kept));
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
