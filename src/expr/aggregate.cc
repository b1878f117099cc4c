#include "expr/aggregate.h"

#include "expr/aggregates/aggregate_table.h"
#include "expr/function_table.h"
#include "expr/pb_types.h"
#include "proto/expr.pb.h"

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

AggregateTable::AggregateTable() {
  register_integer_sums(*this);
  register_float_sums(*this);
  register_numeric_sums(*this);
  register_interval_sums(*this);
  register_min_max(*this);
  register_bool_aggregates(*this);
  register_variances(*this);
}

const AggregateTable& AggregateTable::instance() {
  static const AggregateTable table;
  return table;
}

const std::vector<AggregateTable::Overload>* AggregateTable::find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

namespace {

Result<const AggregateTable::Overload*> choose_aggregate(std::string_view name, std::span<const ArgType> args) {
  const auto* const overloads = AggregateTable::instance().find(name);
  if (overloads == nullptr) return undefined_function(name, args);
  std::vector<std::vector<TypeKind>> candidates;
  candidates.reserve(overloads->size());
  for (const auto& overload : *overloads) candidates.push_back(overload.args);
  PENSTOCK_TRY(const size_t chosen, choose_overload(name, candidates, args));
  return &(*overloads)[chosen];
}

bool is_min_or_max(std::string_view name) { return name == "min" || name == "max"; }

}  // namespace

bool is_aggregate(std::string_view name) { return name == "count" || AggregateTable::instance().find(name) != nullptr; }

Result<Resolution> resolve_aggregate(std::string_view name, std::span<const ArgType> args) {
  if (name == "count") {
    if (args.size() > 1) return undefined_function(name, args);
    Resolution out{{}, TypeKind::Int64};
    for (const ArgType& arg : args) out.arg_types.push_back(arg.unknown ? DataType(TypeKind::Varchar) : arg.type);
    return out;
  }
  PENSTOCK_TRY(const auto* const overload, choose_aggregate(name, args));
  const bool as_is = !args[0].unknown && args[0].type.kind == overload->args[0];
  return Resolution{{as_is ? args[0].type : DataType(overload->args[0])}, overload->result};
}

Result<std::unique_ptr<const Aggregate>> build_aggregate(const pb::AggCall& call, bool) {
  if (call.args_size() != call.arg_types_size()) {
    return error(Code::Protocol, "aggregate {} with {} arguments of {} types", call.function(), call.args_size(), call.arg_types_size());
  }
  std::vector<ArgType> args;
  for (const auto& message : call.arg_types()) {
    PENSTOCK_TRY(const DataType type, type_from_pb(message));
    args.push_back({type});
  }
  PENSTOCK_TRY(const Resolution resolution, resolve_aggregate(call.function(), args));
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].type.kind != resolution.arg_types[i].kind) {
      return error(Code::DatatypeMismatch, "{} takes {}, not {}", call.function(), resolution.arg_types[i].to_string(),
                   args[i].type.to_string());
    }
  }
  if (call.return_type().kind() != 0 && call.return_type().kind() != static_cast<uint32_t>(resolution.return_type.kind)) {
    return error(Code::DatatypeMismatch, "{} returns {}, not a value of kind {}", call.function(), resolution.return_type.to_string(),
                 call.return_type().kind());
  }
  if (call.function() == "count") return make_count(args.empty());
  PENSTOCK_TRY(const auto* const overload, choose_aggregate(call.function(), args));
  return overload->make(args[0].type, resolution.return_type);
}

Result<std::vector<DataType>> aggregate_state_types(const pb::AggCall& call, bool append_only) {
  PENSTOCK_TRY(const auto aggregate, build_aggregate(call, append_only));
  return aggregate->state_types();
}

bool needs_value_table(const pb::AggCall& call, bool append_only) { return !append_only && is_min_or_max(call.function()); }

}  // namespace penstock::expr
