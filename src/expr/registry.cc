#include "expr/registry.h"

#include "expr/casts.h"
#include "expr/function_table.h"

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

FunctionTable::FunctionTable() {
  register_comparison(*this);
  register_logic(*this);
  register_conditional(*this);
  register_arithmetic(*this);
  register_math(*this);
  register_pause(*this);
  register_text(*this);
  register_text_search(*this);
  register_like(*this);
  register_regex(*this);
  register_datetime_arithmetic(*this);
  register_datetime_fields(*this);
  register_datetime_trunc(*this);
  register_datetime_format(*this);
}

std::optional<std::string> constant_text(const BindArgs& args, size_t i) {
  if (i >= args.constants.size() || !args.constants[i]) return std::nullopt;
  return std::get<std::string>(*args.constants[i]);
}

const FunctionTable& FunctionTable::instance() {
  static const FunctionTable table;
  return table;
}

void FunctionTable::add(std::string_view name, std::initializer_list<TypeKind> args, TypeKind result, const TypedKernel& kernel) {
  PENSTOCK_CHECK(kernel.fits(std::vector<TypeKind>(args), result), "the kernel of {} reads or writes other types", name);
  functions_[std::string(name)].overloads.push_back({.args = args, .result = result, .run = kernel.run});
}

void FunctionTable::add_bound(std::string_view name, std::initializer_list<TypeKind> args, TypeKind result, KernelMaker make) {
  functions_[std::string(name)].overloads.push_back({.args = args, .result = result, .make = make});
}

void FunctionTable::add_not_strict(std::string_view name, std::initializer_list<TypeKind> args, TypeKind result, KernelFunction run) {
  functions_[std::string(name)].overloads.push_back({.args = args, .result = result, .run = run, .strict = false});
}

void FunctionTable::add_impure(std::string_view name, std::initializer_list<TypeKind> args, TypeKind result, KernelFunction run) {
  functions_[std::string(name)].overloads.push_back({.args = args, .result = result, .run = run, .pure = false});
}

void FunctionTable::add_special(std::string_view name, const SpecialForm& form) { functions_[std::string(name)].special = {form}; }

const FunctionTable::Function* FunctionTable::find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

bool is_impure(std::string_view name) {
  const auto* const function = FunctionTable::instance().find(name);
  return function != nullptr && std::ranges::any_of(function->overloads, [](const Overload& overload) { return !overload.pure; });
}

Result<Resolution> resolve_scalar(std::string_view name, std::span<const ArgType> args) {
  const auto* const function = FunctionTable::instance().find(name);
  if (function == nullptr) return undefined_function(name, args);
  if (!function->special.empty()) return function->special.front().resolve(name, args);
  std::vector<std::vector<TypeKind>> candidates;
  candidates.reserve(function->overloads.size());
  for (const Overload& overload : function->overloads) candidates.push_back(overload.args);
  PENSTOCK_TRY(const size_t chosen, choose_overload(name, candidates, args));
  const Overload& overload = function->overloads[chosen];
  Resolution out{{}, overload.result};
  for (size_t i = 0; i < args.size(); ++i) {
    const bool as_is = !args[i].unknown && args[i].type.kind == overload.args[i];
    out.arg_types.push_back(as_is ? args[i].type : DataType(overload.args[i]));
  }
  return out;
}

bool is_scalar(std::string_view name) { return FunctionTable::instance().find(name) != nullptr; }

namespace {

std::string short_name(TypeKind kind) { return kind == TypeKind::Varchar ? "varchar" : DataType(kind).to_string(); }

}  // namespace

std::vector<std::string> list_functions() {
  std::vector<std::string> out;
  for (const auto& [name, function] : FunctionTable::instance().functions()) {
    for (const SpecialForm& form : function.special) out.push_back(name + std::string(form.signature));
    for (const Overload& overload : function.overloads) {
      std::string args;
      for (const TypeKind kind : overload.args) args += (args.empty() ? "" : ", ") + short_name(kind);
      out.push_back(fmt::format("{}({}) -> {}", name, args, short_name(overload.result)));
    }
  }
  return out;
}

}  // namespace penstock::expr
