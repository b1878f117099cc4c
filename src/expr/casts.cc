#include "expr/casts.h"

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

TypeCategory category_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return TypeCategory::Boolean;
    case TypeKind::Int16:
    case TypeKind::Int32:
    case TypeKind::Int64:
    case TypeKind::Float32:
    case TypeKind::Float64:
    case TypeKind::Numeric:
      return TypeCategory::Number;
    case TypeKind::Varchar:
      return TypeCategory::String;
    case TypeKind::Date:
    case TypeKind::Timestamp:
      return TypeCategory::DateTime;
    case TypeKind::Interval:
      return TypeCategory::Timespan;
  }
  PENSTOCK_CHECK(false, "type kind {}", static_cast<int>(kind));
}

bool is_preferred(TypeKind kind) {
  return kind == TypeKind::Boolean || kind == TypeKind::Float64 || kind == TypeKind::Varchar || kind == TypeKind::Timestamp ||
         kind == TypeKind::Interval;
}

namespace {

// Numbers cast implicitly to what stands to their right: no digit before the point is lost on the way.
int number_rank(TypeKind kind) {
  switch (kind) {
    case TypeKind::Int16:
      return 0;
    case TypeKind::Int32:
      return 1;
    case TypeKind::Int64:
      return 2;
    case TypeKind::Numeric:
      return 3;
    case TypeKind::Float32:
      return 4;
    case TypeKind::Float64:
      return 5;
    default:
      return -1;
  }
}

std::optional<CastKind> cast_level(TypeKind from, TypeKind to) {
  if (from == to) return CastKind::Implicit;
  if (number_rank(from) >= 0 && number_rank(to) >= 0)
    return number_rank(from) < number_rank(to) ? CastKind::Implicit : CastKind::Assignment;
  if (from == TypeKind::Date && to == TypeKind::Timestamp) return CastKind::Implicit;
  if (from == TypeKind::Timestamp && to == TypeKind::Date) return CastKind::Assignment;
  if (to == TypeKind::Varchar) return CastKind::Assignment;
  if (from == TypeKind::Varchar) return CastKind::Explicit;
  if (from == TypeKind::Boolean && to == TypeKind::Int32) return CastKind::Explicit;
  if (from == TypeKind::Int32 && to == TypeKind::Boolean) return CastKind::Explicit;
  return std::nullopt;
}

}  // namespace

bool can_cast(DataType from, DataType to, CastKind kind) {
  const auto needed = cast_level(from.kind, to.kind);
  return needed.has_value() && static_cast<int>(*needed) <= static_cast<int>(kind);
}

namespace {

Error no_common_type(std::string_view construct, DataType a, DataType b) {
  return error(Code::DatatypeMismatch, "{} types {} and {} cannot be matched", construct, a.to_string(), b.to_string());
}

}  // namespace

Result<DataType> common_type(std::span<const ArgType> args, std::string_view construct) {
  std::optional<DataType> common;
  bool modifiers_agree = true;
  for (const ArgType& arg : args) {
    if (arg.unknown) continue;
    if (!common) {
      common = arg.type;
      continue;
    }
    modifiers_agree &= arg.type == *common;
    if (arg.type.kind == common->kind) continue;
    if (category_of(arg.type.kind) != category_of(common->kind)) return no_common_type(construct, *common, arg.type);
    const bool widens = can_cast(*common, arg.type, CastKind::Implicit) && !can_cast(arg.type, *common, CastKind::Implicit);
    if (!is_preferred(common->kind) && widens) common = arg.type;
  }
  if (!common) return DataType(TypeKind::Varchar);
  if (!modifiers_agree) common = DataType(common->kind);
  for (const ArgType& arg : args) {
    if (!arg.unknown && !can_cast(arg.type, *common, CastKind::Implicit)) return no_common_type(construct, *common, arg.type);
  }
  return *common;
}

}  // namespace penstock::expr
