#include "stream/executor/backfill/stream_scan.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

namespace {

// vnode INT, the upstream's pk columns, finished BOOLEAN, rows BIGINT.
Types progress_columns(const storage::TableSchema& upstream) {
  Types types{data::TypeKind::Int32};
  for (const uint32_t column : upstream.pk) types.push_back(upstream.types[column]);
  types.emplace_back(data::TypeKind::Boolean);
  types.emplace_back(data::TypeKind::Int64);
  return types;
}

}  // namespace

Result<Built> build_stream_scan(const Request& request) {
  const pb::StreamScanNode& scan = request.node.stream_scan();
  PENSTOCK_TRY(auto upstream, schema_of(scan.upstream_table(), 0));
  if (!same_kinds(upstream.types, request.inputs[0])) {
    return error(Code::Protocol, "changes of {} come with other columns than the table has", upstream.name);
  }
  if (!upstream.dist_key.empty() && upstream.vnode_count != request.context.vnodes.size()) {
    return error(Code::Protocol, "table {} has {} vnodes, its backfill {}", upstream.name, upstream.vnode_count,
                 request.context.vnodes.size());
  }
  auto output = numbers(scan.output());
  PENSTOCK_TRY(check_columns(output, upstream.types.size(), "output"));
  Types types = pick(upstream.types, output);
  PENSTOCK_TRY(auto progress, open_table(request, scan.progress(), progress_columns(upstream)));
  if (progress.schema().pk != std::vector<uint32_t>{0}) return error(Code::Protocol, "the progress of a backfill is kept by vnode");
  StreamScanOperator::Options options{std::move(upstream), std::move(output), std::move(progress)};
  options.rate_limit = scan.rate_limit();
  return Built{std::make_unique<StreamScanOperator>(std::move(options), request.context), std::move(types)};
}

}  // namespace penstock::stream::from_proto
