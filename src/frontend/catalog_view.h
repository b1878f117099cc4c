#pragma once

#include "frontend/binder/catalog_reader.h"
#include "frontend/meta_client.h"

namespace penstock::frontend {

/// The binder's view of one database in meta's catalog. What is being created to take a view's place is not seen by name. Value of one
/// statement; keeps its MetaView alive.
class CatalogView : public CatalogReader {
 public:
  CatalogView(MetaViewPtr view, DatabaseId database) : view_(std::move(view)), database_(database) {}

  const pb::CatalogObject* find(std::string_view schema, std::string_view name) const override;
  const pb::CatalogObject* find(uint32_t object_id) const override;
  std::vector<const pb::CatalogObject*> objects() const override;
  bool has_schema(std::string_view schema) const override;
  const SystemRelation* find_system(std::string_view schema, std::string_view name) const override;
  std::optional<uint32_t> database_id(std::string_view name) const override;

  [[nodiscard]] const MetaView& meta() const { return *view_; }
  [[nodiscard]] const MetaViewPtr& meta_ptr() const { return view_; }
  [[nodiscard]] DatabaseId database() const { return database_; }

 private:
  const MetaViewPtr view_;
  const DatabaseId database_;
};

/// Errors: `UndefinedDatabase`.
[[nodiscard]] Result<DatabaseId> find_database(const MetaView& view, std::string_view name);

}  // namespace penstock::frontend
