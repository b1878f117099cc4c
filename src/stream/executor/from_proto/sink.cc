#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"
#include "stream/executor/sink/blackhole.h"

namespace penstock::stream::from_proto {

Result<Built> build_sink(const Request& request) {
  const auto& properties = request.node.sink().properties();
  const auto connector = properties.find("connector");
  if (connector == properties.end()) return error(Code::Protocol, "a sink without connector");
  if (connector->second != "blackhole") return error(Code::NotSupported, "sink connector '{}' is not supported", connector->second);
  return Built{std::make_unique<BlackholeSink>(), request.inputs[0]};
}

}  // namespace penstock::stream::from_proto
