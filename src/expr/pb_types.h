#pragma once

#include "data/datum.h"
#include "data/types.h"

namespace penstock::pb {
class DataType;
class Literal;
}  // namespace penstock::pb

namespace penstock::expr {

/// Types between their message and their value. Kind 0 is no type: `from_pb` answers `Protocol`.
[[nodiscard]] Result<data::DataType> type_from_pb(const pb::DataType& message);
void type_to_pb(data::DataType type, pb::DataType& message);

/// A literal of a known type, read from its Postgres text form. Errors: as `data::from_text`.
[[nodiscard]] Result<data::Datum> value_of_literal(const pb::Literal& literal);

}  // namespace penstock::expr
