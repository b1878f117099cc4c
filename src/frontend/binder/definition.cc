#include "frontend/binder/definition.h"

#include <algorithm>
#include <charconv>

#include "expr/pb_types.h"
#include "frontend/binder/expr_binder.h"
#include "frontend/binder/resolve_name.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {
namespace {

Error unsupported_clause(std::string_view what, uint32_t position) {
  return error(Code::NotSupported, "{} is not supported", what).at(position);
}

Status add_column(const ast::ColumnDef& def, bool source, pb::CatalogObject& object, BindContext& context) {
  for (const auto& other : object.columns()) {
    if (other.name() == def.name) return error(Code::DuplicateColumn, "column \"{}\" specified more than once", def.name).at(def.position);
  }
  if (def.name == kRowIdColumn) {
    return error(Code::DuplicateColumn, "column name \"{}\" conflicts with a system column name", def.name).at(def.position);
  }
  PENSTOCK_TRY(const auto type, bind_type(def.type));
  if (source && def.not_null) return unsupported_clause("NOT NULL in a source", def.position);
  if (source && def.default_value) return unsupported_clause("DEFAULT in a source", def.position);
  auto& column = *object.add_columns();
  column.set_name(def.name);
  column.set_not_null(def.not_null);
  expr::type_to_pb(type, *column.mutable_type());
  if (!def.default_value) return ok();
  const Scope nothing;
  PENSTOCK_TRY(auto value, ExprBinder(context, nothing, "DEFAULT").bind(*def.default_value));
  if (!value.unknown && !expr::can_cast(value.type, type, expr::CastKind::Assignment)) {
    return error(Code::DatatypeMismatch, "column \"{}\" is of type {} but default expression is of type {}", def.name, type.to_string(),
                 value.type.to_string())
        .at(def.default_value->position);
  }
  PENSTOCK_TRY(value, context.factory.coerce(std::move(value), type, expr::CastKind::Assignment, def.default_value->position));
  to_proto(value, *column.mutable_default_value());
  return ok();
}

Status add_primary_key(const std::vector<ast::NameAt>& key, pb::CatalogObject& object) {
  for (const ast::NameAt& name : key) {
    const auto column = std::find_if(object.mutable_columns()->begin(), object.mutable_columns()->end(),
                                     [&](const pb::Column& c) { return c.name() == name.name; });
    if (column == object.mutable_columns()->end()) {
      return error(Code::UndefinedColumn, "column \"{}\" named in key does not exist", name.name).at(name.position);
    }
    const auto index = static_cast<uint32_t>(column - object.mutable_columns()->begin());
    if (std::count(object.pk_columns().begin(), object.pk_columns().end(), index) > 0) {
      return error(Code::DuplicateColumn, "column \"{}\" appears twice in primary key constraint", name.name).at(name.position);
    }
    column->set_not_null(true);
    object.add_pk_columns(index);
  }
  return ok();
}

Status source_clauses(const ast::CreateRelation& create, pb::CatalogObject& object) {
  if (!create.primary_key.empty()) return unsupported_clause("PRIMARY KEY of a source", create.primary_key.front().position);
  const auto plain = create.format.empty() || create.format == "PLAIN";
  const auto known = create.encode.empty() || create.encode == "CSV" || create.encode == "JSON";
  if (!plain || !known) return unsupported_clause(fmt::format("FORMAT {} ENCODE {}", create.format, create.encode), create.format_position);
  set_properties(create.options, object);
  // Options of the format are kept apart from those of the connector (connector/source/split_reader.h).
  for (const ast::Option& option : create.encode_options) (*object.mutable_properties())["encode." + option.key] = option.value;
  const auto connector = object.properties().find("connector");
  if (connector == object.properties().end() || connector->second.empty()) {
    return error(Code::InvalidParameter, "source \"{}\" needs WITH (connector = '…')", create.name.name).at(create.name.position);
  }
  for (const ast::Option& option : create.options) {
    if (option.key == "source_rate_limit") {
      PENSTOCK_TRY(rate_limit_of(option));
    }
  }
  object.set_format(create.format);
  object.set_encode(create.encode);
  object.set_append_only(true);
  return ok();
}

Status table_clauses(const ast::CreateRelation& create, pb::CatalogObject& object) {
  for (const ast::Option& option : create.options) {
    return unsupported_clause(option.key == "connector" ? "a table with a connector" : fmt::format("option \"{}\" of a table", option.key),
                              option.position);
  }
  if (!create.format.empty()) return unsupported_clause("FORMAT of a table", create.format_position);
  PENSTOCK_TRY(add_primary_key(create.primary_key, object));
  if (create.primary_key.empty()) {
    auto& row_id = *object.add_columns();
    row_id.set_name(std::string(kRowIdColumn));
    row_id.set_hidden(true);
    expr::type_to_pb(data::TypeKind::Int64, *row_id.mutable_type());
  }
  return ok();
}

}  // namespace

Result<pb::CatalogObject> new_object(const ast::ObjectName& name, bool if_not_exists, std::string_view definition,
                                     const BindContext& context) {
  PENSTOCK_TRY(const auto resolved, resolve_new_name(name, context.catalog, context.settings));
  if (!if_not_exists && context.catalog.find(resolved.schema, resolved.name) != nullptr) {
    return error(Code::DuplicateTable, "relation \"{}\" already exists", resolved.name).at(name.position);
  }
  pb::CatalogObject object;
  object.set_database_id(context.settings.database_id);
  object.set_schema(resolved.schema);
  object.set_name(resolved.name);
  object.set_owner(context.settings.user);
  object.set_definition(std::string(definition));
  return object;
}

Result<pb::CatalogObject> bind_definition(const ast::CreateRelation& create, std::string_view definition, BindContext& context) {
  PENSTOCK_TRY(auto object, new_object(create.name, create.if_not_exists, definition, context));
  const bool source = create.kind == ast::RelationKind::Source;
  object.set_kind(source ? pb::OBJECT_SOURCE : pb::OBJECT_TABLE);
  for (const ast::ColumnDef& column : create.columns) {
    PENSTOCK_TRY(add_column(column, source, object, context));
  }
  if (object.columns().empty())
    return unsupported_clause(source ? "a source without columns" : "a table without columns", create.name.position);
  PENSTOCK_TRY(source ? source_clauses(create, object) : table_clauses(create, object));
  return object;
}

Result<pb::Column> bind_added_column(const ast::AddColumn& add, const pb::CatalogObject& table, BindContext& context) {
  const ast::ColumnDef& def = add.column;
  for (const auto& other : table.columns()) {
    if (other.name() != def.name) continue;
    return error(Code::DuplicateColumn, "column \"{}\" of relation \"{}\" already exists", def.name, table.name()).at(def.position);
  }
  if (!add.primary_key.empty()) return unsupported_clause("PRIMARY KEY of a column that is added", add.primary_key.front().position);
  pb::CatalogObject widened;
  PENSTOCK_TRY(add_column(def, false, widened, context));
  pb::Column& column = *widened.mutable_columns(0);
  if (!column.has_default_value()) {
    if (def.not_null) {
      return error(Code::NotNullViolation, "column \"{}\" of relation \"{}\" contains null values", def.name, table.name())
          .at(def.position)
          .with_hint("The rows that are there get the DEFAULT of the column: give it one that is not NULL.");
    }
    column.mutable_added()->set_is_null(true);
    return std::move(column);
  }
  if (!column.default_value().has_literal()) {
    return error(Code::NotSupported, "a DEFAULT that is no constant is not supported for a column that is added")
        .at(def.default_value->position)
        .with_hint("The rows that are there all get one value.");
  }
  *column.mutable_added() = column.default_value().literal();
  if (!def.not_null || !column.added().is_null()) return std::move(column);
  return error(Code::NotNullViolation, "column \"{}\" of relation \"{}\" contains null values", def.name, table.name())
      .at(def.default_value->position);
}

void set_properties(const std::vector<ast::Option>& options, pb::CatalogObject& object) {
  for (const ast::Option& option : options) (*object.mutable_properties())[option.key] = option.value;
}

Result<uint64_t> rate_limit_of(const ast::Option& option) {
  uint64_t value = 0;
  const char* const end = option.value.data() + option.value.size();
  const auto [stop, failure] = std::from_chars(option.value.data(), end, value);
  if (failure != std::errc{} || stop != end) {
    return error(Code::InvalidParameter, "{} must be a number of rows a second, not \"{}\"", option.key, option.value).at(option.position);
  }
  return value;
}

}  // namespace penstock::frontend
