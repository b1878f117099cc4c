#include "frontend/binder/resolve_name.h"

#include "frontend/binder/suggest.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {
namespace {

Status check_database(const ast::ObjectName& name, const SessionSettings& settings) {
  if (name.database.empty() || name.database == settings.database) return ok();
  return error(Code::NotSupported, "cross-database references are not supported: \"{}.{}.{}\"", name.database, name.schema, name.name)
      .at(name.position);
}

Error unknown_relation(const ast::ObjectName& name, const CatalogReader& catalog) {
  const Error e = error(Code::UndefinedTable, "relation \"{}{}{}\" does not exist", name.schema, name.schema.empty() ? "" : ".", name.name)
                      .at(name.position);
  std::vector<std::string> names;
  for (const pb::CatalogObject* object : catalog.objects()) names.push_back(object->name());
  const std::string meant = nearest(name.name, names);
  return meant.empty() ? e : e.with_hint(fmt::format("Perhaps you meant \"{}\".", meant));
}

}  // namespace

Result<ResolvedRelation> resolve_relation(const ast::ObjectName& name, const CatalogReader& catalog, const SessionSettings& settings) {
  PENSTOCK_TRY(check_database(name, settings));
  std::vector<std::string> schemas = {name.schema};
  if (name.schema.empty()) {
    schemas = settings.search_path;
    schemas.insert(schemas.begin(), "pg_catalog");  // first, as in Postgres
  }
  for (const std::string& schema : schemas) {
    if (const auto* object = catalog.find(schema, name.name)) return ResolvedRelation{object, nullptr};
    if (const auto* system = catalog.find_system(schema, name.name)) return ResolvedRelation{nullptr, system};
  }
  return unknown_relation(name, catalog);
}

Status check_not_stale(const pb::CatalogObject& object, std::string_view verb, uint32_t position) {
  if (object.state() != pb::JOB_QUARANTINED) return ok();
  return error(Code::Stale, "cannot {} \"{}\": it is stale since epoch {}, when it was quarantined", verb, object.name(),
               object.stale_since())
      .at(position)
      .with_detail(object.state_reason())
      .with_hint(fmt::format("ALTER {} {} RESUME lets it go on; SET allow_stale_reads = true lets a SELECT read it as it was.",
                             object.kind() == pb::OBJECT_TABLE ? "TABLE" : "MATERIALIZED VIEW", object.name()));
}

Result<NewName> resolve_new_name(const ast::ObjectName& name, const CatalogReader& catalog, const SessionSettings& settings) {
  PENSTOCK_TRY(check_database(name, settings));
  NewName result{name.schema, name.name};
  if (result.schema.empty()) result.schema = settings.search_path.empty() ? "public" : settings.search_path.front();
  if (!catalog.has_schema(result.schema))
    return error(Code::UndefinedObject, "schema \"{}\" does not exist", result.schema).at(name.position);
  return result;
}

}  // namespace penstock::frontend
