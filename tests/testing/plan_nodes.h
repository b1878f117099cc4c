#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"
#include "expr/aggregate.h"
#include "expr/build_helpers.h"
#include "expr/pb_types.h"
#include "proto/stream_plan.pb.h"
#include "testing/operator_fixture.h"

/// Plans as the planner makes them, for tests of operators: what comments of stream_plan.proto say about tables is done here.
namespace penstock::testing {

using Types = std::vector<data::DataType>;

/// By the letters of text tables: "I64 T".
inline Types types(std::string_view letters) { return data::chunk_from_table(letters).data().types(); }

template <typename Fields>
void add_fields(Fields& fields, const Types& types) {
  for (size_t i = 0; i < types.size(); ++i) {
    auto& field = *fields.Add();
    field.set_name(fmt::format("c{}", i));
    expr::type_to_pb(types[i], *field.mutable_type());
  }
}

inline pb::TableDesc table_desc(uint32_t id, std::string_view name, const Types& types, const std::vector<uint32_t>& pk,
                                const std::vector<uint32_t>& dist_key) {
  pb::TableDesc desc;
  desc.set_table_id(id);
  desc.set_name(std::string(name));
  add_fields(*desc.mutable_columns(), types);
  for (const uint32_t column : pk) desc.add_pk()->set_column(column);
  desc.mutable_dist_key()->Assign(dist_key.begin(), dist_key.end());
  desc.set_vnode_count(kDefaultVNodeCount);
  return desc;
}

inline pb::StreamNode merge_node(uint32_t id, const Types& types) {
  pb::StreamNode node;
  node.set_operator_id(id);
  node.mutable_merge();
  add_fields(*node.mutable_fields(), types);
  return node;
}

/// A node over merges of the given columns; the caller fills the body and the output fields.
inline pb::StreamNode node_over(const std::vector<Types>& inputs) {
  pb::StreamNode node;
  for (const Types& input : inputs) *node.add_input() = merge_node(static_cast<uint32_t>(10 + node.input_size()), input);
  node.set_operator_id(1);
  node.set_identity("under test");
  return node;
}

inline pb::Expr column(uint32_t number, data::DataType type) { return expr::make_input(number, type); }
inline pb::Expr literal(int64_t value) { return expr::make_literal(value, data::TypeKind::Int64); }
inline pb::Expr call(std::string_view name, std::vector<pb::Expr> args) { return must(expr::make_call(name, std::move(args))); }

struct Agg {
  std::string function;
  std::vector<uint32_t> args;
  bool distinct = false;
  std::optional<pb::Expr> filter;
};

inline pb::AggCall agg_call(const Agg& agg, const Types& input) {
  pb::AggCall call;
  call.set_function(agg.function);
  std::vector<expr::ArgType> args;
  for (const uint32_t arg : agg.args) {
    call.add_args(arg);
    expr::type_to_pb(input[arg], *call.add_arg_types());
    args.push_back({input[arg]});
  }
  expr::type_to_pb(must(expr::resolve_aggregate(agg.function, args)).return_type, *call.mutable_return_type());
  call.set_distinct(agg.distinct);
  if (agg.filter) *call.mutable_filter() = *agg.filter;
  return call;
}

/// The first call must be count(*).
inline pb::StreamNode hash_agg(const Types& input, const std::vector<uint32_t>& group_key, const std::vector<Agg>& aggs,
                               bool append_only = false) {
  pb::StreamNode node = node_over({input});
  pb::HashAggNode& body = *node.mutable_hash_agg();
  body.mutable_group_key()->Assign(group_key.begin(), group_key.end());
  body.set_input_append_only(append_only);
  Types keys;
  for (const uint32_t column : group_key) keys.push_back(input[column]);
  std::vector<uint32_t> pk;
  for (uint32_t i = 0; i < keys.size(); ++i) pk.push_back(i);
  auto keyed = pk;  // of tables that have a value after the group key
  keyed.push_back(static_cast<uint32_t>(keys.size()));

  Types groups = keys, output = keys;
  std::map<uint32_t, int> distinct;
  uint32_t table = 1;
  for (const Agg& agg : aggs) {
    const pb::AggCall call = agg_call(agg, input);
    const auto number = static_cast<uint32_t>(body.calls_size());
    *body.add_calls() = call;
    output.push_back(must(expr::type_from_pb(call.return_type())));
    for (const data::DataType type : must(expr::aggregate_state_types(call, append_only))) groups.push_back(type);
    if (expr::needs_value_table(call, append_only)) {
      Types columns = keys;
      columns.insert(columns.end(), {input[agg.args[0]], data::TypeKind::Int64});
      pb::TableDesc desc = table_desc(table++, "values", columns, keyed, pk);
      desc.mutable_pk(desc.pk_size() - 1)->set_descending(agg.function == "max");
      (*body.mutable_value_tables())[number] = desc;
    }
    if (agg.distinct) ++distinct[agg.args[0]];
  }
  for (const auto& [column, count] : distinct) {
    Types columns = keys;
    columns.push_back(input[column]);
    columns.insert(columns.end(), static_cast<size_t>(count), data::TypeKind::Int64);
    (*body.mutable_distinct_tables())[column] = table_desc(table++, "distinct", columns, keyed, pk);
  }
  *body.mutable_group_table() = table_desc(0, "groups", groups, pk, pk);
  add_fields(*node.mutable_fields(), output);
  return node;
}

/// `keys`: of both sides; `stream_key`: what identifies a row of either side beside the key.
struct Join {
  pb::JoinType type = pb::JOIN_INNER;
  Types left, right;
  std::vector<uint32_t> left_key, right_key;
  std::vector<uint32_t> left_stream_key, right_stream_key;
  std::optional<pb::Expr> condition;
  std::vector<uint32_t> output;  // empty: all columns
};

inline pb::StreamNode hash_join(Join join) {
  pb::StreamNode node = node_over({join.left, join.right});
  pb::HashJoinNode& body = *node.mutable_hash_join();
  body.set_type(join.type);
  const auto side = [](uint32_t id, const Types& types, const std::vector<uint32_t>& key, const std::vector<uint32_t>& stream_key) {
    auto pk = key;
    pk.insert(pk.end(), stream_key.begin(), stream_key.end());
    return table_desc(id, "join side", types, pk, key);
  };
  body.mutable_left_key()->Assign(join.left_key.begin(), join.left_key.end());
  body.mutable_right_key()->Assign(join.right_key.begin(), join.right_key.end());
  *body.mutable_left_table() = side(0, join.left, join.left_key, join.left_stream_key);
  *body.mutable_right_table() = side(1, join.right, join.right_key, join.right_stream_key);
  if (join.condition) *body.mutable_condition() = *join.condition;
  Types both = join.left, output;
  both.insert(both.end(), join.right.begin(), join.right.end());
  if (join.output.empty()) {
    for (uint32_t i = 0; i < both.size(); ++i) join.output.push_back(i);
  }
  for (const uint32_t column : join.output) output.push_back(both[column]);
  body.mutable_output()->Assign(join.output.begin(), join.output.end());
  add_fields(*node.mutable_fields(), output);
  return node;
}

inline pb::StreamNode materialize(const Types& types, const std::vector<uint32_t>& pk, pb::ConflictBehavior conflict) {
  pb::StreamNode node = node_over({types});
  *node.mutable_materialize()->mutable_table() = table_desc(0, "table", types, pk, pk);
  node.mutable_materialize()->set_conflict(conflict);
  add_fields(*node.mutable_fields(), types);
  return node;
}

/// Builds the tree of a plan whenever the driver starts.
inline OperatorDriver::Make from_plan(pb::StreamNode plan) {
  return [plan = std::move(plan)](const ActorContext& context) { return stream::build_operator_tree(plan, context); };
}

}  // namespace penstock::testing
