#include "frontend/binder/query_binder.h"

#include <algorithm>
#include <charconv>

#include "frontend/binder/select_binder.h"

namespace penstock::frontend {

using data::DataType;
using data::TypeKind;

Result<BoundQuery> QueryBinder::bind(const ast::Query& query) {
  const size_t outer = ctes_.size();
  for (const ast::Cte& cte : query.with) {
    const auto same = [&](const ast::Cte& other) { return &other < &cte && other.name == cte.name; };
    if (std::any_of(query.with.begin(), query.with.end(), same)) {
      return error(Code::DuplicateObject, "WITH query name \"{}\" specified more than once", cte.name).at(cte.position);
    }
    ctes_.push_back(&cte);
  }
  auto bound = body(query);
  ctes_.resize(outer);
  return bound;
}

Result<BoundQuery> QueryBinder::body(const ast::Query& query) {
  if (const auto* select = std::get_if<ast::Select>(&query.body)) {
    PENSTOCK_TRY(auto bound, SelectBinder(*this, *select, query.order_by, query.position).bind());
    return limited(std::move(bound), query);
  }
  const auto* rows = std::get_if<ast::Values>(&query.body);
  PENSTOCK_TRY(auto bound,
               rows != nullptr ? values(*rows, query.position) : set_operation(std::get<ast::SetOperation>(query.body), query.position));
  PENSTOCK_TRY(bound, sorted_by_output(std::move(bound), query.order_by));
  return limited(std::move(bound), query);
}

Result<BoundQuery> QueryBinder::values(const ast::Values& node, uint32_t position) {
  const Scope nothing;
  logical::Values values;
  for (const auto& row : node.rows) {
    std::vector<Expr> cells;
    for (const auto& cell : row) {
      PENSTOCK_TRY(auto bound, ExprBinder(context_, nothing, "VALUES").bind(*cell));
      cells.push_back(std::move(bound));
    }
    if (!values.rows.empty() && values.rows.front().size() != cells.size()) {
      return error(Code::Syntax, "VALUES lists must all be the same length").at(row.empty() ? position : row.front()->position);
    }
    values.rows.push_back(std::move(cells));
  }
  BoundQuery result;
  std::vector<logical::Column> columns;
  for (size_t c = 0; c < values.rows.front().size(); ++c) {
    std::vector<Expr*> cells;
    for (auto& row : values.rows) cells.push_back(&row[c]);
    const bool unknown = std::all_of(cells.begin(), cells.end(), [](const Expr* e) { return e->unknown; });
    PENSTOCK_TRY(const auto type, factory_.unify(cells, "VALUES"));
    columns.push_back({fmt::format("column{}", c + 1), type});
    result.unknown.push_back(unknown);
  }
  result.plan = std::make_unique<logical::Plan>();
  result.plan->node = std::move(values);
  result.plan->columns = std::move(columns);
  result.plan->position = position;
  return result;
}

// Adds a projection if any type differs.
Result<logical::PlanPtr> QueryBinder::cast_columns(BoundQuery query, const std::vector<DataType>& types) {
  std::vector<Expr> exprs;
  bool same = true;
  for (size_t i = 0; i < types.size(); ++i) {
    same &= query.plan->columns[i].type == types[i];
    // A column of bare strings reads as text in the cast too.
    const auto level = query.unknown[i] ? expr::CastKind::Explicit : expr::CastKind::Implicit;
    PENSTOCK_TRY(auto cast,
                 factory_.coerce(logical::column_of(*query.plan, static_cast<uint32_t>(i)), types[i], level, query.plan->position));
    exprs.push_back(std::move(cast));
  }
  if (same) return std::move(query.plan);
  auto names = logical::column_names(*query.plan);
  return logical::make_project(std::move(query.plan), std::move(exprs), std::move(names));
}

Result<BoundQuery> QueryBinder::set_operation(const ast::SetOperation& node, uint32_t position) {
  const std::string_view name = node.op == ast::SetOp::Union ? "UNION" : node.op == ast::SetOp::Intersect ? "INTERSECT" : "EXCEPT";
  if (node.op != ast::SetOp::Union) return error(Code::NotSupported, "{} is not supported", name).at(position);
  PENSTOCK_TRY(auto left, bind(*node.left));
  PENSTOCK_TRY(auto right, bind(*node.right));
  if (left.plan->width() != right.plan->width()) {
    return error(Code::Syntax, "each {} query must have the same number of columns", name).at(right.plan->position);
  }
  std::vector<DataType> types;
  BoundQuery result;
  for (size_t i = 0; i < left.plan->width(); ++i) {
    const expr::ArgType both[] = {{left.plan->columns[i].type, left.unknown[i]}, {right.plan->columns[i].type, right.unknown[i]}};
    const auto common = expr::common_type(both, name);
    if (common.has_error()) return common.error().at(right.plan->position);
    types.push_back(common.value());
    result.unknown.push_back(left.unknown[i] && right.unknown[i]);
  }
  std::vector<logical::PlanPtr> inputs;
  for (BoundQuery* side : {&left, &right}) {
    PENSTOCK_TRY(auto cast, cast_columns(std::move(*side), types));
    inputs.push_back(std::move(cast));
  }
  result.plan = logical::make_union(std::move(inputs));
  if (!node.all) {
    logical::Aggregate distinct;
    for (uint32_t i = 0; i < types.size(); ++i) distinct.keys.push_back(i);
    result.plan = logical::make_aggregate(std::move(result.plan), std::move(distinct));
  }
  return result;
}

// After UNION and VALUES only the output columns can be named.
Result<BoundQuery> QueryBinder::sorted_by_output(BoundQuery query, const std::vector<ast::SortItem>& order_by) {
  if (order_by.empty()) return query;
  if (context_.streaming) {
    context_.notices.emplace_back("ORDER BY in a view or sink has no effect: its rows have no order");
    return query;
  }
  Scope scope;
  for (const auto& c : query.plan->columns) scope.columns.push_back({"", "", c.name, c.type});
  std::vector<logical::SortKey> keys;
  for (const ast::SortItem& item : order_by) {
    uint32_t column = 0;
    const auto* literal = std::get_if<ast::Literal>(&item.expr->node);
    const auto* ref = std::get_if<ast::ColumnRef>(&item.expr->node);
    if (literal != nullptr) {
      PENSTOCK_TRY(column, ordinal(*literal, query.plan->width(), "ORDER BY", item.expr->position));
    } else if (ref != nullptr && ref->parts.size() == 1) {
      PENSTOCK_TRY(const auto found, scope.resolve(*ref, item.expr->position));
      column = found.index;
    } else {
      return error(Code::NotSupported, "an expression in ORDER BY of a UNION or VALUES is not supported").at(item.expr->position);
    }
    keys.push_back({column, item.descending, item.nulls_first});
  }
  query.plan = logical::make_sort(std::move(query.plan), std::move(keys));
  return query;
}

Result<std::optional<uint64_t>> QueryBinder::row_count(const ast::ExprPtr& expr, std::string_view clause) {
  if (!expr) return std::optional<uint64_t>{};
  const Scope nothing;
  PENSTOCK_TRY(auto bound, ExprBinder(context_, nothing, clause).bind(*expr));
  PENSTOCK_TRY(bound, factory_.coerce(std::move(bound), TypeKind::Int64, expr::CastKind::Assignment, expr->position));
  if (bound.kind == Expr::Kind::Parameter) return std::optional<uint64_t>{};  // to be described only
  if (!bound.is_literal()) return error(Code::NotSupported, "{} that is no constant is not supported", clause).at(expr->position);
  if (bound.null) return std::optional<uint64_t>{};
  int64_t value = 0;
  std::from_chars(bound.text.data(), bound.text.data() + bound.text.size(), value);
  if (value < 0) return error(Code::InvalidParameter, "{} must not be negative", clause).at(expr->position);
  return std::optional(static_cast<uint64_t>(value));
}

Result<BoundQuery> QueryBinder::limited(BoundQuery query, const ast::Query& node) {
  if (!node.limit && !node.offset) return query;
  if (context_.streaming) {
    const auto& where = node.limit ? node.limit : node.offset;
    return error(Code::NotSupported, "{} in a view or sink is not supported", node.limit ? "LIMIT" : "OFFSET").at(where->position);
  }
  PENSTOCK_TRY(const auto count, row_count(node.limit, "LIMIT"));
  PENSTOCK_TRY(const auto offset, row_count(node.offset, "OFFSET"));
  query.plan = logical::make_limit(std::move(query.plan), {count, offset.value_or(0)});
  return query;
}

Result<uint32_t> ordinal(const ast::Literal& literal, size_t items, std::string_view clause, uint32_t position) {
  if (literal.kind != ast::LiteralKind::Integer) return error(Code::Syntax, "non-integer constant in {}", clause).at(position);
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(literal.text.data(), literal.text.data() + literal.text.size(), value);
  if (failure != std::errc{} || value < 1 || value > items) {
    return error(Code::InvalidDefinition, "{} position {} is not in select list", clause, literal.text).at(position);
  }
  return static_cast<uint32_t>(value - 1);
}

std::string implicit_name(const ast::Expr& expr) {
  if (const auto* ref = std::get_if<ast::ColumnRef>(&expr.node)) return ref->parts.back();
  if (const auto* call = std::get_if<ast::Function>(&expr.node)) return call->name;
  if (std::holds_alternative<ast::Case>(expr.node)) return "case";
  if (const auto* cast = std::get_if<ast::Cast>(&expr.node)) {
    const std::string inner = implicit_name(*cast->arg);
    return inner == "?column?" ? cast->type.name : inner;
  }
  return "?column?";
}

}  // namespace penstock::frontend
