#include "stream/executor/filter.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_filter(const Request& request) {
  PENSTOCK_TRY(auto predicate, expr::build(request.node.filter().predicate(), request.inputs[0]));
  if (predicate->type().kind != data::TypeKind::Boolean) return error(Code::Protocol, "a filter by {}", predicate->type().to_string());
  return Built{std::make_unique<FilterOperator>(std::move(predicate), request.context.reports), request.inputs[0]};
}

}  // namespace penstock::stream::from_proto
