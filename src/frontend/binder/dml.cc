#include "frontend/binder/dml.h"

#include <algorithm>
#include <numeric>

#include "frontend/binder/query_binder.h"
#include "frontend/binder/resolve_name.h"
#include "frontend/binder/suggest.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {
namespace {

using data::DataType;

Result<const pb::CatalogObject*> table_to_change(const ast::ObjectName& name, std::string_view verb, const BindContext& context) {
  PENSTOCK_TRY(const auto found, resolve_relation(name, context.catalog, context.settings));
  if (found.object != nullptr && found.object->kind() == pb::OBJECT_TABLE) {
    PENSTOCK_TRY(check_not_stale(*found.object, verb, name.position));
    return found.object;
  }
  const std::string_view kind = found.object == nullptr                           ? "system relation"
                                : found.object->kind() == pb::OBJECT_SOURCE       ? "source"
                                : found.object->kind() == pb::OBJECT_SINK         ? "sink"
                                : found.object->kind() == pb::OBJECT_SUBSCRIPTION ? "subscription"
                                                                                  : "materialized view";
  return error(Code::WrongObjectType, "cannot {} {} \"{}\"", verb, kind, name.name).at(name.position);
}

Result<uint32_t> column_to_change(const pb::CatalogObject& table, const ast::NameAt& column) {
  std::vector<std::string> names;
  for (int i = 0; i < table.columns_size(); ++i) {
    if (table.columns(i).hidden()) continue;
    if (table.columns(i).name() == column.name) return static_cast<uint32_t>(i);
    names.push_back(table.columns(i).name());
  }
  const Error e =
      error(Code::UndefinedColumn, "column \"{}\" of relation \"{}\" does not exist", column.name, table.name()).at(column.position);
  const std::string meant = nearest(column.name, names);
  return meant.empty() ? e : e.with_hint(fmt::format("Perhaps you meant the column \"{}\".", meant));
}

std::vector<DataType> types_of(const pb::CatalogObject& table) {
  std::vector<uint32_t> all(static_cast<size_t>(table.columns_size()));
  std::iota(all.begin(), all.end(), 0U);
  std::vector<DataType> types;
  const logical::PlanPtr scan = logical::make_scan(table, all, 0);  // must outlive the loop over its columns
  for (const auto& c : scan->columns) types.push_back(c.type);
  return types;
}

// A value for a column, by Postgres' rule of assignment.
Result<Expr> assigned(Expr value, const pb::Column& column, DataType type, uint32_t position, BindContext& context) {
  if (!value.unknown && value.type != type && !expr::can_cast(value.type, type, expr::CastKind::Assignment)) {
    return error(Code::DatatypeMismatch, "column \"{}\" is of type {} but expression is of type {}", column.name(), type.to_string(),
                 value.type.to_string())
        .at(position)
        .with_hint("You will need to rewrite or cast the expression.");
  }
  return context.factory.coerce(std::move(value), type, expr::CastKind::Assignment, position);
}

// The row as it shall be, of one whose columns come first in `scope`.
Result<std::vector<Expr>> assigned_row(const std::vector<ast::Assignment>& assignments, const pb::CatalogObject& table,
                                       const std::vector<DataType>& types, const Scope& scope, BindContext& context) {
  std::vector<Expr> values(types.size());
  for (uint32_t i = 0; i < types.size(); ++i) values[i] = Expr::column(i, types[i]);
  std::vector<uint32_t> changed;
  for (const ast::Assignment& assignment : assignments) {
    const auto& name = assignment.column;
    PENSTOCK_TRY(const auto target, column_to_change(table, name));
    if (std::find(changed.begin(), changed.end(), target) != changed.end()) {
      return error(Code::Syntax, "multiple assignments to same column \"{}\"", name.name).at(name.position);
    }
    if (std::count(table.pk_columns().begin(), table.pk_columns().end(), target) > 0) {
      return error(Code::NotSupported, "UPDATE of primary key column \"{}\" is not supported", name.name).at(name.position);
    }
    PENSTOCK_TRY(auto value, ExprBinder(context, scope, "UPDATE").bind(*assignment.value));
    PENSTOCK_TRY(values[target],
                 assigned(std::move(value), table.columns(static_cast<int>(target)), types[target], assignment.value->position, context));
    changed.push_back(target);
  }
  return values;
}

class InsertBinder {
 public:
  InsertBinder(const ast::Insert& insert, const pb::CatalogObject& table, BindContext& context)
      : insert_(insert), table_(table), context_(context), types_(types_of(table)) {}

  Result<BoundDml> bind() {
    PENSTOCK_TRY(find_targets());
    BoundDml result{&table_, nullptr};
    if (const auto* values = plain_values()) {
      PENSTOCK_TRY(result.rows, from_values(*values));
    } else {
      PENSTOCK_TRY(result.rows, from_query());
    }
    if (insert_.on_conflict) {
      PENSTOCK_TRY(result.on_conflict, on_conflict(*insert_.on_conflict));
    }
    return result;
  }

 private:
  // Only a primary key can be met. Without one nothing ever conflicts.
  Result<std::optional<BoundDml::OnConflict>> on_conflict(const ast::OnConflictDo& clause) {
    std::vector<uint32_t> named;
    for (const ast::NameAt& column : clause.columns) {
      PENSTOCK_TRY(const auto target, column_to_change(table_, column));
      named.push_back(target);
    }
    std::vector<uint32_t> key(table_.pk_columns().begin(), table_.pk_columns().end());
    std::ranges::sort(named);
    std::ranges::sort(key);
    if ((!named.empty() && named != key) || (clause.update && key.empty())) {
      return error(Code::InvalidDefinition, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
          .at(clause.position)
          .with_hint("Name the columns of the primary key.");
    }
    if (clause.update && named.empty()) {
      return error(Code::Syntax, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
          .at(clause.position)
          .with_hint("For example, ON CONFLICT (column_name).");
    }
    if (key.empty()) return std::optional<BoundDml::OnConflict>();
    BoundDml::OnConflict result{.update = clause.update};
    if (!clause.update) return std::optional(std::move(result));
    PENSTOCK_TRY(auto stored, QueryBinder(context_).bind_relation(insert_.table, {}));
    Scope scope = std::move(stored.second);
    Scope proposed = scope;
    for (Scope::Column& column : proposed.columns) {
      column.schema.clear();
      column.table = "excluded";
      column.shadowed = true;  // a name alone is of the stored row
    }
    scope.append(std::move(proposed));
    PENSTOCK_TRY(auto values, assigned_row(clause.assignments, table_, types_, scope, context_));
    for (uint32_t i = 0; i < types_.size(); ++i) result.row.push_back(Expr::column(i, types_[i]));
    result.row.insert(result.row.end(), std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
    if (clause.where) {
      PENSTOCK_TRY(result.where, ExprBinder(context_, scope, "WHERE").bind_boolean(*clause.where));
    }
    return std::optional(std::move(result));
  }

  Status find_targets() {
    if (insert_.columns.empty()) {
      for (int i = 0; i < table_.columns_size(); ++i) {
        if (!table_.columns(i).hidden()) targets_.push_back(static_cast<uint32_t>(i));
      }
      return ok();
    }
    for (const ast::NameAt& column : insert_.columns) {
      PENSTOCK_TRY(const auto target, column_to_change(table_, column));
      if (std::find(targets_.begin(), targets_.end(), target) != targets_.end()) {
        return error(Code::DuplicateColumn, "column \"{}\" specified more than once", column.name).at(column.position);
      }
      targets_.push_back(target);
    }
    return ok();
  }

  // VALUES alone: each value goes to its column by itself, whatever the rows above and below hold.
  [[nodiscard]] const ast::Values* plain_values() const {
    if (!insert_.query) return nullptr;
    const ast::Query& q = *insert_.query;
    return q.with.empty() && q.order_by.empty() && !q.limit && !q.offset ? std::get_if<ast::Values>(&q.body) : nullptr;
  }

  Status check_count(size_t values, uint32_t position) const {
    if (values > targets_.size()) return error(Code::Syntax, "INSERT has more expressions than target columns").at(position);
    if (values < targets_.size() && !insert_.columns.empty()) {
      return error(Code::Syntax, "INSERT has more target columns than expressions").at(insert_.columns[values].position);
    }
    return ok();
  }

  // A row of the table from the values of the targets; the others get their defaults.
  Result<std::vector<Expr>> whole_row(std::vector<Expr> values, uint32_t position) {
    std::vector<Expr> row;
    for (int i = 0; i < table_.columns_size(); ++i) {
      const auto& column = table_.columns(i);
      row.push_back(column.has_default_value() ? from_proto(column.default_value()) : Expr::null_of(types_[i]));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const uint32_t target = targets_[i];
      const uint32_t at = values[i].position != 0 ? values[i].position : position;
      PENSTOCK_TRY(row[target], assigned(std::move(values[i]), table_.columns(static_cast<int>(target)), types_[target], at, context_));
    }
    return row;
  }

  Result<logical::PlanPtr> from_values(const ast::Values& node) {
    const Scope nothing;
    logical::Values values;
    for (const auto& cells : node.rows) {
      if (cells.size() != node.rows.front().size()) {
        return error(Code::Syntax, "VALUES lists must all be the same length")
            .at(cells.empty() ? insert_.table.position : cells.front()->position);
      }
      PENSTOCK_TRY(check_count(cells.size(), cells.size() > targets_.size() ? cells[targets_.size()]->position : insert_.table.position));
      std::vector<Expr> row;
      for (const auto& cell : cells) {
        PENSTOCK_TRY(auto bound, ExprBinder(context_, nothing, "VALUES").bind(*cell));
        row.push_back(std::move(bound));
      }
      PENSTOCK_TRY(auto whole, whole_row(std::move(row), insert_.table.position));
      values.rows.push_back(std::move(whole));
    }
    return values_plan(std::move(values));
  }

  logical::PlanPtr values_plan(logical::Values values) const {
    auto plan = std::make_unique<logical::Plan>();
    plan->node = std::move(values);
    for (int i = 0; i < table_.columns_size(); ++i) plan->columns.push_back({table_.columns(i).name(), types_[i]});
    return plan;
  }

  Result<logical::PlanPtr> from_query() {
    if (!insert_.query) {  // DEFAULT VALUES
      logical::Values values;
      PENSTOCK_TRY(auto row, whole_row({}, 0));
      values.rows.push_back(std::move(row));
      return values_plan(std::move(values));
    }
    PENSTOCK_TRY(auto query, QueryBinder(context_).bind(*insert_.query));
    PENSTOCK_TRY(check_count(query.plan->width(), insert_.query->position));
    std::vector<Expr> values;
    for (uint32_t i = 0; i < query.plan->width(); ++i) {
      auto value = logical::column_of(*query.plan, i);
      // A column of bare strings was made text; it reads as any type.
      if (query.unknown[i] && value.type != types_[targets_[i]]) {
        PENSTOCK_TRY(value,
                     context_.factory.coerce(std::move(value), types_[targets_[i]], expr::CastKind::Explicit, insert_.query->position));
      }
      values.push_back(std::move(value));
    }
    PENSTOCK_TRY(auto row, whole_row(std::move(values), insert_.query->position));
    std::vector<std::string> names;
    for (const auto& c : table_.columns()) names.push_back(c.name());
    return logical::make_project(std::move(query.plan), std::move(row), std::move(names));
  }

  const ast::Insert& insert_;
  const pb::CatalogObject& table_;
  BindContext& context_;
  std::vector<DataType> types_;
  std::vector<uint32_t> targets_;
};

// The rows of the table for which `where` holds, and the names that may stand in expressions over them.
Result<std::pair<logical::PlanPtr, Scope>> rows_to_change(const ast::ObjectName& table, const std::string& alias, const ast::ExprPtr& where,
                                                          BindContext& context) {
  PENSTOCK_TRY(auto rows, QueryBinder(context).bind_relation(table, {alias, {}}));
  if (where) {
    PENSTOCK_TRY(auto predicate, ExprBinder(context, rows.second, "WHERE").bind_boolean(*where));
    rows.first = logical::make_filter(std::move(rows.first), std::move(predicate));
  }
  return rows;
}

Status bind_returning(const std::vector<ast::SelectItem>& items, const ast::ObjectName& table, const std::string& alias, BoundDml& out,
                      BindContext& context) {
  if (items.empty()) return ok();
  PENSTOCK_TRY(const auto rows, QueryBinder(context).bind_relation(table, {alias, {}}));
  const Scope& scope = rows.second;
  for (const ast::SelectItem& item : items) {
    if (const auto* star = std::get_if<ast::Star>(&item.expr->node)) {
      PENSTOCK_TRY(const auto columns, scope.star(star->qualifier, item.expr->position));
      for (const uint32_t c : columns) {
        out.returning.push_back(Expr::column(c, scope.columns[c].type));
        out.returning_names.push_back(scope.columns[c].name);
      }
      continue;
    }
    PENSTOCK_TRY(auto bound, ExprBinder(context, scope, "RETURNING").bind(*item.expr));
    PENSTOCK_TRY(bound, context.factory.settle(std::move(bound)));
    out.returning.push_back(std::move(bound));
    out.returning_names.push_back(item.alias.empty() ? implicit_name(*item.expr) : item.alias);
  }
  return ok();
}

}  // namespace

Result<BoundDml> bind_insert(const ast::Insert& insert, BindContext& context) {
  PENSTOCK_TRY(const auto* table, table_to_change(insert.table, "insert into", context));
  PENSTOCK_TRY(BoundDml bound, InsertBinder(insert, *table, context).bind());
  PENSTOCK_TRY(bind_returning(insert.returning, insert.table, {}, bound, context));
  return bound;
}

Result<std::pair<const pb::CatalogObject*, std::vector<uint32_t>>> bind_copy(const ast::Copy& copy, BindContext& context) {
  PENSTOCK_TRY(const auto* table, table_to_change(copy.table, "copy to", context));
  std::vector<uint32_t> columns;
  for (int i = 0; copy.columns.empty() && i < table->columns_size(); ++i) {
    if (!table->columns(i).hidden()) columns.push_back(static_cast<uint32_t>(i));
  }
  for (const ast::NameAt& column : copy.columns) {
    PENSTOCK_TRY(const auto target, column_to_change(*table, column));
    if (std::find(columns.begin(), columns.end(), target) != columns.end()) {
      return error(Code::DuplicateColumn, "column \"{}\" specified more than once", column.name).at(column.position);
    }
    columns.push_back(target);
  }
  return std::pair(table, std::move(columns));
}

Result<BoundDml> bind_delete(const ast::Delete& remove, BindContext& context) {
  PENSTOCK_TRY(const auto* table, table_to_change(remove.table, "delete from", context));
  PENSTOCK_TRY(auto rows, rows_to_change(remove.table, remove.alias, remove.where, context));
  BoundDml bound{table, std::move(rows.first)};
  PENSTOCK_TRY(bind_returning(remove.returning, remove.table, remove.alias, bound, context));
  return bound;
}

Result<BoundDml> bind_update(const ast::Update& update, BindContext& context) {
  PENSTOCK_TRY(const auto* table, table_to_change(update.table, "update", context));
  PENSTOCK_TRY(auto rows, rows_to_change(update.table, update.alias, update.where, context));
  const auto types = types_of(*table);
  PENSTOCK_TRY(auto values, assigned_row(update.assignments, *table, types, rows.second, context));
  std::vector<Expr> row;
  std::vector<std::string> names;
  for (uint32_t i = 0; i < types.size(); ++i) {
    row.push_back(Expr::column(i, types[i]));
    names.push_back(table->columns(static_cast<int>(i)).name());
  }
  row.insert(row.end(), std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
  const auto once = names;
  names.insert(names.end(), once.begin(), once.end());
  BoundDml bound{table, logical::make_project(std::move(rows.first), std::move(row), std::move(names))};
  PENSTOCK_TRY(bind_returning(update.returning, update.table, update.alias, bound, context));
  return bound;
}

}  // namespace penstock::frontend
