#include "stream/executor/materialize/materialize.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_materialize(const Request& request) {
  const pb::MaterializeNode& node = request.node.materialize();
  const Types& types = request.inputs[0];
  PENSTOCK_TRY(auto table, open_table(request, node.table(), types));
  switch (node.conflict()) {
    case pb::CONFLICT_NO_CHECK:
      return Built{std::make_unique<MaterializeOperator>(std::move(table), request.context), types};
    case pb::CONFLICT_OVERWRITE:
      return Built{std::make_unique<MaterializeByKeyOperator>(std::move(table), Conflict::Overwrite, request.context), types};
    case pb::CONFLICT_IGNORE:
      return Built{std::make_unique<MaterializeByKeyOperator>(std::move(table), Conflict::Ignore, request.context), types};
    default:
      return error(Code::Protocol, "conflict behaviour {}", static_cast<int>(node.conflict()));
  }
}

}  // namespace penstock::stream::from_proto
