#include "frontend/planner/state_tables.h"

#include "common/vnode.h"
#include "expr/pb_types.h"

namespace penstock::frontend {

pb::TableDesc make_table(const TableSpec& spec) {
  pb::TableDesc table;
  table.set_table_id(spec.id);
  table.set_name(spec.name);
  for (const auto& field : spec.columns) {
    auto& column = *table.add_columns();
    column.set_name(field.name);
    expr::type_to_pb(field.type, *column.mutable_type());
  }
  for (const uint32_t column : spec.pk) table.add_pk()->set_column(column);
  for (const uint32_t column : spec.dist) table.add_dist_key(column);
  table.set_vnode_count(kDefaultVNodeCount);
  table.set_lookup_prefix(spec.lookup_prefix);
  return table;
}

// Types in plans and catalog are ours.
data::DataType type_of(const pb::DataType& type) {
  return {static_cast<data::TypeKind>(type.kind()), static_cast<int16_t>(type.precision()), static_cast<int16_t>(type.scale())};
}

std::vector<data::Field> fields_of(const pb::StreamNode& node) {
  std::vector<data::Field> fields;
  for (const auto& f : node.fields()) fields.push_back({f.name(), type_of(f.type())});
  return fields;
}

std::vector<std::string> names_of(const pb::StreamNode& node) {
  std::vector<std::string> names;
  for (const auto& f : node.fields()) names.push_back(f.name());
  return names;
}

void add_field(pb::StreamNode& node, std::string name, data::DataType type) {
  auto& field = *node.add_fields();
  field.set_name(std::move(name));
  expr::type_to_pb(type, *field.mutable_type());
}

}  // namespace penstock::frontend
