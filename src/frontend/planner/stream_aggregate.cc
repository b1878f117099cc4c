#include <algorithm>

#include "expr/aggregate.h"
#include "expr/pb_types.h"
#include "frontend/planner/call_proto.h"
#include "frontend/planner/plan_text.h"
#include "frontend/planner/state_tables.h"
#include "frontend/planner/stream_planner.h"
#include "proto/expr.pb.h"

namespace penstock::frontend {
namespace {

// Position of count(*) over all rows, added if no call is that.
uint32_t row_count_call(std::vector<logical::AggCall>& calls) {
  const auto found = std::find_if(calls.begin(), calls.end(), [](const logical::AggCall& c) {
    return c.function == "count" && c.args.empty() && !c.filter && !c.distinct;
  });
  const auto place = static_cast<uint32_t>(found - calls.begin());
  if (found == calls.end()) calls.push_back({.function = "count", .type = data::TypeKind::Int64});
  return place;
}

// The tables of one aggregation: all begin with the group key and are spread by the same of its columns.
class AggregateTables {
 public:
  AggregateTables(pb::HashAggNode& node, const pb::StreamNode& input, const Distribution& spread, uint32_t operator_id)
      : node_(node), input_(fields_of(input)), operator_(operator_id) {
    for (const uint32_t key : node.group_key()) {
      const auto at = std::find(spread.columns.begin(), spread.columns.end(), key);
      if (at != spread.columns.end())
        dist_by_column_[static_cast<size_t>(at - spread.columns.begin())] = static_cast<uint32_t>(keys_.size());
      keys_.push_back(input_[key]);
    }
  }

  Status add_group_table(uint32_t id) {
    TableSpec spec = begin(id, "states");
    for (int i = 0; i < node_.calls_size(); ++i) {
      PENSTOCK_TRY(const auto types, expr::aggregate_state_types(node_.calls(i), node_.input_append_only()));
      for (size_t s = 0; s < types.size(); ++s)
        spec.columns.push_back({fmt::format("{}_{}_{}", node_.calls(i).function(), i, s), types[s]});
    }
    *node_.mutable_group_table() = make_table(spec);
    return ok();
  }

  void add_value_table(uint32_t id, uint32_t call) {
    const auto& agg = node_.calls(static_cast<int>(call));
    TableSpec spec = begin(id, fmt::format("values of call {}", call));
    add_value(spec, agg.args(0));
    spec.columns.push_back({"multiplicity", data::TypeKind::Int64});
    auto table = make_table(spec);
    table.mutable_pk()->rbegin()->set_descending(agg.function() == "max");
    (*node_.mutable_value_tables())[call] = std::move(table);
  }

  void add_distinct_table(uint32_t id, uint32_t column) {
    TableSpec spec = begin(id, fmt::format("distinct {}", input_[column].name));
    add_value(spec, column);
    for (int i = 0; i < node_.calls_size(); ++i) {
      const auto& call = node_.calls(i);
      if (call.distinct() && call.args(0) == column) spec.columns.push_back({fmt::format("multiplicity_{}", i), data::TypeKind::Int64});
    }
    (*node_.mutable_distinct_tables())[column] = make_table(spec);
  }

 private:
  [[nodiscard]] TableSpec begin(uint32_t id, std::string_view what) const {
    TableSpec spec{.id = id, .name = fmt::format("hash_agg {} {}", operator_, what), .columns = keys_};
    for (uint32_t i = 0; i < keys_.size(); ++i) spec.pk.push_back(i);
    for (const auto& [order, column] : dist_by_column_) spec.dist.push_back(column);
    spec.lookup_prefix = static_cast<uint32_t>(keys_.size());
    return spec;
  }
  void add_value(TableSpec& spec, uint32_t column) const {
    spec.pk.push_back(static_cast<uint32_t>(spec.columns.size()));
    spec.columns.push_back(input_[column]);
  }

  pb::HashAggNode& node_;
  std::vector<data::Field> input_;
  uint32_t operator_;
  std::vector<data::Field> keys_;
  std::map<size_t, uint32_t> dist_by_column_;  // in the order of the distribution
};

}  // namespace

Result<Stream> StreamPlanner::lower_aggregate(const logical::Plan& plan) {
  const auto& aggregate = *plan.as<logical::Aggregate>();
  const auto wanted = aggregate.keys.empty() ? Distribution::single() : Distribution::hash(aggregate.keys);
  PENSTOCK_TRY(auto stream, lower(plan.input(), {.key = false, .wanted = wanted}));
  const auto& spread = stream.distribution;
  const bool in_place = !aggregate.keys.empty() && !stream.shared_fragment && spread.kind == Distribution::Kind::Hash &&
                        std::all_of(spread.columns.begin(), spread.columns.end(), [&](uint32_t c) {
                          return std::find(aggregate.keys.begin(), aggregate.keys.end(), c) != aggregate.keys.end();
                        });
  // Nothing behind tells the input's rows apart, so columns for that are not sent.
  if (!in_place) {
    stream.node.clear_stream_key();
    stream = enforce(std::move(stream), wanted);
  }
  std::vector<logical::AggCall> calls = aggregate.calls;
  auto node = on_top_of(std::move(stream.node));
  const auto& input = node.input(0);
  auto& body = *node.mutable_hash_agg();
  for (const uint32_t key : aggregate.keys) body.add_group_key(key);
  body.set_row_count_call(row_count_call(calls));
  body.set_input_append_only(input.append_only());
  const auto names = names_of(input);
  std::vector<std::string> texts;
  for (size_t i = 0; i < aggregate.keys.size(); ++i) {
    node.add_stream_key(static_cast<uint32_t>(i));
    add_field(node, names[aggregate.keys[i]], plan.columns[i].type);
  }
  for (const auto& call : calls) {
    *body.add_calls() = to_proto(call);
    texts.push_back(aggregate_text(call, names));
    add_field(node, texts.back(), call.type);
  }
  AggregateTables tables(body, input, stream.distribution, node.operator_id());
  PENSTOCK_TRY(tables.add_group_table(fragments_.next_table()));
  for (uint32_t i = 0; i < calls.size(); ++i) {
    if (expr::needs_value_table(body.calls(static_cast<int>(i)), input.append_only())) tables.add_value_table(fragments_.next_table(), i);
    if (calls[i].distinct && !body.distinct_tables().contains(calls[i].args[0]))
      tables.add_distinct_table(fragments_.next_table(), calls[i].args[0]);
  }
  node.set_identity(fmt::format("HashAgg{} {{ group_key: {}, aggs: {} }}", input.append_only() ? " [append_only]" : "",
                                pick_text(names, aggregate.keys), list_text(texts)));
  for (uint32_t& c : stream.distribution.columns) {
    c = static_cast<uint32_t>(std::find(aggregate.keys.begin(), aggregate.keys.end(), c) - aggregate.keys.begin());
  }
  stream.width = plan.width();
  stream.node = std::move(node);
  return stream;
}

}  // namespace penstock::frontend
