#include "expr/pb_types.h"

#include "proto/expr.pb.h"

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

Result<DataType> type_from_pb(const pb::DataType& message) {
  if (!data::is_type_kind(message.kind())) return error(Code::Protocol, "{} is no type", message.kind());
  const auto kind = static_cast<TypeKind>(message.kind());
  if (kind != TypeKind::Numeric || message.precision() <= 0) return DataType(kind);  // 0 as well: a message that never set it
  if (message.precision() > 1000 || message.scale() < -1000 || message.scale() > 1000) {
    return error(Code::Protocol, "numeric({},{}) is no type", message.precision(), message.scale());
  }
  return DataType(kind, static_cast<int16_t>(message.precision()), static_cast<int16_t>(message.scale()));
}

void type_to_pb(DataType type, pb::DataType& message) {
  message.set_kind(static_cast<uint32_t>(type.kind));
  message.set_precision(type.precision);
  message.set_scale(type.scale);
}

Result<data::Datum> value_of_literal(const pb::Literal& literal) {
  if (literal.is_null()) return data::Datum();
  PENSTOCK_TRY(const DataType type, type_from_pb(literal.type()));
  return data::from_text(literal.text(), type);
}

}  // namespace penstock::expr
