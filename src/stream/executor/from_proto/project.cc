#include "stream/executor/project.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_project(const Request& request) {
  std::vector<expr::ExpressionPtr> exprs;
  Types types;
  for (const pb::Expr& node : request.node.project().exprs()) {
    PENSTOCK_TRY(auto expr, expr::build(node, request.inputs[0]));
    types.push_back(expr->type());
    exprs.push_back(std::move(expr));
  }
  return Built{std::make_unique<ProjectOperator>(std::move(exprs), request.context.reports), std::move(types)};
}

}  // namespace penstock::stream::from_proto
