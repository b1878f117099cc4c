#include "stream/executor/hop.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

Result<Built> build_hop(const Request& request) {
  const pb::HopNode& hop = request.node.hop();
  Types columns = request.inputs[0];
  HopOperator::Options options{hop.time_column(), hop.slide_micros(), hop.size_micros(), numbers(hop.output())};
  PENSTOCK_TRY(check_columns({&options.time_column, 1}, columns.size(), "time column"));
  const data::TypeKind time = columns[options.time_column].kind;
  if (time != data::TypeKind::Timestamp && time != data::TypeKind::Date) {
    return error(Code::Protocol, "windows over {}", columns[options.time_column].to_string());
  }
  if (options.slide_micros <= 0 || options.size_micros <= 0) {
    return error(Code::Protocol, "windows of {} us every {} us", options.size_micros, options.slide_micros);
  }
  columns.insert(columns.end(), 2, data::TypeKind::Timestamp);  // window_start, window_end
  PENSTOCK_TRY(check_columns(options.output, columns.size(), "output"));
  Types types = pick(columns, options.output);
  return Built{std::make_unique<HopOperator>(std::move(options), request.context.reports), std::move(types)};
}

}  // namespace penstock::stream::from_proto
