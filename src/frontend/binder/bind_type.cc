#include <algorithm>
#include <array>

#include "frontend/binder/expr_binder.h"

namespace penstock::frontend {
namespace {

using data::DataType;
using data::TypeKind;

// Postgres' and RisingWave's own, so that they are told from a misspelling.
constexpr std::array<std::string_view, 26> kKnownElsewhere = {
    "timestamptz", "time",    "timetz",  "bytea",     "json",   "jsonb",  "uuid",    "bpchar",   "char",
    "name",        "oid",     "money",   "bit",       "varbit", "inet",   "cidr",    "xml",      "point",
    "regclass",    "regtype", "regproc", "rw_int256", "int256", "serial", "serial4", "bigserial"};

Error unsupported(std::string_view what, const ast::TypeName& name) {
  return error(Code::NotSupported, "{} is not supported", what).at(name.position);
}

Result<DataType> numeric_type(const ast::TypeName& name) {
  constexpr int32_t kMaxPrecision = 38;
  const int32_t precision = name.modifiers[0];
  const int32_t scale = name.modifiers.size() > 1 ? name.modifiers[1] : 0;
  if (name.modifiers.size() > 2) return error(Code::Syntax, "invalid NUMERIC type modifier").at(name.position);
  if (precision < 1 || precision > kMaxPrecision) {
    return error(Code::InvalidParameter, "NUMERIC precision {} must be between 1 and {}", precision, kMaxPrecision).at(name.position);
  }
  if (scale < 0 || scale > precision) {
    return error(Code::InvalidParameter, "NUMERIC scale {} must be between 0 and precision {}", scale, precision).at(name.position);
  }
  return DataType(TypeKind::Numeric, static_cast<int16_t>(precision), static_cast<int16_t>(scale));
}

}  // namespace

Result<DataType> bind_type(const ast::TypeName& name) {
  if (std::find(kKnownElsewhere.begin(), kKnownElsewhere.end(), name.name) != kKnownElsewhere.end()) {
    return unsupported(fmt::format("type {}", name.name == "bpchar" ? "character" : name.name), name);
  }
  const auto type = data::type_of_name(name.name);
  if (type.has_error()) return type.error().at(name.position);
  if (name.modifiers.empty()) return type.value();
  switch (type.value().kind) {
    case TypeKind::Numeric:
      return numeric_type(name);
    case TypeKind::Varchar:
      return unsupported("a length of character varying", name).with_hint("Leave the length out.");
    case TypeKind::Timestamp:
      return unsupported("a precision of timestamp", name).with_hint("Leave the precision out: it is microseconds.");
    default:
      return error(Code::Syntax, "type modifier is not allowed for type \"{}\"", name.name).at(name.position);
  }
}

}  // namespace penstock::frontend
