#include "stream/executor/aggregate/hash_agg.h"

#include <map>

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

namespace {

/// Builds the options of one hash aggregation, piece by piece.
class HashAggBuilder {
 public:
  explicit HashAggBuilder(const Request& request) : request_(request), node_(request.node.hash_agg()), input_(request.inputs[0]) {}

  Result<Built> build();

 private:
  struct Pieces {
    std::vector<uint32_t> group_key;
    std::vector<AggregateCall> calls;
    std::vector<expr::ExpressionPtr> filters;
    std::vector<HashAggOptions::Distinct> distinct;
    std::vector<HashAggOptions::Values> values;
  };
  Status add_call(const pb::AggCall& call);
  Status add_filter(const pb::Expr& filter, AggregateCall& to);
  Status open_distinct();
  Status open_values();
  Status check_row_count() const;
  [[nodiscard]] Types key_types() const { return pick(input_, pieces_.group_key); }
  /// A table of group key, then `more`; pk = the group key and as many of the columns after it as `keyed` says.
  Result<storage::StateTable> open(const pb::TableDesc& desc, const Types& more, size_t keyed);

  const Request& request_;
  const pb::HashAggNode& node_;
  const Types& input_;
  Pieces pieces_;
  std::map<std::string, uint32_t> filter_numbers_;  // by their bytes: calls with one FILTER share it
};

Status HashAggBuilder::add_filter(const pb::Expr& filter, AggregateCall& to) {
  const auto [found, added] = filter_numbers_.try_emplace(filter.SerializeAsString(), static_cast<uint32_t>(pieces_.filters.size()));
  to.filter = found->second;
  if (!added) return ok();
  PENSTOCK_TRY(auto built, expr::build(filter, input_));
  if (built->type().kind != data::TypeKind::Boolean) return error(Code::Protocol, "a FILTER that is not boolean");
  pieces_.filters.push_back(std::move(built));
  return ok();
}

Status HashAggBuilder::add_call(const pb::AggCall& call) {
  AggregateCall out;
  PENSTOCK_TRY(out.function, expr::build_aggregate(call, node_.input_append_only()));
  out.args = numbers(call.args());
  PENSTOCK_TRY(check_columns(out.args, input_.size(), call.function()));
  for (size_t i = 0; i < out.args.size(); ++i) {
    if (static_cast<uint32_t>(input_[out.args[i]].kind) != call.arg_types(static_cast<int>(i)).kind()) {
      return error(Code::Protocol, "{}: its argument is {}", call.function(), input_[out.args[i]].to_string());
    }
  }
  if (call.distinct() && out.args.size() != 1) return error(Code::NotSupported, "DISTINCT over {} columns", out.args.size());
  if (call.has_filter()) {
    PENSTOCK_TRY(add_filter(call.filter(), out));
  }
  if (expr::needs_value_table(call, node_.input_append_only())) out.keeps_values = call.function() == "max";
  if (!out.keeps_values && !out.function->retractable() && !node_.input_append_only()) {
    return error(Code::NotSupported, "{} over rows that may be taken back", call.function());
  }
  pieces_.calls.push_back(std::move(out));
  return ok();
}

Result<storage::StateTable> HashAggBuilder::open(const pb::TableDesc& desc, const Types& more, size_t keyed) {
  Types columns = key_types();
  columns.insert(columns.end(), more.begin(), more.end());
  PENSTOCK_TRY(auto table, open_table(request_, desc, columns));
  const size_t width = pieces_.group_key.size() + keyed;
  std::vector<uint32_t> key;
  for (uint32_t i = 0; i < width; ++i) key.push_back(i);
  PENSTOCK_TRY(check_pk(table.schema(), key, true));
  if (keyed > 0 && table.schema().pk.back() != width - 1)
    return error(Code::Protocol, "table {}: its primary key must end with the value", desc.name());
  return table;
}

Status HashAggBuilder::open_distinct() {
  std::map<uint32_t, std::vector<uint32_t>> calls_of;  // by column
  for (int i = 0; i < node_.calls_size(); ++i) {
    if (node_.calls(i).distinct()) calls_of[node_.calls(i).args(0)].push_back(static_cast<uint32_t>(i));
  }
  for (auto& [column, calls] : calls_of) {
    const auto desc = node_.distinct_tables().find(column);
    if (desc == node_.distinct_tables().end()) return error(Code::Protocol, "no table for DISTINCT over column {}", column);
    Types more{input_[column]};
    more.insert(more.end(), calls.size(), data::TypeKind::Int64);
    PENSTOCK_TRY(auto table, open(desc->second, more, 1));
    pieces_.distinct.push_back({std::move(table), column, std::move(calls)});
  }
  return ok();
}

Status HashAggBuilder::open_values() {
  for (uint32_t call = 0; call < pieces_.calls.size(); ++call) {
    if (!pieces_.calls[call].keeps_values) continue;
    const auto desc = node_.value_tables().find(call);
    if (desc == node_.value_tables().end()) return error(Code::Protocol, "no table for the values of call {}", call);
    PENSTOCK_TRY(auto table, open(desc->second, {input_[pieces_.calls[call].args[0]], data::TypeKind::Int64}, 1));
    if (table.schema().orders.back().descending != *pieces_.calls[call].keeps_values) {
      return error(Code::Protocol, "table {}: its values are sorted the wrong way round", desc->second.name());
    }
    pieces_.values.push_back({std::move(table), call});
  }
  return ok();
}

Status HashAggBuilder::check_row_count() const {
  const uint32_t number = node_.row_count_call();
  if (number >= pieces_.calls.size()) return error(Code::Protocol, "row count: call {} of {}", number, pieces_.calls.size());
  const pb::AggCall& call = node_.calls(static_cast<int>(number));
  if (call.function() != "count" || call.args_size() != 0 || call.distinct() || call.has_filter()) {
    return error(Code::Protocol, "row count: call {} is not count(*) over all rows", number);
  }
  return ok();
}

Result<Built> HashAggBuilder::build() {
  pieces_.group_key = numbers(node_.group_key());
  PENSTOCK_TRY(check_columns(pieces_.group_key, input_.size(), "group key"));
  Types state_types, types = key_types();
  for (const pb::AggCall& call : node_.calls()) {
    PENSTOCK_TRY(add_call(call));
    const expr::Aggregate& function = *pieces_.calls.back().function;
    types.push_back(function.return_type());
    for (const data::DataType type : function.state_types()) state_types.push_back(type);
  }
  PENSTOCK_TRY(check_row_count());
  PENSTOCK_TRY(open_distinct());
  PENSTOCK_TRY(open_values());
  PENSTOCK_TRY(auto groups, open(node_.group_table(), state_types, 0));
  HashAggOptions options{std::move(pieces_.group_key), std::move(pieces_.calls), node_.row_count_call(),      std::move(pieces_.filters),
                         node_.input_append_only(),    std::move(groups),        std::move(pieces_.distinct), std::move(pieces_.values)};
  return Built{std::make_unique<HashAggOperator>(std::move(options), request_.context), std::move(types)};
}

}  // namespace

Result<Built> build_hash_agg(const Request& request) { return HashAggBuilder(request).build(); }

}  // namespace penstock::stream::from_proto
