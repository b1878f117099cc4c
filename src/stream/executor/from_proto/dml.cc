#include "stream/executor/dml.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_dml(const Request& request) {
  const pb::DmlNode& dml = request.node.dml();
  PENSTOCK_TRY(auto types, types_of(dml.columns()));
  return Built{std::make_unique<DmlOperator>(object_of(dml.object_id(), request.context), types, request.context), types};
}

}  // namespace penstock::stream::from_proto
