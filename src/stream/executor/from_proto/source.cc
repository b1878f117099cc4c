#include "stream/executor/source/source.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

namespace {

Result<data::Schema> columns_of(const pb::SourceNode& source) {
  PENSTOCK_TRY(const auto types, types_of(source.columns()));
  data::Schema schema;
  for (int i = 0; i < source.columns_size(); ++i) schema.fields.push_back({source.columns(i).name(), types[static_cast<size_t>(i)]});
  return schema;
}

}  // namespace

Result<Built> build_source(const Request& request) {
  const pb::SourceNode& source = request.node.source();
  SourceOperator::Options options;
  options.source = ObjectId{source.source_id()};
  options.spec.name = source.source_name();
  options.spec.properties = {source.properties().begin(), source.properties().end()};
  options.spec.format = source.format();
  options.spec.encode = source.encode();
  PENSTOCK_TRY(options.spec.columns, columns_of(source));
  options.output = numbers(source.output());
  options.with_row_id = source.with_row_id();
  options.rate_limit = source.rate_limit();
  options.own_rate = connector::own_rate(options.spec);
  if (options.own_rate != 0) {  // a generator: listing its splits touches no file
    PENSTOCK_TRY(const auto splits, connector::list_splits(options.spec));
    options.own_splits = std::max<uint64_t>(splits.size(), 1);
  }
  PENSTOCK_TRY(check_columns(options.output, options.spec.columns.size(), "output"));
  Types types;
  for (const uint32_t column : options.output) types.push_back(options.spec.columns[column].type);
  if (options.with_row_id) types.emplace_back(data::TypeKind::Int64);
  return Built{std::make_unique<SourceOperator>(std::move(options), request.context, connector::open_split), std::move(types)};
}

}  // namespace penstock::stream::from_proto
