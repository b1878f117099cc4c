#include "stream/executor/union.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_union(const Request& request) {
  for (const Types& input : request.inputs) {
    if (!same_kinds(input, request.inputs[0])) return error(Code::Protocol, "the inputs of a union have other columns");
  }
  return Built{std::make_unique<UnionOperator>(), request.inputs[0]};
}

}  // namespace penstock::stream::from_proto
