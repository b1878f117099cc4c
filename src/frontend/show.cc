#include "frontend/show.h"

#include "expr/registry.h"
#include "frontend/planner/state_tables.h"
#include "frontend/system_relations.h"

namespace penstock::frontend {
namespace {

using ast::ShowKind;
using Texts = std::vector<std::vector<std::string>>;

data::DataChunk chunk_of(const Texts& rows, size_t width) {
  std::vector<data::Column> columns;
  for (size_t i = 0; i < width; ++i) {
    data::ColumnBuilder<data::Text> builder(data::TypeKind::Varchar, std::max<size_t>(rows.size(), 1));
    for (const auto& row : rows) builder.append(std::string_view(row[i]));
    columns.push_back(builder.finish());
  }
  return {std::move(columns), rows.size()};
}

// LIKE with % and _.
bool like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (like(text.substr(i), pattern.substr(1))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && like(text.substr(1), pattern.substr(1));
}

pb::ObjectKind object_kind(ShowKind kind) {
  switch (kind) {
    case ShowKind::Tables:
      return pb::OBJECT_TABLE;
    case ShowKind::Sources:
      return pb::OBJECT_SOURCE;
    case ShowKind::MaterializedViews:
      return pb::OBJECT_MATERIALIZED_VIEW;
    case ShowKind::Views:
      return pb::OBJECT_VIEW;
    case ShowKind::Sinks:
      return pb::OBJECT_SINK;
    case ShowKind::Subscriptions:
      return pb::OBJECT_SUBSCRIPTION;
    default:
      return pb::OBJECT_UNKNOWN;
  }
}

Texts object_names(const Show& show, const CatalogView& catalog) {
  Texts rows;
  for (const pb::CatalogObject* object : catalog.objects()) {
    if (object->kind() == object_kind(show.kind) && (show.schema.empty() || show.schema == object->schema()))
      rows.push_back({object->name()});
  }
  return rows;
}

Texts table_columns(const pb::CatalogObject& object) {
  Texts rows;
  for (int i = 0; i < object.columns_size(); ++i) {
    const pb::Column& column = object.columns(i);
    const bool key = std::ranges::find(object.pk_columns(), static_cast<uint32_t>(i)) != object.pk_columns().end();
    rows.push_back({column.name(), type_of(column.type()).to_string(), column.hidden() ? "true" : "false", key ? "primary key" : ""});
  }
  return rows;
}

Result<data::DataChunk> system_chunk(std::string_view name, const CatalogView& catalog, MetaClient& meta, const CancelFlag& cancel) {
  return system_rows(*find_system_relation("penstock", name), catalog, meta, cancel);
}

std::vector<ResultColumn> columns_of_relation(std::string_view name) {
  std::vector<ResultColumn> columns;
  for (const data::Field& field : find_system_relation("penstock", name)->columns) columns.push_back({field.name, field.type});
  return columns;
}

std::vector<ResultColumn> texts(std::initializer_list<std::string_view> names) {
  std::vector<ResultColumn> columns;
  for (const std::string_view name : names) columns.push_back({std::string(name), data::TypeKind::Varchar});
  return columns;
}

Texts all_variables(const SessionVariables& variables) {
  Texts rows;
  for (const auto& [name, value] : variables.all()) rows.push_back({name, value, std::string(variables.description(name))});
  return rows;
}

}  // namespace

std::vector<ResultColumn> show_columns(const Show& show) {
  switch (show.kind) {
    case ShowKind::Jobs:
      return columns_of_relation("penstock_jobs");
    case ShowKind::Cluster:
      return columns_of_relation("penstock_workers");
    case ShowKind::Cursors:
      return texts({"Name", "Subscription", "Position"});
    case ShowKind::Columns:
      return texts({"Name", "Type", "Is Hidden", "Description"});
    case ShowKind::Create:
      return texts({"Name", "Create Sql"});
    case ShowKind::All:
    case ShowKind::Parameters:
      return texts({"Name", "Setting", "Description"});
    case ShowKind::Variable:
      return texts({show.variable});
    case ShowKind::Functions:
      return texts({"Function"});
    default:
      return texts({"Name"});
  }
}

Result<data::DataChunk> show_rows(const Show& show, const CatalogView& catalog, const SessionVariables& variables, MetaClient& meta,
                                  const CancelFlag& cancel) {
  Texts rows;
  switch (show.kind) {
    case ShowKind::Jobs:
      return system_chunk("penstock_jobs", catalog, meta, cancel);
    case ShowKind::Cluster:
      return system_chunk("penstock_workers", catalog, meta, cancel);
    case ShowKind::Columns:
      rows = table_columns(*show.object);
      break;
    case ShowKind::Create:
      rows = {{show.object->schema() + "." + show.object->name(), show.object->definition()}};
      break;
    case ShowKind::All:
    case ShowKind::Parameters:
      rows = all_variables(variables);
      break;
    case ShowKind::Variable: {
      PENSTOCK_TRY(std::string value, variables.get(show.variable));
      rows = {{std::move(value)}};
      break;
    }
    case ShowKind::Functions:
      for (std::string& line : expr::list_functions()) rows.push_back({std::move(line)});
      break;
    case ShowKind::Databases:
      for (const pb::Database& database : catalog.meta().catalog->databases()) rows.push_back({database.name()});
      break;
    case ShowKind::Schemas:
      rows = {{"information_schema"}, {"penstock"}, {"pg_catalog"}, {"public"}};
      break;
    case ShowKind::InternalTables:
    case ShowKind::Indexes:
      return error(Code::NotSupported, "SHOW of indexes and internal tables is not supported");
    default:
      rows = object_names(show, catalog);
  }
  if (show.like) std::erase_if(rows, [&](const auto& row) { return !like(row[0], *show.like); });
  return chunk_of(rows, show_columns(show).size());
}

}  // namespace penstock::frontend
