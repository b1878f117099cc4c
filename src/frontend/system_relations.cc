#include "frontend/system_relations.h"

#include "proto/catalog.pb.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

using enum data::TypeKind;
constexpr int32_t kPublicOid = 2200, kPgCatalogOid = 11, kOwnerOid = 10, kUtf8 = 6;

class Rows {
 public:
  explicit Rows(const SystemRelation& relation) {
    for (const data::Field& field : relation.columns) builders_.emplace_back(field.type, 16);
  }
  void add(const data::Row& row) {
    for (size_t i = 0; i < row.size(); ++i) builders_[i].append(row[i]);
    ++rows_;
  }
  data::DataChunk finish() {
    std::vector<data::Column> columns;
    for (auto& builder : builders_) columns.push_back(builder.finish());
    return {std::move(columns), rows_};
  }

 private:
  std::vector<data::AnyColumnBuilder> builders_;
  size_t rows_ = 0;
};

std::string relkind(const pb::CatalogObject& object) {
  switch (object.kind()) {
    case pb::OBJECT_MATERIALIZED_VIEW:
      return "m";
    case pb::OBJECT_VIEW:
      return "v";
    case pb::OBJECT_SOURCE:
      return "x";
    case pb::OBJECT_SINK:
      return "k";
    default:
      return "r";
  }
}

std::string table_type(const pb::CatalogObject& object) {
  switch (object.kind()) {
    case pb::OBJECT_MATERIALIZED_VIEW:
      return "MATERIALIZED VIEW";
    case pb::OBJECT_VIEW:
      return "VIEW";
    case pb::OBJECT_SOURCE:
      return "SOURCE";
    case pb::OBJECT_SINK:
      return "SINK";
    default:
      return "BASE TABLE";
  }
}

data::DataType column_type(const pb::Column& column) { return static_cast<data::TypeKind>(column.type().kind()); }

std::string database_name(const CatalogView& catalog) {
  for (const pb::Database& database : catalog.meta().catalog->databases()) {
    if (DatabaseId{database.id()} == catalog.database()) return database.name();
  }
  return "";
}

// Calls `row(object, column, ordinal)` for every visible column.
template <typename F>
void for_each_column(const CatalogView& catalog, F&& row) {
  for (const pb::CatalogObject* object : catalog.objects()) {
    int32_t ordinal = 0;
    for (const pb::Column& column : object->columns()) {
      if (!column.hidden()) row(*object, column, ++ordinal);
    }
  }
}

void add_types(Rows& rows) {
  constexpr std::pair<data::TypeKind, std::string_view> kTypes[] = {
      {Boolean, "bool"},    {Int16, "int2"},      {Int32, "int4"}, {Int64, "int8"},          {Float32, "float4"},   {Float64, "float8"},
      {Numeric, "numeric"}, {Varchar, "varchar"}, {Date, "date"},  {Timestamp, "timestamp"}, {Interval, "interval"}};
  for (const auto& [kind, name] : kTypes) {
    rows.add({static_cast<int32_t>(data::postgres_oid(kind)), std::string(name), kPgCatalogOid, data::postgres_size(kind)});
  }
}

data::DataChunk catalog_rows(const SystemRelation& relation, const CatalogView& catalog) {
  Rows rows(relation);
  const std::string database = database_name(catalog);
  const std::string& name = relation.name;
  const auto oid = [](uint32_t id) { return static_cast<int32_t>(id); };
  if (name == "pg_namespace") {
    rows.add({kPublicOid, std::string("public"), kOwnerOid, {}});
    rows.add({kPgCatalogOid, std::string("pg_catalog"), kOwnerOid, {}});
  } else if (name == "pg_database") {
    for (const pb::Database& d : catalog.meta().catalog->databases()) {
      const std::string c = "C", libc = "c";
      rows.add({oid(d.id()), d.name(), kOwnerOid, kUtf8, c, c, {}, libc, {}, false, true});
    }
  } else if (name == "pg_type") {
    add_types(rows);
  } else if (name == "pg_attribute") {
    for_each_column(catalog, [&](const auto& object, const auto& column, int32_t ordinal) {
      rows.add({oid(object.id()), column.name(), oid(data::postgres_oid(column_type(column).kind)), static_cast<int16_t>(ordinal),
                column.not_null(), false});
    });
  } else if (name == "columns") {
    for_each_column(catalog, [&](const auto& object, const auto& column, int32_t ordinal) {
      rows.add({database, object.schema(), object.name(), column.name(), ordinal, std::string(column.not_null() ? "NO" : "YES"),
                column_type(column).to_string()});
    });
  } else {
    for (const pb::CatalogObject* object : catalog.objects()) {
      if (object->kind() == pb::OBJECT_SUBSCRIPTION) continue;  // has no columns and no rows of its own
      if (name == "pg_tables" && object->kind() == pb::OBJECT_TABLE) rows.add({object->schema(), object->name(), object->owner()});
      if (name == "pg_matviews" && object->kind() == pb::OBJECT_MATERIALIZED_VIEW) {
        rows.add({object->schema(), object->name(), object->owner(), object->definition()});
      }
      if (name == "pg_class") {
        rows.add({oid(object->id()), object->name(), kPublicOid, relkind(*object), kOwnerOid, 0, std::string("p"), -1.0F, false});
      }
      if (name == "tables") rows.add({database, object->schema(), object->name(), table_type(*object)});
    }
  }
  return rows.finish();
}

}  // namespace

Result<data::DataChunk> system_rows(const SystemRelation& relation, const CatalogView& catalog, MetaClient& meta,
                                    const CancelFlag& cancel) {
  if (relation.schema != "penstock") return catalog_rows(relation, catalog);
  pb::SystemRowsRequest request;
  request.set_relation(relation.name);
  request.set_database_id(catalog.database().value);
  const auto answer = meta.call("/penstock.Meta/SystemRows", request.SerializeAsString(), std::chrono::seconds(10), &cancel);
  if (answer.has_error() && answer.error().code() == Code::OutcomeUnknown) {  // it only reads
    return error(Code::Unavailable, "{}", answer.error().message()).with_hint(answer.error().hint());
  }
  PENSTOCK_TRY(const rpc::Bytes& bytes, answer);
  pb::SystemRowsResponse response;
  if (!response.ParseFromString(bytes)) return error(Code::Protocol, "meta's answer is no SystemRowsResponse");
  Rows rows(relation);
  for (const pb::SystemRow& values : response.rows()) {
    if (static_cast<size_t>(values.values_size()) != relation.columns.size()) {
      return error(Code::Protocol, "meta's rows of {} have {} columns, not {}", relation.name, values.values_size(),
                   relation.columns.size());
    }
    data::Row row;
    for (int i = 0; i < values.values_size(); ++i) {
      if (i < values.nulls_size() && values.nulls(i)) {
        row.emplace_back();
        continue;
      }
      PENSTOCK_TRY(row.emplace_back(), data::from_text(values.values(i), relation.columns[static_cast<size_t>(i)].type));
    }
    rows.add(row);
  }
  return rows.finish();
}

}  // namespace penstock::frontend
