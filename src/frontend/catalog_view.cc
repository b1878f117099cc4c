#include "frontend/catalog_view.h"

#include "frontend/system_relations.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {

const pb::CatalogObject* CatalogView::find(std::string_view schema, std::string_view name) const {
  for (const pb::CatalogObject& object : view_->catalog->objects()) {
    if (object.database_id() == database_.value && object.name() == name && object.schema() == schema && object.replaces() == 0)
      return &object;
  }
  return nullptr;
}

const pb::CatalogObject* CatalogView::find(uint32_t object_id) const {
  for (const pb::CatalogObject& object : view_->catalog->objects()) {
    if (object.id() == object_id) return &object;
  }
  return nullptr;
}

std::vector<const pb::CatalogObject*> CatalogView::objects() const {
  std::vector<const pb::CatalogObject*> out;
  for (const pb::CatalogObject& object : view_->catalog->objects()) {
    if (object.database_id() == database_.value && object.replaces() == 0) out.push_back(&object);
  }
  std::ranges::sort(out, {}, [](const pb::CatalogObject* object) { return object->id(); });
  return out;
}

bool CatalogView::has_schema(std::string_view schema) const {
  return schema == "public" || schema == "pg_catalog" || schema == "information_schema" || schema == "penstock";
}

const SystemRelation* CatalogView::find_system(std::string_view schema, std::string_view name) const {
  return find_system_relation(schema, name);
}

std::optional<uint32_t> CatalogView::database_id(std::string_view name) const {
  const auto found = find_database(*view_, name);
  return found.has_value() ? std::optional(found.value().value) : std::nullopt;
}

Result<DatabaseId> find_database(const MetaView& view, std::string_view name) {
  for (const pb::Database& database : view.catalog->databases()) {
    if (database.name() == name) return DatabaseId{database.id()};
  }
  return error(Code::UndefinedDatabase, "database \"{}\" does not exist", name);
}

}  // namespace penstock::frontend
