#include "stream/executor/row_id_gen.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_row_id_gen(const Request& request) {
  const uint32_t column = request.node.row_id_gen().column();
  PENSTOCK_TRY(check_columns({&column, 1}, request.inputs[0].size(), "row id"));
  if (request.inputs[0][column].kind != data::TypeKind::Int64) return error(Code::Protocol, "a row id of another type than bigint");
  if (request.context.vnodes.empty()) return error(Code::Protocol, "row ids in an actor without vnodes");
  return Built{std::make_unique<RowIdGenOperator>(column, request.context.vnodes), request.inputs[0]};
}

}  // namespace penstock::stream::from_proto
