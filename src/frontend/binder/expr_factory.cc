#include "frontend/binder/expr_factory.h"

#include <algorithm>
#include <iterator>

#include "data/datum.h"
#include "expr/expression.h"
#include "proto/expr.pb.h"

namespace penstock::frontend {
namespace {

using data::DataType;
using data::TypeKind;

Error at_position(const Error& e, uint32_t position) { return position == 0 || e.position() ? e : e.at(position); }

// The value of an expression over literals, if it has one: what fails (1 / 0) stays a call and fails where it is run.
Expr folded(Expr call) {
  const bool constant = std::all_of(call.args.begin(), call.args.end(), [](const Expr& arg) { return arg.is_literal(); });
  if (!constant || call.args.empty() || expr::is_impure(call.text)) return call;
  const auto built = expr::build(to_proto(call), {});
  if (built.has_error()) return call;
  expr::RowErrors errors;
  const data::Column column = built.value()->evaluate(data::DataChunk({}, 1), nullptr, errors);
  if (errors.count != 0) return call;
  const data::Datum value = column.datum(0);
  if (data::is_null(value)) return Expr::null_of(call.type, call.position);
  return Expr::literal(call.type, data::to_text(value, call.type), call.position);
}

// `a AND (b AND c)` is one call of three, so that long chains are not deep.
std::vector<Expr> flattened(std::string_view function, std::vector<Expr> args) {
  if (function != "and" && function != "or") return args;
  std::vector<Expr> flat;
  for (Expr& arg : args) {
    if (arg.is_call(function)) {
      std::move(arg.args.begin(), arg.args.end(), std::back_inserter(flat));
    } else {
      flat.push_back(std::move(arg));
    }
  }
  return flat;
}

}  // namespace

std::vector<expr::ArgType> arg_types(std::span<const Expr> args) {
  std::vector<expr::ArgType> types;
  types.reserve(args.size());
  for (const Expr& arg : args) types.push_back({arg.type, arg.unknown});
  return types;
}

Result<Expr> ExprFactory::make_call(std::string_view function, DataType type, std::vector<Expr> args, uint32_t position) {
  Expr e;
  e.kind = Expr::Kind::Call;
  e.type = type;
  e.text = function;
  e.position = position;
  for (const Expr& arg : args) e.depth = std::max(e.depth, arg.depth + 1);
  if (e.depth > kMaxExprDepth)
    return at_position(error(Code::TooComplex, "expression is nested more than {} levels deep", kMaxExprDepth), position);
  e.args = std::move(args);
  return folded(std::move(e));
}

Result<Expr> ExprFactory::call(std::string_view function, std::vector<Expr> args, uint32_t position) {
  args = flattened(function, std::move(args));
  const auto resolved = expr::resolve_scalar(function, arg_types(args));
  if (resolved.has_error()) return at_position(resolved.error(), position);
  for (size_t i = 0; i < args.size(); ++i) {
    PENSTOCK_TRY(args[i], coerce(std::move(args[i]), resolved.value().arg_types[i], expr::CastKind::Implicit, args[i].position));
  }
  return make_call(function, resolved.value().return_type, std::move(args), position);
}

Result<Expr> ExprFactory::typed_literal(const std::string& text, DataType type, uint32_t position) {
  const auto value = data::from_text(text, type);
  if (value.has_error()) return at_position(value.error(), position);
  if (data::is_null(value.value())) return Expr::null_of(type, position);
  return Expr::literal(type, data::to_text(value.value(), type), position);
}

Result<Expr> ExprFactory::coerce_unknown(const Expr& expr, DataType to) {
  if (expr.kind == Expr::Kind::Parameter) {
    parameters_.types[expr.index - 1] = to;
    return parameter(expr.index, expr.position);
  }
  if (expr.null) return Expr::null_of(to, expr.position);
  return typed_literal(expr.text, to, expr.position);
}

Result<Expr> ExprFactory::coerce(Expr expr, DataType to, expr::CastKind level, uint32_t position) {
  if (expr.unknown) return coerce_unknown(expr, to);
  if (expr.type == to) return expr;
  if (!expr::can_cast(expr.type, to, level)) {
    return at_position(error(Code::DatatypeMismatch, "cannot cast type {} to {}", expr.type.to_string(), to.to_string()), position);
  }
  const uint32_t at = expr.position != 0 ? expr.position : position;
  std::vector<Expr> args;
  args.push_back(std::move(expr));
  return make_call("cast", to, std::move(args), at);
}

Result<Expr> ExprFactory::require(Expr expr, DataType to, std::string_view clause) {
  if (!expr.unknown && expr.type != to && !expr::can_cast(expr.type, to, expr::CastKind::Implicit)) {
    return at_position(
        error(Code::DatatypeMismatch, "argument of {} must be type {}, not type {}", clause, to.to_string(), expr.type.to_string()),
        expr.position);
  }
  const uint32_t position = expr.position;
  return coerce(std::move(expr), to, expr::CastKind::Implicit, position);
}

Result<DataType> ExprFactory::unify(std::vector<Expr*> exprs, std::string_view construct) {
  std::vector<expr::ArgType> types;
  for (const Expr* e : exprs) types.push_back({e->type, e->unknown});
  const auto common = expr::common_type(types, construct);
  if (common.has_error()) {
    // The first one that does not go with those before it.
    for (size_t n = 2; n <= types.size(); ++n) {
      if (expr::common_type(std::span(types).first(n), construct).has_error()) return at_position(common.error(), exprs[n - 1]->position);
    }
    return common.error();
  }
  for (Expr* e : exprs) {
    const uint32_t position = e->position;
    PENSTOCK_TRY(*e, coerce(std::move(*e), common.value(), expr::CastKind::Implicit, position));
  }
  return common.value();
}

Result<Expr> ExprFactory::parameter(uint32_t number, uint32_t position) {
  if (parameters_.types.size() < number) parameters_.types.resize(number);
  const auto& type = parameters_.types[number - 1];
  if (type && parameters_.values) {
    if (number > parameters_.values->size())
      return at_position(error(Code::UndefinedObject, "there is no parameter ${}", number), position);
    const auto& value = (*parameters_.values)[number - 1];
    if (!value) return Expr::null_of(*type, position);
    return in_context(typed_literal(*value, *type, position), fmt::format("parameter ${}", number));
  }
  Expr e;
  e.kind = Expr::Kind::Parameter;
  e.index = number;
  e.position = position;
  e.unknown = !type;
  if (type) e.type = *type;
  return e;
}

Result<Expr> ExprFactory::settle(Expr expr) {
  if (!expr.unknown) return expr;
  return coerce_unknown(std::move(expr), TypeKind::Varchar);
}

}  // namespace penstock::frontend
