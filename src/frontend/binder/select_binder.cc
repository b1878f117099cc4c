#include "frontend/binder/select_binder.h"

#include <algorithm>

namespace penstock::frontend {

using data::TypeKind;

namespace {

constexpr std::string_view kSubqueryColumn = "?subquery?";

bool gives_one_row(const logical::Plan& plan) {
  if (plan.as<logical::Project>() != nullptr) return gives_one_row(plan.input());
  if (const auto* aggregate = plan.as<logical::Aggregate>()) return aggregate->keys.empty();
  const auto* values = plan.as<logical::Values>();
  return values != nullptr && values->rows.size() == 1;
}

// The parts of `a AND b AND …` of the syntax tree.
void add_conditions(const ast::Expr& expr, std::vector<const ast::Expr*>& conditions) {
  const auto* logical = std::get_if<ast::Logical>(&expr.node);
  if (logical == nullptr || logical->op != ast::LogicalOp::And) {
    conditions.push_back(&expr);
    return;
  }
  for (const auto& arg : logical->args) add_conditions(*arg, conditions);
}

}  // namespace

Result<BoundQuery> SelectBinder::bind() {
  if (select_.items.empty()) return error(Code::NotSupported, "a SELECT without columns is not supported").at(position_);
  PENSTOCK_TRY(auto from, query_.from_list(select_.from, position_));
  plan_ = std::move(from.plan);
  scope_ = std::move(from.scope);
  if (select_.where) {
    PENSTOCK_TRY(bind_where(*select_.where));
  }
  PENSTOCK_TRY(bind_items());
  PENSTOCK_TRY(bind_groups());
  if (select_.having) {
    PENSTOCK_TRY(auto having, ExprBinder(context_, scope_, "HAVING", &aggregates_).bind_boolean(*select_.having));
    having_.push_back(std::move(having));
  }
  PENSTOCK_TRY(bind_order());
  if (is_aggregated()) {
    PENSTOCK_TRY(aggregate());
  }
  return finish();
}

Status SelectBinder::bind_where(const ast::Expr& where) {
  std::vector<const ast::Expr*> conditions;
  add_conditions(where, conditions);
  std::vector<Expr> bound;
  for (const ast::Expr* condition : conditions) {
    const auto* subquery = std::get_if<ast::Subquery>(&condition->node);
    if (subquery != nullptr && subquery->kind == ast::SubqueryKind::In) {
      PENSTOCK_TRY(bind_in(*subquery, condition->position));
      continue;
    }
    PENSTOCK_TRY(auto predicate,
                 ExprBinder(context_, scope_, conditions.size() == 1 ? "WHERE" : "AND", nullptr, this).bind_boolean(*condition));
    bound.push_back(std::move(predicate));
  }
  if (bound.empty()) return ok();
  if (bound.size() == 1) {
    plan_ = logical::make_filter(std::move(plan_), std::move(bound.front()));
    return ok();
  }
  PENSTOCK_TRY(auto all, factory_.call("and", std::move(bound), where.position));
  plan_ = logical::make_filter(std::move(plan_), std::move(all));
  return ok();
}

// `x IN (SELECT y …)` as a condition is a join with the distinct y: a row stays if and only if one of them equals x.
Status SelectBinder::bind_in(const ast::Subquery& node, uint32_t position) {
  PENSTOCK_TRY(auto value, ExprBinder(context_, scope_, "WHERE", nullptr, this).bind(*node.test));
  context_.outer_scopes.push_back(&scope_);
  auto query = query_.bind(*node.query);
  context_.outer_scopes.pop_back();
  PENSTOCK_TRY(auto bound, std::move(query));
  if (bound.plan->width() != 1) return error(Code::Syntax, "subquery has too many columns").at(position);
  Expr item = logical::column_of(*bound.plan, 0);
  item.position = position;
  PENSTOCK_TRY(factory_.unify({&value, &item}, "IN"));
  const auto width = static_cast<uint32_t>(plan_->width());
  auto items = logical::make_project(std::move(bound.plan), {item}, {"in"});
  items = logical::make_aggregate(std::move(items), {{0}, {}});
  PENSTOCK_TRY(auto equal, factory_.call("equal", {std::move(value), Expr::column(width, items->columns[0].type, position)}, position));
  plan_ = logical::make_join(std::move(plan_), std::move(items), logical::JoinKind::Inner, std::move(equal));
  std::vector<uint32_t> own(width);
  for (uint32_t i = 0; i < width; ++i) own[i] = i;
  plan_ = logical::make_selection(std::move(plan_), own);
  return ok();
}

// One more column, that only the expression itself can name.
Expr SelectBinder::join_one_row(logical::PlanPtr row, uint32_t position) {
  const auto column = static_cast<uint32_t>(plan_->width());
  const auto type = row->columns[0].type;
  plan_ = logical::make_join(std::move(plan_), std::move(row), logical::JoinKind::Inner, std::nullopt);
  scope_.columns.push_back({"", "", std::string(kSubqueryColumn), type, true, true});
  return Expr::column(column, type, position);
}

Result<Expr> SelectBinder::scalar(const ast::Query& query, uint32_t position) {
  PENSTOCK_TRY(auto bound, query_.bind(query));
  if (bound.plan->width() != 1) return error(Code::Syntax, "subquery must return only one column").at(position);
  if (!gives_one_row(*bound.plan)) {
    return error(Code::NotSupported, "a scalar subquery that may give several rows or none is not supported")
        .at(position)
        .with_hint("Aggregate it to one row: (SELECT max(x) FROM …).");
  }
  const auto* project = bound.plan->as<logical::Project>();
  if (project != nullptr && project->exprs[0].is_literal() && bound.plan->input().as<logical::Values>() != nullptr)
    return project->exprs[0];
  return join_one_row(std::move(bound.plan), position);
}

Result<Expr> SelectBinder::exists(const ast::Query& query, uint32_t position) {
  PENSTOCK_TRY(auto bound, query_.bind(query));
  auto count = logical::make_aggregate(std::move(bound.plan), {{}, {{.function = "count", .type = TypeKind::Int64}}});
  PENSTOCK_TRY(auto any, factory_.call("greater_than", {logical::column_of(*count, 0), Expr::literal(TypeKind::Int64, "0")}, position));
  return join_one_row(logical::make_project(std::move(count), {std::move(any)}, {"exists"}), position);
}

bool SelectBinder::is_aggregated() const { return !groups_.empty() || !having_.empty() || !aggregates_.empty(); }

Status SelectBinder::bind_items() {
  for (const ast::SelectItem& item : select_.items) {
    if (const auto* star = std::get_if<ast::Star>(&item.expr->node)) {
      PENSTOCK_TRY(bind_star(*star, item.expr->position));
      continue;
    }
    PENSTOCK_TRY(auto bound, ExprBinder(context_, scope_, "SELECT", &aggregates_, this).bind(*item.expr));
    items_.push_back({std::move(bound), item.alias.empty() ? implicit_name(*item.expr) : item.alias, !item.alias.empty()});
  }
  visible_ = items_.size();
  return ok();
}

Status SelectBinder::bind_star(const ast::Star& star, uint32_t position) {
  if (select_.from.empty()) return error(Code::Syntax, "SELECT * with no tables specified is not valid").at(position);
  PENSTOCK_TRY(const auto columns, scope_.star(star.qualifier, position));
  for (const uint32_t c : columns) items_.push_back({Expr::column(c, scope_.columns[c].type, position), scope_.columns[c].name});
  return ok();
}

Status SelectBinder::bind_groups() {
  for (const auto& expr : select_.group_by) {
    PENSTOCK_TRY(auto bound, bind_group(*expr));
    PENSTOCK_TRY(bound, factory_.settle(std::move(bound)));
    if (std::find(groups_.begin(), groups_.end(), bound) == groups_.end()) groups_.push_back(std::move(bound));
  }
  return ok();
}

// A number is a position in the select list; a name is a column of FROM, or else an alias of the select list.
Result<Expr> SelectBinder::bind_group(const ast::Expr& expr) {
  const Item* item = nullptr;
  if (const auto* literal = std::get_if<ast::Literal>(&expr.node)) {
    PENSTOCK_TRY(const auto number, ordinal(*literal, visible_, "GROUP BY", expr.position));
    item = &items_[number];
  }
  if (const auto* ref = std::get_if<ast::ColumnRef>(&expr.node); ref != nullptr && ref->parts.size() == 1) {
    PENSTOCK_TRY(auto column, scope_.find(ref->parts[0], expr.position));
    if (column) return std::move(*column);
    for (size_t i = 0; i < visible_; ++i) {
      if (items_[i].name != ref->parts[0] || !items_[i].from_alias) continue;
      if (item != nullptr && !(item->expr == items_[i].expr)) {
        return error(Code::AmbiguousColumn, "GROUP BY \"{}\" is ambiguous", ref->parts[0]).at(expr.position);
      }
      item = &items_[i];
    }
  }
  if (item == nullptr) return ExprBinder(context_, scope_, "GROUP BY").bind(expr);
  const std::function<bool(const Expr&)> aggregated = [&](const Expr& e) {
    return e.kind == Expr::Kind::Aggregate || std::any_of(e.args.begin(), e.args.end(), aggregated);
  };
  if (aggregated(item->expr)) return error(Code::Grouping, "aggregate functions are not allowed in GROUP BY").at(expr.position);
  return item->expr;
}

Status SelectBinder::bind_order() {
  for (const ast::SortItem& item : order_by_) {
    PENSTOCK_TRY(const auto column, order_column(*item.expr));
    sort_.push_back({column, item.descending, item.nulls_first});
  }
  return ok();
}

// A number is a position in the select list; a name is an output column, or else a column of FROM.
Result<uint32_t> SelectBinder::order_column(const ast::Expr& expr) {
  if (const auto* literal = std::get_if<ast::Literal>(&expr.node)) return ordinal(*literal, visible_, "ORDER BY", expr.position);
  if (const auto* ref = std::get_if<ast::ColumnRef>(&expr.node); ref != nullptr && ref->parts.size() == 1) {
    std::optional<uint32_t> found;
    for (uint32_t i = 0; i < visible_; ++i) {
      if (items_[i].name != ref->parts[0]) continue;
      if (found && !(items_[*found].expr == items_[i].expr)) {
        return error(Code::AmbiguousColumn, "ORDER BY \"{}\" is ambiguous", ref->parts[0]).at(expr.position);
      }
      if (!found) found = i;
    }
    if (found) return *found;
  }
  PENSTOCK_TRY(auto bound, ExprBinder(context_, scope_, "ORDER BY", &aggregates_).bind(expr));
  for (uint32_t i = 0; i < items_.size(); ++i) {
    if (items_[i].expr == bound) return i;
  }
  if (select_.distinct) {
    return error(Code::InvalidDefinition, "for SELECT DISTINCT, ORDER BY expressions must appear in select list").at(expr.position);
  }
  items_.push_back({std::move(bound), "?sort?"});
  return static_cast<uint32_t>(items_.size() - 1);
}

// A projection of what the aggregation reads, each expression once, then the aggregation, then HAVING.
Status SelectBinder::aggregate() {
  std::vector<Expr> inputs = groups_;
  const auto column_for = [&](const Expr& e) {
    const auto found = std::find(inputs.begin(), inputs.end(), e);
    const auto column = static_cast<uint32_t>(found - inputs.begin());
    if (found == inputs.end()) inputs.push_back(e);
    return column;
  };
  logical::Aggregate node;
  for (uint32_t i = 0; i < groups_.size(); ++i) node.keys.push_back(i);
  for (const AggregateList::Call& call : aggregates_.calls()) {
    logical::AggCall out{.function = call.function, .type = call.type, .distinct = call.distinct};
    for (const Expr& arg : call.args) {
      out.args.push_back(column_for(arg));
      out.arg_types.push_back(arg.type);
    }
    if (!call.filter.empty()) out.filter = column_for(call.filter.front());
    node.calls.push_back(std::move(out));
  }
  // Names of group keys as the user knows them, for EXPLAIN.
  std::vector<std::string> names;
  const auto below = logical::column_names(*plan_);
  for (const Expr& e : inputs) {
    const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.expr == e; });
    names.push_back(e.is_column() ? below[e.index] : item != items_.end() ? item->name : to_string(e, below));
  }
  plan_ = logical::make_project(std::move(plan_), std::move(inputs), std::move(names));
  plan_ = logical::make_aggregate(std::move(plan_), std::move(node));
  for (Item& item : items_) {
    PENSTOCK_TRY(item.expr, above_aggregate(std::move(item.expr)));
  }
  if (!having_.empty()) {
    PENSTOCK_TRY(auto having, above_aggregate(std::move(having_.front())));
    plan_ = logical::make_filter(std::move(plan_), std::move(having));
  }
  return ok();
}

Result<Expr> SelectBinder::above_aggregate(Expr expr) const {
  const auto key = std::find(groups_.begin(), groups_.end(), expr);
  if (key != groups_.end()) return Expr::column(static_cast<uint32_t>(key - groups_.begin()), expr.type, expr.position);
  if (expr.kind == Expr::Kind::Aggregate) return Expr::column(static_cast<uint32_t>(groups_.size() + expr.index), expr.type, expr.position);
  if (expr.is_column()) {
    const auto& column = scope_.columns[expr.index];
    if (column.name == kSubqueryColumn)
      return error(Code::NotSupported, "a subquery beside an aggregate is not supported").at(expr.position);
    return error(Code::Grouping, "column \"{}{}{}\" must appear in the GROUP BY clause or be used in an aggregate function", column.table,
                 column.table.empty() ? "" : ".", column.name)
        .at(expr.position);
  }
  for (Expr& arg : expr.args) {
    PENSTOCK_TRY(arg, above_aggregate(std::move(arg)));
  }
  return expr;
}

Result<BoundQuery> SelectBinder::finish() {
  BoundQuery result;
  std::vector<Expr> exprs;
  std::vector<std::string> names;
  for (size_t i = 0; i < items_.size(); ++i) {
    if (i < visible_) result.unknown.push_back(items_[i].expr.unknown);
    PENSTOCK_TRY(auto settled, factory_.settle(std::move(items_[i].expr)));
    exprs.push_back(std::move(settled));
    names.push_back(items_[i].name);
  }
  plan_ = logical::make_project(std::move(plan_), std::move(exprs), std::move(names));
  plan_->position = position_;
  if (select_.distinct) distinct();
  if (!sort_.empty() && context_.streaming) {
    context_.notices.emplace_back("ORDER BY in a view or sink has no effect: its rows have no order");
  } else if (!sort_.empty()) {
    plan_ = logical::make_sort(std::move(plan_), std::move(sort_));
  }
  if (visible_ < items_.size()) {
    std::vector<uint32_t> kept(visible_);
    for (uint32_t i = 0; i < visible_; ++i) kept[i] = i;
    plan_ = logical::make_selection(std::move(plan_), kept);
  }
  result.plan = std::move(plan_);
  return result;
}

void SelectBinder::distinct() {
  logical::Aggregate node;
  for (uint32_t i = 0; i < visible_; ++i) node.keys.push_back(i);
  plan_ = logical::make_aggregate(std::move(plan_), std::move(node));
}

}  // namespace penstock::frontend
