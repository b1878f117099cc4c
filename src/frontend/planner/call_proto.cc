#include "frontend/planner/call_proto.h"

#include "expr/pb_types.h"

namespace penstock::frontend {

pb::AggCall to_proto(const logical::AggCall& call) {
  pb::AggCall out;
  out.set_function(call.function);
  for (const uint32_t arg : call.args) out.add_args(arg);
  for (const auto& type : call.arg_types) expr::type_to_pb(type, *out.add_arg_types());
  expr::type_to_pb(call.type, *out.mutable_return_type());
  out.set_distinct(call.distinct);
  if (call.filter) to_proto(Expr::column(*call.filter, data::TypeKind::Boolean), *out.mutable_filter());
  return out;
}

}  // namespace penstock::frontend
