#include "expr/special_forms.h"

#include <algorithm>
#include <cctype>

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

namespace {

std::string upper_case(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

DataType known_type(const ArgType& arg) { return arg.unknown ? DataType(TypeKind::Varchar) : arg.type; }

}  // namespace

Result<Resolution> resolve_to_common_type(std::string_view name, std::span<const ArgType> args) {
  if (args.empty()) return undefined_function(name, args);
  PENSTOCK_TRY(const DataType common, common_type(args, upper_case(name)));
  return Resolution{std::vector<DataType>(args.size(), common), common};
}

Result<Resolution> resolve_to_booleans(std::string_view name, std::span<const ArgType> args) {
  if (args.empty()) return undefined_function(name, args);
  for (const ArgType& arg : args) {
    if (arg.unknown || arg.type.kind == TypeKind::Boolean) continue;
    return error(Code::DatatypeMismatch, "argument of {} must be type boolean, not type {}", upper_case(name), arg.type.to_string());
  }
  return Resolution{std::vector<DataType>(args.size(), TypeKind::Boolean), TypeKind::Boolean};
}

Result<Resolution> resolve_one_of_any_type(std::string_view name, std::span<const ArgType> args) {
  if (args.size() != 1) return undefined_function(name, args);
  return Resolution{{known_type(args[0])}, TypeKind::Boolean};
}

Result<Resolution> resolve_comparison(std::string_view name, std::span<const ArgType> args) {
  if (args.size() != 2) return undefined_function(name, args);
  PENSTOCK_TRY(auto resolution, resolve_scalar("equal", args));
  // `=` takes a float4 beside a float8; what follows needs one type.
  if (resolution.arg_types[0].kind != resolution.arg_types[1].kind) resolution.arg_types.assign(2, TypeKind::Float64);
  return resolution;
}

}  // namespace penstock::expr
