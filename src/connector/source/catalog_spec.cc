#include "connector/source/catalog_spec.h"

#include "proto/catalog.pb.h"

namespace penstock::connector {

SourceSpec spec_of(const pb::CatalogObject& source) {
  SourceSpec spec{.name = source.name(), .format = source.format(), .encode = source.encode()};
  spec.properties.insert(source.properties().begin(), source.properties().end());
  for (const pb::Column& column : source.columns()) {
    if (column.hidden()) continue;
    const pb::DataType& type = column.type();
    spec.columns.fields.push_back(
        {column.name(),
         {static_cast<data::TypeKind>(type.kind()), static_cast<int16_t>(type.precision()), static_cast<int16_t>(type.scale())}});
  }
  return spec;
}

}  // namespace penstock::connector
