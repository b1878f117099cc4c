#pragma once

#include <string_view>
#include <vector>

#include "common/error.h"
#include "expr/registry.h"
#include "frontend/binder/expr.h"
#include "frontend/binder/parameters.h"

namespace penstock::frontend {

/// Makes typed expressions: looks functions up, adds casts, gives unknown literals and parameters their types, folds what is constant.
class ExprFactory {
 public:
  explicit ExprFactory(Parameters& parameters) : parameters_(parameters) {}

  /// A function or operator by its registry name. Errors: `UndefinedFunction`, and those of `coerce`, at `position`.
  [[nodiscard]] Result<Expr> call(std::string_view function, std::vector<Expr> args, uint32_t position);
  /// `expr` as a `to`. Errors: `DatatypeMismatch` if no such cast exists at that level, or that of the text of a literal.
  [[nodiscard]] Result<Expr> coerce(Expr expr, data::DataType to, expr::CastKind level, uint32_t position);
  /// Implicitly, for a clause that needs this type: "argument of WHERE must be type boolean, not type bigint".
  [[nodiscard]] Result<Expr> require(Expr expr, data::DataType to, std::string_view clause);
  /// All made the common type of CASE, UNION, VALUES, ….
  [[nodiscard]] Result<data::DataType> unify(std::vector<Expr*> exprs, std::string_view construct);
  /// $number.
  [[nodiscard]] Result<Expr> parameter(uint32_t number, uint32_t position);
  /// What is unknown still is text.
  [[nodiscard]] Result<Expr> settle(Expr expr);

 private:
  Result<Expr> coerce_unknown(const Expr& expr, data::DataType to);
  Result<Expr> typed_literal(const std::string& text, data::DataType type, uint32_t position);
  Result<Expr> make_call(std::string_view function, data::DataType type, std::vector<Expr> args, uint32_t position);

  Parameters& parameters_;
};

/// The type and whether it is settled, as the registry asks.
[[nodiscard]] std::vector<expr::ArgType> arg_types(std::span<const Expr> args);

}  // namespace penstock::frontend
