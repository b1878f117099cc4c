#pragma once

#include <set>
#include <string>

#include "proto/catalog.pb.h"
#include "proto/stream_plan.pb.h"

namespace penstock::testing {

/// What every fragment graph promises to whoever builds actors from it. The first broken promise, or an empty text.
class GraphCheck {
 public:
  explicit GraphCheck(const pb::FragmentGraph& graph) : graph_(graph) {}

  std::string run() {
    for (int f = 0; f < graph_.fragments_size(); ++f) {
      const auto& fragment = graph_.fragments(f);
      require(fragment.fragment_id() == static_cast<uint32_t>(f), "fragments are in the order of their numbers");
      sources_ = 0;
      node(fragment.root(), fragment);
      require(sources_ <= 1 && (sources_ == 1) == fragment.has_source(), "has_source, and one source at most");
      require(fragment.has_source() == (fragment.source_id() != 0), "source_id goes with has_source");
    }
    for (const auto& edge : graph_.edges()) check_edge(edge);
    require(operators_.size() == graph_.operator_count(), "operators are counted");
    require(tables_.size() == graph_.table_count(), "tables are counted");
    require(merges_.size() == static_cast<size_t>(graph_.edges_size()), "every merge has its edge");
    return broken_;
  }

 private:
  void require(bool holds, std::string_view promise) {
    if (!holds && broken_.empty()) broken_ = promise;
  }

  void check_edge(const pb::FragmentEdge& edge) {
    require(edge.downstream() < static_cast<uint32_t>(graph_.fragments_size()), "an edge ends at a fragment");
    require(merges_.contains({edge.downstream(), edge.link()}), "an edge feeds a merge");
    const auto& strategy = edge.strategy();
    if (edge.upstream_object() != 0) {
      require(strategy.type() == pb::DISPATCH_NO_SHUFFLE, "another job's fragment is read without shuffle");
      return;
    }
    require(edge.upstream() < edge.downstream(), "fragments come after those they read");
    const auto& from = graph_.fragments(static_cast<int>(edge.upstream()));
    const auto& to = graph_.fragments(static_cast<int>(edge.downstream()));
    const auto width = static_cast<uint32_t>(from.root().fields_size());
    for (const uint32_t c : strategy.output()) require(c < width, "columns sent are there");
    for (const uint32_t c : strategy.dist_key()) require(c < width, "columns of the distribution are there");
    require((strategy.type() == pb::DISPATCH_HASH) == !strategy.dist_key().empty(), "a hash has columns, nothing else does");
    require((strategy.type() == pb::DISPATCH_SIMPLE) <= to.singleton(), "one actor gets what is sent to one");
    if (strategy.type() == pb::DISPATCH_NO_SHUFFLE) {
      require(from.colocation_group() == to.colocation_group() && from.singleton() == to.singleton(), "no shuffle: the same places");
    }
    const auto& merge = *merges_.at({edge.downstream(), edge.link()});
    require(merge.fields_size() == strategy.output_size(), "a merge gets the columns that are sent");
    for (int i = 0; i < merge.fields_size() && i < strategy.output_size(); ++i) {
      const auto& sent = from.root().fields(static_cast<int>(strategy.output(i)));
      require(merge.fields(i).type().kind() == sent.type().kind(), "types survive the exchange");
    }
  }

  void node(const pb::StreamNode& n, const pb::Fragment& fragment) {
    require(operators_.insert(n.operator_id()).second && n.operator_id() < graph_.operator_count(), "operator numbers are unique");
    require(!n.identity().empty(), "operators have an identity");
    const auto width = static_cast<uint32_t>(n.fields_size());
    for (const uint32_t c : n.stream_key()) require(c < width, "the stream key is of the output");
    for (const auto& input : n.input()) node(input, fragment);
    const auto input_width = [&](int i) { return static_cast<uint32_t>(n.input(i).fields_size()); };
    switch (n.body_case()) {
      case pb::StreamNode::kSource:
        ++sources_;
        require(width == static_cast<uint32_t>(n.source().output_size()) + (n.source().with_row_id() ? 1 : 0), "a source gives its columns");
        break;
      case pb::StreamNode::kMerge: merges_.emplace(std::pair(fragment.fragment_id(), n.operator_id()), &n); break;
      case pb::StreamNode::kProject:
        require(width == static_cast<uint32_t>(n.project().exprs_size()), "a projection gives its expressions");
        for (const auto& e : n.project().exprs()) expr(e, input_width(0));
        break;
      case pb::StreamNode::kFilter: expr(n.filter().predicate(), input_width(0)); break;
      case pb::StreamNode::kHop:
        for (const uint32_t c : n.hop().output()) require(c < input_width(0) + 2, "columns of a window are there");
        break;
      case pb::StreamNode::kHashAgg: aggregate(n.hash_agg(), width, input_width(0)); break;
      case pb::StreamNode::kHashJoin:
        for (const uint32_t c : n.hash_join().output()) require(c < input_width(0) + input_width(1), "columns of a join are there");
        expr(n.hash_join().condition(), input_width(0) + input_width(1));
        require(n.hash_join().left_key_size() == n.hash_join().right_key_size(), "join keys are pairs");
        require(static_cast<uint32_t>(n.hash_join().left_table().columns_size()) == input_width(0), "a side's table has its columns");
        require(static_cast<uint32_t>(n.hash_join().right_table().columns_size()) == input_width(1), "a side's table has its columns");
        table(n.hash_join().left_table(), fragment);
        table(n.hash_join().right_table(), fragment);
        break;
      case pb::StreamNode::kMaterialize:
        require(static_cast<uint32_t>(n.materialize().table().columns_size()) == input_width(0), "a view's table has the columns that arrive");
        table(n.materialize().table(), fragment);
        break;
      case pb::StreamNode::kStreamScan: table(n.stream_scan().progress(), fragment); break;
      default: break;
    }
  }

  void aggregate(const pb::HashAggNode& n, uint32_t width, uint32_t input_width) {
    require(width == static_cast<uint32_t>(n.group_key_size() + n.calls_size()), "an aggregation gives keys and calls");
    for (const uint32_t c : n.group_key()) require(c < input_width, "group keys are of the input");
    const auto& count = n.calls(static_cast<int>(n.row_count_call()));
    require(count.function() == "count" && count.args().empty() && !count.has_filter(), "the row count counts rows");
    table_ids(n.group_table());
    for (const auto& [call, t] : n.value_tables()) table_ids(t);
    for (const auto& [column, t] : n.distinct_tables()) table_ids(t);
  }

  void table(const pb::TableDesc& t, const pb::Fragment& fragment) {
    table_ids(t);
    require(t.dist_key().empty() == fragment.singleton(), "tables of one actor have no distribution, others do");
  }
  void table_ids(const pb::TableDesc& t) {
    require(tables_.insert(t.table_id()).second && t.table_id() < graph_.table_count(), "table numbers are unique");
    std::set<uint32_t> pk;
    for (const auto& key : t.pk()) require(pk.insert(key.column()).second && key.column() < static_cast<uint32_t>(t.columns_size()), "a key has columns of its table, each once");
    for (const uint32_t c : t.dist_key()) require(pk.contains(c), "a table is spread by columns of its key");
    require(t.lookup_prefix() <= pk.size(), "a lookup prefix is of the key");
  }

  void expr(const pb::Expr& e, uint32_t width) {
    if (e.kind_case() == pb::Expr::kInput) require(e.input() < width, "expressions read columns of their input");
    for (const auto& arg : e.call().args()) expr(arg, width);
  }

  const pb::FragmentGraph& graph_;
  std::string broken_;
  std::set<uint32_t> operators_, tables_;
  std::map<std::pair<uint32_t, uint32_t>, const pb::StreamNode*> merges_;
  int sources_ = 0;
};

}  // namespace penstock::testing
