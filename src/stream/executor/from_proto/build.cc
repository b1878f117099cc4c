#include "stream/executor/from_proto/build.h"

#include <algorithm>

#include "expr/pb_types.h"
#include "proto/stream_plan.pb.h"

namespace penstock::stream::from_proto {

template <typename Fields>
Result<Types> types_of(const Fields& fields) {
  Types types;
  for (const auto& field : fields) {
    PENSTOCK_TRY(const auto type, expr::type_from_pb(field.type()));
    types.push_back(type);
  }
  return types;
}
template Result<Types> types_of(const google::protobuf::RepeatedPtrField<pb::Field>& fields);
template Result<Types> types_of(const google::protobuf::RepeatedPtrField<pb::Column>& fields);

Status check_columns(std::span<const uint32_t> columns, size_t width, std::string_view what) {
  for (const uint32_t column : columns) {
    if (column >= width) return error(Code::Protocol, "{}: column {} of an input of {}", what, column, width);
  }
  return ok();
}

Types pick(const Types& types, std::span<const uint32_t> columns) {
  Types out;
  for (const uint32_t column : columns) out.push_back(types[column]);
  return out;
}

bool same_kinds(const Types& a, const Types& b) {
  return std::ranges::equal(a, b, [](data::DataType x, data::DataType y) { return x.kind == y.kind; });
}

Result<storage::TableSchema> schema_of(const pb::TableDesc& desc, uint32_t base) {
  storage::TableSchema schema;
  schema.id = TableId{desc.table_id() + base};
  schema.name = desc.name();
  PENSTOCK_TRY(schema.types, types_of(desc.columns()));
  for (const pb::SortKey& key : desc.pk()) {
    schema.pk.push_back(key.column());
    schema.orders.push_back({key.descending(), key.nulls_first()});
  }
  for (const pb::Column& column : desc.columns()) {
    if (!column.has_added()) {
      if (!schema.added.empty())
        return error(Code::Protocol, "table {}: column {} is behind one that was added later", schema.name, column.name());
      continue;
    }
    PENSTOCK_TRY(auto value, expr::value_of_literal(column.added()));
    schema.added.push_back(std::move(value));
  }
  schema.dist_key = numbers(desc.dist_key());
  schema.vnode_count = desc.vnode_count() == 0 ? kDefaultVNodeCount : desc.vnode_count();
  schema.lookup_prefix = desc.lookup_prefix();
  if (schema.vnode_count > 32768) return error(Code::Protocol, "table {}: {} vnodes", schema.name, schema.vnode_count);
  const size_t width = schema.types.size();
  PENSTOCK_TRY(check_columns(schema.pk, width, schema.name));
  PENSTOCK_TRY(check_columns(schema.dist_key, width, schema.name));
  return schema;
}

Result<storage::StateTable> open_table(const Request& request, const pb::TableDesc& desc, const Types& columns) {
  PENSTOCK_TRY(auto schema, schema_of(desc, request.context.table_base));
  if (!same_kinds(schema.types, columns)) {
    return error(Code::Protocol, "table {}: its {} columns are not those of the operator, {}", schema.name, schema.types.size(),
                 columns.size());
  }
  if (!schema.dist_key.empty() && schema.vnode_count != request.context.vnodes.size()) {
    return error(Code::Protocol, "table {} has {} vnodes, its actor {}", schema.name, schema.vnode_count, request.context.vnodes.size());
  }
  return storage::StateTable::open(request.context.store, request.context.graph.graph, std::move(schema), request.context.vnodes);
}

Status check_pk(const storage::TableSchema& schema, std::span<const uint32_t> first, bool nothing_else) {
  const bool fits = nothing_else ? schema.pk.size() == first.size() : schema.pk.size() >= first.size();
  if (!fits || !std::is_permutation(first.begin(), first.end(), schema.pk.begin())) {
    return error(Code::Protocol, "table {}: its primary key does not begin with what it is looked up by", schema.name);
  }
  for (const uint32_t column : schema.dist_key) {
    if (std::ranges::find(first, column) == first.end()) {
      return error(Code::Protocol, "table {}: its distribution key is not among what it is looked up by", schema.name);
    }
  }
  return ok();
}

ObjectId object_of(uint32_t id, const ActorContext& context) { return id == 0 ? context.job : ObjectId{id}; }

}  // namespace penstock::stream::from_proto
