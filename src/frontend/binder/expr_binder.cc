#include "frontend/binder/expr_binder.h"

#include <algorithm>
#include <charconv>

#include "data/datum.h"

namespace penstock::frontend {
namespace {

using data::TypeKind;

std::vector<Expr> pair_of(Expr a, Expr b) {
  std::vector<Expr> args;
  args.push_back(std::move(a));
  args.push_back(std::move(b));
  return args;
}

std::vector<Expr> one(Expr a) {
  std::vector<Expr> args;
  args.push_back(std::move(a));
  return args;
}

Error not_supported(std::string_view what, uint32_t position) {
  return error(Code::NotSupported, "{} is not supported", what).at(position);
}

}  // namespace

Expr AggregateList::add(Call call, uint32_t position) {
  const auto found = std::find(calls_.begin(), calls_.end(), call);
  Expr e;
  e.kind = Expr::Kind::Aggregate;
  e.type = call.type;
  e.index = static_cast<uint32_t>(found - calls_.begin());
  e.position = position;
  if (found == calls_.end()) calls_.push_back(std::move(call));
  return e;
}

Result<Expr> ExprBinder::bind_boolean(const ast::Expr& expr) {
  PENSTOCK_TRY(auto bound, bind(expr));
  return factory_.require(std::move(bound), TypeKind::Boolean, clause_);
}

Result<std::vector<Expr>> ExprBinder::bind_all(const std::vector<ast::ExprPtr>& exprs) {
  std::vector<Expr> bound;
  bound.reserve(exprs.size() + 1);
  for (const auto& e : exprs) {
    PENSTOCK_TRY(auto one_bound, bind(*e));
    bound.push_back(std::move(one_bound));
  }
  return bound;
}

Result<Expr> ExprBinder::bind(const ast::Expr& expr) {
  const uint32_t at = expr.position;
  struct Visitor {
    ExprBinder& self;
    uint32_t at;
    Result<Expr> operator()(const ast::Literal& n) const { return self.literal(n, at); }
    Result<Expr> operator()(const ast::Parameter& n) const { return self.factory_.parameter(n.number, at); }
    Result<Expr> operator()(const ast::ColumnRef& n) const { return self.column(n, at); }
    Result<Expr> operator()(const ast::Star& /*n*/) const { return error(Code::Syntax, "* is not allowed here").at(at); }
    Result<Expr> operator()(const ast::Operator& n) const { return self.operation(n, at); }
    Result<Expr> operator()(const ast::Logical& n) const { return self.logical(n, at); }
    Result<Expr> operator()(const ast::Test& n) const { return self.test(n, at); }
    Result<Expr> operator()(const ast::Distinct& n) const {
      PENSTOCK_TRY(auto left, self.bind(*n.left));
      PENSTOCK_TRY(auto right, self.bind(*n.right));
      return self.factory_.call(n.negated ? "is_not_distinct_from" : "is_distinct_from", pair_of(std::move(left), std::move(right)), at);
    }
    Result<Expr> operator()(const ast::Between& n) const { return self.between(n, at); }
    Result<Expr> operator()(const ast::InList& n) const { return self.in_list(n, at); }
    Result<Expr> operator()(const ast::Case& n) const { return self.case_when(n, at); }
    Result<Expr> operator()(const ast::Cast& n) const { return self.cast(n, at); }
    Result<Expr> operator()(const ast::Function& n) const { return self.function(n, at); }
    Result<Expr> operator()(const ast::Subquery& n) const { return self.subquery(n, at); }
  };
  return std::visit(Visitor{*this, at}, expr.node);
}

Result<Expr> ExprBinder::column(const ast::ColumnRef& node, uint32_t position) {
  auto found = scope_.resolve(node, position);
  if (found.has_value() || found.error().code() == Code::AmbiguousColumn) return found;
  for (const Scope* outer : context_.outer_scopes) {
    if (outer->resolve(node, position).has_value()) return not_supported("a subquery that refers to the query around it", position);
  }
  return found;
}

Result<Expr> ExprBinder::subquery(const ast::Subquery& node, uint32_t position) {
  const std::string_view what = node.kind == ast::SubqueryKind::Scalar   ? "a scalar subquery"
                                : node.kind == ast::SubqueryKind::Exists ? "EXISTS (subquery)"
                                                                         : "IN (subquery)";
  if (node.kind == ast::SubqueryKind::In)
    return not_supported(fmt::format("{} other than as a condition of WHERE joined by AND", what), position);
  if (subqueries_ == nullptr || inside_aggregate_)
    return not_supported(fmt::format("{} in {}", what, inside_aggregate_ ? "an aggregate" : clause_), position);
  context_.outer_scopes.push_back(&scope_);
  auto bound =
      node.kind == ast::SubqueryKind::Scalar ? subqueries_->scalar(*node.query, position) : subqueries_->exists(*node.query, position);
  context_.outer_scopes.pop_back();
  return bound;
}

Result<Expr> ExprBinder::literal(const ast::Literal& node, uint32_t position) {
  switch (node.kind) {
    case ast::LiteralKind::Null: {
      Expr e = Expr::null_of(TypeKind::Varchar, position);
      e.unknown = true;
      return e;
    }
    case ast::LiteralKind::String: {
      Expr e = Expr::literal(TypeKind::Varchar, node.text, position);
      e.unknown = true;
      return e;
    }
    case ast::LiteralKind::Boolean:
      return Expr::literal(TypeKind::Boolean, node.text, position);
    case ast::LiteralKind::Integer: {
      int64_t value = 0;
      std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
      const bool fits_int = value >= INT32_MIN && value <= INT32_MAX;
      return Expr::literal(fits_int ? TypeKind::Int32 : TypeKind::Int64, node.text, position);
    }
    case ast::LiteralKind::Decimal:
      break;
  }
  const auto value = data::from_text(node.text, TypeKind::Numeric);
  if (value.has_error()) return value.error().at(position);
  return Expr::literal(TypeKind::Numeric, data::to_text(value.value(), TypeKind::Numeric), position);
}

Result<Expr> ExprBinder::comparison(std::string_view symbol, Expr left, Expr right, uint32_t position) {
  return factory_.call(expr::operator_name(symbol, 2), pair_of(std::move(left), std::move(right)), position);
}

Result<Expr> ExprBinder::operation(const ast::Operator& node, uint32_t position) {
  std::vector<Expr> args;
  if (node.left) {
    PENSTOCK_TRY(auto left, bind(*node.left));
    args.push_back(std::move(left));
  }
  PENSTOCK_TRY(auto right, bind(*node.right));
  args.push_back(std::move(right));
  const std::string_view name = expr::operator_name(node.symbol, args.size());
  if (!name.empty()) return factory_.call(name, std::move(args), position);
  std::string text = node.symbol + " " + args.back().type.to_string();
  if (args.size() == 2) text = args.front().type.to_string() + " " + text;
  return error(Code::UndefinedFunction, "operator does not exist: {}", text).at(position);
}

Result<Expr> ExprBinder::logical(const ast::Logical& node, uint32_t position) {
  const std::string_view name = node.op == ast::LogicalOp::And ? "AND" : node.op == ast::LogicalOp::Or ? "OR" : "NOT";
  PENSTOCK_TRY(auto args, bind_all(node.args));
  for (Expr& arg : args) {
    PENSTOCK_TRY(arg, factory_.require(std::move(arg), TypeKind::Boolean, name));
  }
  return factory_.call(node.op == ast::LogicalOp::And ? "and" : node.op == ast::LogicalOp::Or ? "or" : "not", std::move(args), position);
}

// IS [NOT] TRUE and its like are comparisons that know NULL.
Result<Expr> ExprBinder::test(const ast::Test& node, uint32_t position) {
  PENSTOCK_TRY(auto arg, bind(*node.arg));
  const auto against = [&](bool value, bool negated) -> Result<Expr> {
    PENSTOCK_TRY(auto truth, factory_.require(std::move(arg), TypeKind::Boolean, value ? "IS TRUE" : "IS FALSE"));
    return factory_.call(negated ? "is_distinct_from" : "is_not_distinct_from",
                         pair_of(std::move(truth), Expr::literal(TypeKind::Boolean, value ? "t" : "f", position)), position);
  };
  switch (node.kind) {
    case ast::TestKind::IsTrue:
      return against(true, false);
    case ast::TestKind::IsNotTrue:
      return against(true, true);
    case ast::TestKind::IsFalse:
      return against(false, false);
    case ast::TestKind::IsNotFalse:
      return against(false, true);
    case ast::TestKind::IsUnknown:
    case ast::TestKind::IsNotUnknown: {
      PENSTOCK_TRY(arg, factory_.require(std::move(arg), TypeKind::Boolean, "IS UNKNOWN"));
      return factory_.call(node.kind == ast::TestKind::IsUnknown ? "is_null" : "is_not_null", one(std::move(arg)), position);
    }
    case ast::TestKind::IsNull:
      return factory_.call("is_null", one(std::move(arg)), position);
    case ast::TestKind::IsNotNull:
      return factory_.call("is_not_null", one(std::move(arg)), position);
  }
  return not_supported("this test", position);
}

Result<Expr> ExprBinder::between(const ast::Between& node, uint32_t position) {
  PENSTOCK_TRY(const auto arg, bind(*node.arg));
  PENSTOCK_TRY(const auto low, bind(*node.low));
  PENSTOCK_TRY(const auto high, bind(*node.high));
  const auto inside = [&](const Expr& from, const Expr& to) -> Result<Expr> {
    PENSTOCK_TRY(auto above, comparison(">=", arg, from, position));
    PENSTOCK_TRY(auto below, comparison("<=", arg, to, position));
    return factory_.call("and", pair_of(std::move(above), std::move(below)), position);
  };
  PENSTOCK_TRY(auto result, inside(low, high));
  if (node.symmetric) {
    PENSTOCK_TRY(auto swapped, inside(high, low));
    PENSTOCK_TRY(result, factory_.call("or", pair_of(std::move(result), std::move(swapped)), position));
  }
  if (!node.negated) return result;
  return factory_.call("not", one(std::move(result)), position);
}

Result<Expr> ExprBinder::in_list(const ast::InList& node, uint32_t position) {
  PENSTOCK_TRY(auto arg, bind(*node.arg));
  PENSTOCK_TRY(auto items, bind_all(node.items));
  items.insert(items.begin(), std::move(arg));
  return factory_.call(node.negated ? "not_in" : "in", std::move(items), position);
}

Result<Expr> ExprBinder::case_when(const ast::Case& node, uint32_t position) {
  std::optional<Expr> operand;
  if (node.operand) {
    PENSTOCK_TRY(operand, bind(*node.operand));
  }
  std::vector<Expr> args;
  for (const ast::When& when : node.whens) {
    PENSTOCK_TRY(auto condition, bind(*when.condition));
    if (operand) {
      const uint32_t at = condition.position;
      PENSTOCK_TRY(condition, comparison("=", *operand, std::move(condition), at));
    }
    PENSTOCK_TRY(condition, factory_.require(std::move(condition), TypeKind::Boolean, "CASE/WHEN"));
    PENSTOCK_TRY(auto result, bind(*when.result));
    args.push_back(std::move(condition));
    args.push_back(std::move(result));
  }
  if (node.otherwise) {
    PENSTOCK_TRY(auto otherwise, bind(*node.otherwise));
    args.push_back(std::move(otherwise));
  }
  return factory_.call("case", std::move(args), position);
}

Result<Expr> ExprBinder::cast(const ast::Cast& node, uint32_t position) {
  PENSTOCK_TRY(const auto type, bind_type(node.type));
  PENSTOCK_TRY(auto arg, bind(*node.arg));
  return factory_.coerce(std::move(arg), type, expr::CastKind::Explicit, position);
}

Result<Expr> ExprBinder::function(const ast::Function& node, uint32_t position) {
  if (!node.schema.empty() && node.schema != "pg_catalog") {
    return error(Code::UndefinedFunction, "function {}.{} does not exist", node.schema, node.name).at(position);
  }
  if (expr::is_aggregate(node.name)) return aggregate(node, position);
  if (node.star)
    return error(Code::UndefinedFunction, "{}(*) specified, but {} is not an aggregate function", node.name, node.name).at(position);
  if (node.distinct) return error(Code::WrongObjectType, "DISTINCT specified, but {} is not an aggregate function", node.name).at(position);
  if (node.filter) return error(Code::WrongObjectType, "FILTER specified, but {} is not an aggregate function", node.name).at(position);
  PENSTOCK_TRY(auto args, bind_all(node.args));
  PENSTOCK_TRY(auto of_session, session_function(node.name, args, context_, position));
  if (of_session) return std::move(*of_session);
  return factory_.call(node.name, std::move(args), position);
}

Result<Expr> ExprBinder::aggregate(const ast::Function& node, uint32_t position) {
  if (inside_aggregate_) return error(Code::Grouping, "aggregate function calls cannot be nested").at(position);
  if (aggregates_ == nullptr) return error(Code::Grouping, "aggregate functions are not allowed in {}", clause_).at(position);
  if (node.star && node.name != "count") return error(Code::UndefinedFunction, "function {}(*) does not exist", node.name).at(position);
  if (!node.star && node.args.empty() && node.name == "count") {
    return error(Code::WrongObjectType, "count(*) must be used to call a parameterless aggregate function").at(position);
  }
  AggregateList::Call call{.function = node.name, .distinct = node.distinct};
  inside_aggregate_ = true;
  auto args = bind_all(node.args);
  std::optional<Result<Expr>> filter;
  if (node.filter) filter = ExprBinder(context_, scope_, "FILTER").bind_boolean(*node.filter);
  inside_aggregate_ = false;
  PENSTOCK_TRY(call.args, std::move(args));
  if (filter) {
    PENSTOCK_TRY(auto condition, std::move(*filter));
    call.filter.push_back(std::move(condition));
  }
  const auto resolved = expr::resolve_aggregate(node.name, arg_types(call.args));
  if (resolved.has_error()) return resolved.error().at(position);
  for (size_t i = 0; i < call.args.size(); ++i) {
    PENSTOCK_TRY(call.args[i], factory_.coerce(std::move(call.args[i]), resolved.value().arg_types[i], expr::CastKind::Implicit, position));
  }
  call.type = resolved.value().return_type;
  return aggregates_->add(std::move(call), position);
}

}  // namespace penstock::frontend
