#pragma once

#include <map>
#include <string>
#include <vector>

#include "batch/operator.h"
#include "common/check.h"
#include "expr/pb_types.h"
#include "frontend/planner/batch_plan.h"
#include "frontend/planner/state_tables.h"
#include "proto/stream_plan.pb.h"

/// Runs plans over rows in memory, to compare what different plans of one query give.
namespace penstock::testing {

/// Rows by the name of their relation, all columns (a source's with its row id last).
using Tables = std::map<std::string, data::DataChunk>;

inline data::DataChunk drained(batch::OperatorPtr op, const std::vector<data::DataType>& types) {
  auto chunks = batch::drain(*op);
  PENSTOCK_CHECK(chunks.has_value(), "{}", chunks.error());
  return batch::concat_chunks(chunks.value(), types);
}

inline std::vector<data::DataType> types_of(const std::vector<data::Field>& fields) {
  std::vector<data::DataType> types;
  for (const auto& f : fields) types.push_back(f.type);
  return types;
}

inline batch::OperatorPtr chunk_operator(data::DataChunk chunk) {
  std::vector<data::DataChunk> chunks;
  if (chunk.rows() > 0) chunks.push_back(std::move(chunk));
  return batch::make_chunks(std::move(chunks));
}

inline expr::ExpressionPtr built(const pb::Expr& e, const std::vector<data::DataType>& input) {
  auto result = expr::build(e, input);
  PENSTOCK_CHECK(result.has_value(), "{}", result.error());
  return std::move(result.value());
}

inline std::vector<batch::AggCall> built_calls(const google::protobuf::RepeatedPtrField<pb::AggCall>& calls) {
  std::vector<batch::AggCall> out;
  for (const auto& call : calls) {
    auto aggregate = expr::build_aggregate(call, true);
    PENSTOCK_CHECK(aggregate.has_value(), "{}", aggregate.error());
    batch::AggCall built_call{std::move(aggregate.value()), {call.args().begin(), call.args().end()}, call.distinct(), std::nullopt};
    if (call.has_filter()) built_call.filter = call.filter().input();
    out.push_back(std::move(built_call));
  }
  return out;
}

/// One batch plan.
class BatchEvaluator {
 public:
  explicit BatchEvaluator(const Tables& tables) : tables_(tables) {}

  data::DataChunk run(const batch_plan::Plan& plan) { return drained(build(plan), types_of(plan.fields)); }

 private:
  batch::OperatorPtr build(const batch_plan::Plan& p) {
    return std::visit([&](const auto& node) { return make(p, node); }, p.node);
  }
  batch::OperatorPtr input(const batch_plan::Plan& p, size_t i = 0) { return build(*p.inputs[i]); }

  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Scan& n) {
    auto scan = chunk_operator(tables_.at(p.identity.substr(19, p.identity.find(',') - 19)).project(n.columns));
    if (n.filter) scan = batch::make_filter(std::move(scan), built(*n.filter, types_of(p.fields)), true);
    return scan;
  }
  batch::OperatorPtr make(const batch_plan::Plan&, const batch_plan::SystemScan&) { return nullptr; }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Values& n) {
    std::vector<std::vector<expr::ExpressionPtr>> rows;
    for (const auto& row : n.rows) {
      rows.emplace_back();
      for (const auto& e : row) rows.back().push_back(built(e, {}));
    }
    return batch::make_values(std::move(rows), types_of(p.fields));
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Filter& n) {
    return batch::make_filter(input(p), built(n.predicate, types_of(p.inputs[0]->fields)), true);
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Project& n) {
    std::vector<expr::ExpressionPtr> exprs;
    for (const auto& e : n.exprs) exprs.push_back(built(e, types_of(p.inputs[0]->fields)));
    return batch::make_project(input(p), std::move(exprs), true);
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::HashAgg& n) {
    const google::protobuf::RepeatedPtrField<pb::AggCall> calls(n.calls.begin(), n.calls.end());
    return batch::make_aggregate(input(p), types_of(p.inputs[0]->fields), n.keys, built_calls(calls));
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::HashJoin& n) {
    batch::JoinSpec spec{.kind = static_cast<batch::JoinKind>(n.kind), .keys = n.keys, .output = n.output};
    spec.left_types = types_of(p.inputs[0]->fields);
    spec.right_types = types_of(p.inputs[1]->fields);
    auto both = spec.left_types;
    both.insert(both.end(), spec.right_types.begin(), spec.right_types.end());
    if (n.condition) spec.condition = built(*n.condition, both);
    return batch::make_join(input(p, 0), input(p, 1), std::move(spec));
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Window& n) {
    return batch::make_window(input(p), n.time_column, n.slide_micros, n.size_micros, n.output);
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::UnionAll&) {
    std::vector<batch::OperatorPtr> inputs;
    for (size_t i = 0; i < p.inputs.size(); ++i) inputs.push_back(input(p, i));
    return batch::make_union(std::move(inputs));
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Sort& n) {
    std::vector<batch::SortColumn> keys;
    for (const auto& key : n.keys) keys.push_back({key.column, {key.descending, key.nulls_first}});
    return batch::make_sort(input(p), std::move(keys), n.limit);
  }
  batch::OperatorPtr make(const batch_plan::Plan& p, const batch_plan::Limit& n) { return batch::make_limit(input(p), n.count, n.offset); }

  const Tables& tables_;
};

/// A fragment graph as if all rows came at once: each fragment on several actors, rows routed by the edges. So a shuffle that is missing
/// or goes by the wrong columns gives a wrong answer, and each operator's promises about its output are checked on the way: types,
/// that the stream key is unique, that rows lie where the state tables' distribution says.
class StreamEvaluator {
 public:
  static constexpr uint32_t kActors = 3;
  StreamEvaluator(const pb::FragmentGraph& graph, const Tables& tables) : graph_(graph), tables_(tables) {}

  /// What the last fragment holds, over all its actors.
  data::DataChunk run() {
    const auto root = static_cast<uint32_t>(graph_.fragments_size() - 1);
    // Shared sources are filled in last but numbered first, so the root is the one without readers.
    for (uint32_t f = 0; f <= root; ++f) {
      if (!has_reader(f)) return all_actors(f);
    }
    PENSTOCK_CHECK(false, "every fragment has a reader");
  }

 private:
  [[nodiscard]] bool has_reader(uint32_t fragment) const {
    for (const auto& edge : graph_.edges()) {
      if (edge.upstream_object() == 0 && edge.upstream() == fragment) return true;
    }
    return false;
  }
  static data::DataChunk together(const std::vector<data::DataChunk>& chunks, const std::vector<data::DataType>& types) {
    return batch::concat_chunks(chunks, types);
  }
  data::DataChunk all_actors(uint32_t fragment) {
    const auto& f = graph_.fragments(static_cast<int>(fragment));
    std::vector<data::DataChunk> parts;
    for (uint32_t actor = 0; actor < kActors; ++actor) parts.push_back(output(fragment, actor));
    auto all = together(parts, types_of(frontend::fields_of(f.root())));
    check_key(f.root(), all);
    return all;
  }
  data::DataChunk output(uint32_t fragment, uint32_t actor) {
    const auto& f = graph_.fragments(static_cast<int>(fragment));
    if (f.singleton() && actor > 0) return together({}, types_of(frontend::fields_of(f.root())));
    return run_node(f.root(), f, actor);
  }

  data::DataChunk run_node(const pb::StreamNode& n, const pb::Fragment& f, uint32_t actor) {
    const auto types = types_of(frontend::fields_of(n));
    auto out = body(n, f, actor, types);
    PENSTOCK_CHECK(out.types() == types, "{} gives other types than it says", n.identity());
    check_key(n, out);
    return out;
  }

  data::DataChunk body(const pb::StreamNode& n, const pb::Fragment& f, uint32_t actor, const std::vector<data::DataType>& types) {
    const auto child = [&](int i = 0) { return run_node(n.input(i), f, actor); };
    const auto child_types = [&](int i = 0) { return types_of(frontend::fields_of(n.input(i))); };
    switch (n.body_case()) {
      case pb::StreamNode::kSource:
        return source(n.source(), actor);
      case pb::StreamNode::kMerge:
        return merge(n, f, actor, types);
      case pb::StreamNode::kStreamScan:
        return scan(n.stream_scan(), f, actor);
      case pb::StreamNode::kProject: {
        std::vector<expr::ExpressionPtr> exprs;
        for (const auto& e : n.project().exprs()) exprs.push_back(built(e, child_types()));
        return drained(batch::make_project(chunk_operator(child()), std::move(exprs), true), types);
      }
      case pb::StreamNode::kFilter:
        return drained(batch::make_filter(chunk_operator(child()), built(n.filter().predicate(), child_types()), true), types);
      case pb::StreamNode::kHop:
        return drained(batch::make_window(chunk_operator(child()), n.hop().time_column(), n.hop().slide_micros(), n.hop().size_micros(),
                                          {n.hop().output().begin(), n.hop().output().end()}),
                       types);
      case pb::StreamNode::kHashAgg:
        return aggregate(n.hash_agg(), child(), child_types(), types, actor);
      case pb::StreamNode::kHashJoin:
        return join(n.hash_join(), child(0), child(1), child_types(0), child_types(1), types, actor);
      case pb::StreamNode::kUnion: {
        std::vector<data::DataChunk> parts;
        for (int i = 0; i < n.input_size(); ++i) parts.push_back(child(i));
        return together(parts, types);
      }
      case pb::StreamNode::kMaterialize: {
        auto rows = child();
        check_place(n.materialize().table(), rows, actor);
        return rows;
      }
      case pb::StreamNode::kSink:
        return child();
      default:
        PENSTOCK_CHECK(false, "{} has no rows here", n.identity());
    }
  }

  data::DataChunk source(const pb::SourceNode& n, uint32_t actor) {
    const auto& all = tables_.at(n.source_name());
    std::vector<uint32_t> mine, columns(n.output().begin(), n.output().end());
    for (uint32_t row = actor; row < all.rows(); row += kActors) mine.push_back(row);
    if (n.with_row_id()) columns.push_back(static_cast<uint32_t>(all.width() - 1));
    return all.gather(mine).project(columns);
  }

  data::DataChunk scan(const pb::StreamScanNode& n, const pb::Fragment& f, uint32_t actor) {
    const auto& all = tables_.at(n.upstream_table().name());
    PENSTOCK_CHECK(f.singleton() == n.upstream_table().dist_key().empty());
    return rows_for(all, {n.upstream_table().dist_key().begin(), n.upstream_table().dist_key().end()}, actor)
        .project(std::vector<uint32_t>(n.output().begin(), n.output().end()));
  }

  data::DataChunk merge(const pb::StreamNode& n, const pb::Fragment& f, uint32_t actor, const std::vector<data::DataType>& types) {
    for (const auto& edge : graph_.edges()) {
      if (edge.downstream() != f.fragment_id() || edge.link() != n.operator_id()) continue;
      const auto& strategy = edge.strategy();
      const std::vector<uint32_t> sent(strategy.output().begin(), strategy.output().end());
      std::vector<data::DataChunk> parts;
      for (uint32_t from = 0; from < kActors; ++from) {
        auto rows = output(edge.upstream(), from);
        if (strategy.type() == pb::DISPATCH_NO_SHUFFLE && from != actor) continue;
        if (strategy.type() == pb::DISPATCH_SIMPLE && actor != 0) continue;
        if (strategy.type() == pb::DISPATCH_HASH) rows = rows_for(rows, {strategy.dist_key().begin(), strategy.dist_key().end()}, actor);
        parts.push_back(rows.project(sent));
      }
      return together(parts, types);
    }
    PENSTOCK_CHECK(false, "no edge into {}", n.operator_id());
  }

  data::DataChunk aggregate(const pb::HashAggNode& n, data::DataChunk rows, const std::vector<data::DataType>& input,
                            const std::vector<data::DataType>& types, uint32_t actor) {
    auto out = drained(
        batch::make_aggregate(chunk_operator(std::move(rows)), input, {n.group_key().begin(), n.group_key().end()}, built_calls(n.calls())),
        types);
    check_place(n.group_table(), out, actor);
    return out;
  }

  data::DataChunk join(const pb::HashJoinNode& n, const data::DataChunk& left, const data::DataChunk& right,
                       std::vector<data::DataType> left_types, std::vector<data::DataType> right_types,
                       const std::vector<data::DataType>& types, uint32_t actor) {
    check_place(n.left_table(), left, actor);
    check_place(n.right_table(), right, actor);
    batch::JoinSpec spec{.kind = static_cast<batch::JoinKind>(n.type()), .output = {n.output().begin(), n.output().end()}};
    for (int i = 0; i < n.left_key_size(); ++i) spec.keys.emplace_back(n.left_key(i), n.right_key(i));
    auto both = left_types;
    both.insert(both.end(), right_types.begin(), right_types.end());
    if (n.has_condition()) spec.condition = built(n.condition(), both);
    spec.left_types = std::move(left_types);
    spec.right_types = std::move(right_types);
    return drained(batch::make_join(chunk_operator(left), chunk_operator(right), std::move(spec)), types);
  }

  static data::DataChunk rows_for(const data::DataChunk& rows, const std::vector<uint32_t>& key, uint32_t actor) {
    const auto vnodes = data::vnodes_of(rows, key);
    std::vector<uint32_t> mine;
    for (uint32_t i = 0; i < rows.rows(); ++i) {
      if (vnodes[i] % kActors == actor) mine.push_back(i);
    }
    return rows.gather(mine);
  }

  // A table's rows are looked for where its distribution says they are.
  static void check_place(const pb::TableDesc& table, const data::DataChunk& rows, uint32_t actor) {
    const std::vector<uint32_t> key(table.dist_key().begin(), table.dist_key().end());
    for (const VNode v : data::vnodes_of(rows, key))
      PENSTOCK_CHECK(v % kActors == actor, "a row of {} is on the wrong actor", table.name());
    for (const uint32_t c : key) {
      const bool in_pk = std::any_of(table.pk().begin(), table.pk().end(), [&](const pb::SortKey& k) { return k.column() == c; });
      PENSTOCK_CHECK(in_pk, "{} is spread by a column outside its key", table.name());
    }
  }

  static void check_key(const pb::StreamNode& n, const data::DataChunk& rows) {
    if (n.stream_key().empty()) return;
    std::set<std::string> seen;
    for (size_t i = 0; i < rows.rows(); ++i) {
      std::string key;
      for (const uint32_t c : n.stream_key()) {
        const auto value = rows.column(c).datum(i);
        key += data::is_null(value) ? "NULL|" : data::to_text(value, rows.column(c).type()) + "|";
      }
      PENSTOCK_CHECK(seen.insert(key).second, "{} gives the key {} twice", n.identity(), key);
    }
  }

  const pb::FragmentGraph& graph_;
  const Tables& tables_;
};

/// Rows as sorted lines, the first `width` columns.
inline std::vector<std::string> sorted_rows(const data::DataChunk& rows, size_t width) {
  std::vector<std::string> out;
  for (size_t i = 0; i < rows.rows(); ++i) {
    std::string line;
    for (size_t c = 0; c < width; ++c) {
      const auto value = rows.column(c).datum(i);
      line += (data::is_null(value) ? "." : data::to_text(value, rows.column(c).type())) + " ";
    }
    out.push_back(std::move(line));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace penstock::testing
