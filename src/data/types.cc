#include "data/types.h"

#include <array>
#include <charconv>

namespace penstock::data {
namespace {

struct TypeName {
  std::string_view name;
  TypeKind kind;
};
constexpr std::array kTypeNames = {
    TypeName{"boolean", TypeKind::Boolean},
    TypeName{"bool", TypeKind::Boolean},
    TypeName{"smallint", TypeKind::Int16},
    TypeName{"int2", TypeKind::Int16},
    TypeName{"integer", TypeKind::Int32},
    TypeName{"int", TypeKind::Int32},
    TypeName{"int4", TypeKind::Int32},
    TypeName{"bigint", TypeKind::Int64},
    TypeName{"int8", TypeKind::Int64},
    TypeName{"real", TypeKind::Float32},
    TypeName{"float4", TypeKind::Float32},
    TypeName{"double precision", TypeKind::Float64},
    TypeName{"double", TypeKind::Float64},
    TypeName{"float", TypeKind::Float64},
    TypeName{"float8", TypeKind::Float64},
    TypeName{"numeric", TypeKind::Numeric},
    TypeName{"decimal", TypeKind::Numeric},
    TypeName{"dec", TypeKind::Numeric},
    TypeName{"character varying", TypeKind::Varchar},
    TypeName{"varchar", TypeKind::Varchar},
    TypeName{"text", TypeKind::Varchar},
    TypeName{"string", TypeKind::Varchar},
    TypeName{"date", TypeKind::Date},
    TypeName{"timestamp without time zone", TypeKind::Timestamp},
    TypeName{"timestamp", TypeKind::Timestamp},
    TypeName{"interval", TypeKind::Interval},
};

// "(10,2)" or "(10)" after numeric; false if it is neither or out of range.
bool read_modifiers(std::string_view text, DataType& type) {
  if (!text.starts_with('(') || !text.ends_with(')')) return false;
  text = text.substr(1, text.size() - 2);
  const auto read = [&](std::string_view digits, int16_t& out) {
    while (digits.starts_with(' ')) digits.remove_prefix(1);
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return failed == std::errc{} && end == digits.data() + digits.size();
  };
  const size_t comma = text.find(',');
  type.scale = 0;
  if (!read(text.substr(0, comma), type.precision) || type.precision < 1 || type.precision > 38) return false;
  return comma == std::string_view::npos || (read(text.substr(comma + 1), type.scale) && type.scale >= 0 && type.scale <= type.precision);
}

}  // namespace

std::string DataType::to_string() const {
  switch (kind) {
    case TypeKind::Boolean:
      return "boolean";
    case TypeKind::Int16:
      return "smallint";
    case TypeKind::Int32:
      return "integer";
    case TypeKind::Int64:
      return "bigint";
    case TypeKind::Float32:
      return "real";
    case TypeKind::Float64:
      return "double precision";
    case TypeKind::Numeric:
      return precision < 0 ? "numeric" : fmt::format("numeric({},{})", precision, scale);
    case TypeKind::Varchar:
      return "character varying";
    case TypeKind::Date:
      return "date";
    case TypeKind::Timestamp:
      return "timestamp without time zone";
    case TypeKind::Interval:
      return "interval";
  }
  return fmt::format("type {}", static_cast<int>(kind));
}

Result<DataType> type_of_name(std::string_view name) {
  const std::string_view base = name.substr(0, name.find('('));
  for (const TypeName& known : kTypeNames) {
    if (known.name != base) continue;
    DataType type = known.kind;
    if (base.size() == name.size()) return type;
    if (known.kind == TypeKind::Numeric && read_modifiers(name.substr(base.size()), type)) return type;
    break;
  }
  return error(Code::UndefinedObject, "type \"{}\" does not exist", name);
}

bool is_type_kind(uint32_t number) {
  return number >= static_cast<uint32_t>(TypeKind::Boolean) && number <= static_cast<uint32_t>(TypeKind::Interval);
}

uint32_t postgres_oid(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return 16;
    case TypeKind::Int16:
      return 21;
    case TypeKind::Int32:
      return 23;
    case TypeKind::Int64:
      return 20;
    case TypeKind::Float32:
      return 700;
    case TypeKind::Float64:
      return 701;
    case TypeKind::Numeric:
      return 1700;
    case TypeKind::Varchar:
      return 1043;
    case TypeKind::Date:
      return 1082;
    case TypeKind::Timestamp:
      return 1114;
    case TypeKind::Interval:
      return 1186;
  }
  return 705;  // unknown
}

int16_t postgres_size(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return 1;
    case TypeKind::Int16:
      return 2;
    case TypeKind::Int32:
    case TypeKind::Float32:
    case TypeKind::Date:
      return 4;
    case TypeKind::Int64:
    case TypeKind::Float64:
    case TypeKind::Timestamp:
      return 8;
    case TypeKind::Interval:
      return 16;
    case TypeKind::Numeric:
    case TypeKind::Varchar:
      return -1;
  }
  return -1;
}

}  // namespace penstock::data
