#pragma once

#include <absl/container/flat_hash_map.h>

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expr/expression.h"
#include "expr/kernel.h"
#include "expr/registry.h"

namespace penstock::expr {

/// What is known when a function is bound to its arguments.
struct BindArgs {
  std::span<const data::DataType> types;
  std::span<const std::optional<data::Datum>> constants;  // nullopt: not constant; never a NULL for strict functions
  data::DataType result;
};
/// The text of argument `i`, if it is there and constant.
[[nodiscard]] std::optional<std::string> constant_text(const BindArgs& args, size_t i);

/// Makes the kernel of one call: compiles a constant pattern, picks the loop for a constant unit. Errors are those of the constant.
using KernelMaker = Result<Kernel> (*)(const BindArgs&);

/// One signature of a function and its kernel.
struct Overload {
  std::vector<data::TypeKind> args;
  data::TypeKind result;
  KernelFunction run = nullptr;  // this or `make`
  KernelMaker make = nullptr;
  bool strict = true;  // NULL if any argument is; the kernel never sees a constant NULL
  bool pure = true;    // does nothing but give a value: over constants it is called once, and ahead of all rows
};

/// A function whose argument types follow a rule rather than a list, or which evaluates its arguments itself (CASE, AND, COALESCE).
struct SpecialForm {
  using Resolve = Result<Resolution> (*)(std::string_view name, std::span<const ArgType> args);
  using MakeNode = ExpressionPtr (*)(data::DataType type, std::vector<ExpressionPtr> args);
  std::string_view signature;  // for people: "(any, any) -> boolean"
  Resolve resolve;
  MakeNode make;
};

/// All scalar functions; filled once by the `register_…` functions of src/expr/functions, read-only afterwards.
class FunctionTable {
 public:
  struct Function {
    std::vector<Overload> overloads;
    std::vector<SpecialForm> special;  // none or one
  };

  /// The table of the process.
  [[nodiscard]] static const FunctionTable& instance();

  void add(std::string_view name, std::initializer_list<data::TypeKind> args, data::TypeKind result, const TypedKernel& kernel);
  void add_bound(std::string_view name, std::initializer_list<data::TypeKind> args, data::TypeKind result, KernelMaker make);
  /// The kernel sees NULLs, constant ones too.
  void add_not_strict(std::string_view name, std::initializer_list<data::TypeKind> args, data::TypeKind result, KernelFunction run);
  /// Called for every row that matters, each time, also where its arguments are constant.
  void add_impure(std::string_view name, std::initializer_list<data::TypeKind> args, data::TypeKind result, KernelFunction run);
  void add_special(std::string_view name, const SpecialForm& form);

  [[nodiscard]] const Function* find(std::string_view name) const;
  /// By name, ascending.
  [[nodiscard]] const std::map<std::string, Function, std::less<>>& functions() const { return functions_; }

 private:
  FunctionTable();
  std::map<std::string, Function, std::less<>> functions_;
};

/// The signature that Postgres would choose; its index. Errors: `UndefinedFunction`.
[[nodiscard]] Result<size_t> choose_overload(std::string_view name, std::span<const std::vector<data::TypeKind>> candidates,
                                             std::span<const ArgType> args);
/// "function f(a, b) does not exist" or "operator does not exist: a + b".
[[nodiscard]] Error undefined_function(std::string_view name, std::span<const ArgType> args);

/// One a file in src/expr/functions.
void register_comparison(FunctionTable& table);
void register_logic(FunctionTable& table);
void register_conditional(FunctionTable& table);
void register_arithmetic(FunctionTable& table);
void register_math(FunctionTable& table);
void register_pause(FunctionTable& table);
void register_text(FunctionTable& table);
void register_text_search(FunctionTable& table);
void register_like(FunctionTable& table);
void register_regex(FunctionTable& table);
void register_datetime_arithmetic(FunctionTable& table);
void register_datetime_fields(FunctionTable& table);
void register_datetime_trunc(FunctionTable& table);
void register_datetime_format(FunctionTable& table);

}  // namespace penstock::expr
