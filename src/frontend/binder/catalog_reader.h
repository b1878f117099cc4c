#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/types.h"

namespace penstock::pb {
class CatalogObject;
}

namespace penstock::frontend {

/// A relation that the system answers itself: of pg_catalog, information_schema, or penstock_sources and its like.
struct SystemRelation {
  std::string schema;
  std::string name;
  std::vector<data::Field> columns;
};

/// What binder and planner ask of the catalog: one database, at one moment. Pointers are good for as long as the reader is.
class CatalogReader {
 public:
  virtual ~CatalogReader() = default;
  /// Null if there is none. `schema` is never empty.
  [[nodiscard]] virtual const pb::CatalogObject* find(std::string_view schema, std::string_view name) const = 0;
  [[nodiscard]] virtual const pb::CatalogObject* find(uint32_t object_id) const = 0;
  /// Everything of the database, in order of id.
  [[nodiscard]] virtual std::vector<const pb::CatalogObject*> objects() const = 0;
  [[nodiscard]] virtual bool has_schema(std::string_view schema) const = 0;
  /// Null if there is none.
  [[nodiscard]] virtual const SystemRelation* find_system(std::string_view schema, std::string_view name) const = 0;
  /// Of a database by its name; nothing if there is none.
  [[nodiscard]] virtual std::optional<uint32_t> database_id(std::string_view name) const = 0;
};

}  // namespace penstock::frontend
