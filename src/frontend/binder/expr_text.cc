// Expressions as people read them, in EXPLAIN and in the identities of operators.
#include <fmt/ranges.h>

#include <array>

#include "expr/registry.h"
#include "frontend/binder/expr.h"

namespace penstock::frontend {
namespace {

constexpr std::array<std::string_view, 16> kInfix = {"+", "-", "*", "/", "%", "^", "=", "<>", "<", "<=", ">", ">=", "||", "~~", "!~~", "~"};

// Symbol of a binary operator by its name in the registry; empty if it is none.
std::string_view infix_symbol(std::string_view function) {
  for (const std::string_view symbol : kInfix) {
    if (expr::operator_name(symbol, 2) == function) return symbol == "~~" ? "LIKE" : symbol == "!~~" ? "NOT LIKE" : symbol;
  }
  return {};
}

bool needs_quotes(data::TypeKind kind) {
  switch (kind) {
    case data::TypeKind::Varchar:
    case data::TypeKind::Date:
    case data::TypeKind::Timestamp:
    case data::TypeKind::Interval:
      return true;
    default:
      return false;
  }
}

std::string literal_text(const Expr& e) {
  if (e.null) return "NULL";
  if (e.type.kind == data::TypeKind::Boolean) return e.text == "t" ? "true" : "false";
  if (!needs_quotes(e.type.kind)) return e.text;
  std::string quoted = "'";
  for (const char c : e.text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

std::string call_text(const Expr& e, std::span<const std::string> columns) {
  std::vector<std::string> args;
  for (const Expr& arg : e.args) args.push_back(to_string(arg, columns));
  if (e.text == "cast") return fmt::format("{}::{}", args[0], e.type.to_string());
  if (e.text == "and" || e.text == "or") return fmt::format("({})", fmt::join(args, e.text == "and" ? " AND " : " OR "));
  if (e.text == "not") return fmt::format("(NOT {})", args[0]);
  if (e.text == "negate") return fmt::format("(-{})", args[0]);
  if (e.text == "is_null") return fmt::format("({} IS NULL)", args[0]);
  if (e.text == "is_not_null") return fmt::format("({} IS NOT NULL)", args[0]);
  if (args.size() == 2) {
    if (const auto symbol = infix_symbol(e.text); !symbol.empty()) return fmt::format("({} {} {})", args[0], symbol, args[1]);
  }
  if ((e.text == "in" || e.text == "not_in") && !args.empty()) {
    const std::vector<std::string> items(args.begin() + 1, args.end());
    return fmt::format("({} {} ({}))", args[0], e.text == "in" ? "IN" : "NOT IN", fmt::join(items, ", "));
  }
  return fmt::format("{}({})", e.text, fmt::join(args, ", "));
}

}  // namespace

std::string to_string(const Expr& expr, std::span<const std::string> columns) {
  switch (expr.kind) {
    case Expr::Kind::Column:
      return expr.index < columns.size() ? columns[expr.index] : fmt::format("${}", expr.index);
    case Expr::Kind::Parameter:
      return fmt::format("${}", expr.index);
    case Expr::Kind::Aggregate:
      return fmt::format("agg#{}", expr.index);
    case Expr::Kind::Literal:
      return literal_text(expr);
    case Expr::Kind::Call:
      return call_text(expr, columns);
  }
  return {};
}

}  // namespace penstock::frontend
