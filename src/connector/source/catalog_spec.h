#pragma once

#include "connector/source/split_reader.h"

namespace penstock::pb {
class CatalogObject;
}

namespace penstock::connector {

/// The source as the catalog holds it.
[[nodiscard]] SourceSpec spec_of(const pb::CatalogObject& source);

}  // namespace penstock::connector
