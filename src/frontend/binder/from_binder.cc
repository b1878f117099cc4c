// FROM: relations, WITH queries, subqueries, joins, TUMBLE and HOP.
#include <algorithm>
#include <numeric>

#include "data/datum.h"
#include "expr/pb_types.h"
#include "frontend/binder/query_binder.h"
#include "frontend/binder/resolve_name.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {
namespace {

constexpr uint32_t kMaxRelations = 10'000;

logical::JoinKind kind_of(ast::JoinKind kind) {
  switch (kind) {
    case ast::JoinKind::Left:
      return logical::JoinKind::Left;
    case ast::JoinKind::Right:
      return logical::JoinKind::Right;
    case ast::JoinKind::Full:
      return logical::JoinKind::Full;
    case ast::JoinKind::Inner:
    case ast::JoinKind::Cross:
      break;
  }
  return logical::JoinKind::Inner;
}

std::vector<uint32_t> all_columns(size_t n) {
  std::vector<uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

Result<QueryBinder::From> QueryBinder::from_list(const std::vector<ast::TableRef>& list, uint32_t position) {
  if (list.empty()) return From{logical::make_one_row(position), {}};
  PENSTOCK_TRY(auto all, table_ref(list.front()));
  for (size_t i = 1; i < list.size(); ++i) {
    PENSTOCK_TRY(auto next, table_ref(list[i]));
    for (const auto& c : next.scope.columns) {
      if (!c.table.empty() && all.scope.has_table(c.table)) {
        return error(Code::DuplicateObject, "table name \"{}\" specified more than once", c.table).at(list[i].position);
      }
    }
    all.plan = logical::make_join(std::move(all.plan), std::move(next.plan), logical::JoinKind::Inner, std::nullopt);
    all.scope.append(std::move(next.scope));
  }
  return all;
}

Result<QueryBinder::From> QueryBinder::table_ref(const ast::TableRef& ref) {
  if (++context_.relations > kMaxRelations) {
    return error(Code::TooComplex, "query reads more than {} relations", kMaxRelations).at(ref.position);
  }
  struct Visitor {
    QueryBinder& self;
    uint32_t at;
    Result<From> operator()(const ast::ObjectName& n) const { return self.relation(n, at); }
    Result<From> operator()(const ast::DerivedTable& n) const { return self.derived(n); }
    Result<From> operator()(const ast::TableFunction& n) const { return self.window(n, at); }
    Result<From> operator()(const ast::Join& n) const { return self.join(n, at); }
  };
  PENSTOCK_TRY(auto from, std::visit(Visitor{*this, ref.position}, ref.node));
  PENSTOCK_TRY(rename(from, ref.alias, ref.position));
  return from;
}

Status QueryBinder::rename(From& from, const ast::Alias& alias, uint32_t position) const {
  if (alias.name.empty()) return ok();
  size_t next = 0;
  for (auto& column : from.scope.columns) {
    column.schema.clear();
    column.table = column.shadowed ? std::string() : alias.name;  // a side of USING can be named no more
    if (!column.hidden && !column.shadowed && next < alias.columns.size()) column.name = alias.columns[next++];
  }
  if (next < alias.columns.size()) {
    return error(Code::Syntax, "table \"{}\" has {} columns available but {} columns specified", alias.name, next, alias.columns.size())
        .at(position);
  }
  return ok();
}

QueryBinder::From QueryBinder::from_query(BoundQuery query) const {
  From from{std::move(query.plan), {}};
  for (const auto& c : from.plan->columns) from.scope.columns.push_back({"", "", c.name, c.type});
  return from;
}

Result<QueryBinder::From> QueryBinder::derived(const ast::DerivedTable& node) {
  PENSTOCK_TRY(auto query, bind(*node.query));
  return from_query(std::move(query));
}

Result<QueryBinder::From> QueryBinder::relation(const ast::ObjectName& name, uint32_t position) {
  if (name.schema.empty()) {
    for (size_t i = ctes_.size(); i-- > 0;) {
      if (ctes_[i]->name != name.name) continue;
      // A WITH query sees only those before it.
      const std::vector<const ast::Cte*> in_sight(ctes_.begin() + static_cast<ptrdiff_t>(i), ctes_.end());
      ctes_.resize(i);
      auto query = bind(*in_sight.front()->query);
      ctes_.insert(ctes_.end(), in_sight.begin(), in_sight.end());
      PENSTOCK_TRY(auto bound, std::move(query));
      From from = from_query(std::move(bound));
      PENSTOCK_TRY(rename(from, {name.name, ctes_[i]->columns}, ctes_[i]->position));
      return from;
    }
  }
  return catalog_relation(name, position);
}

Result<QueryBinder::From> QueryBinder::catalog_relation(const ast::ObjectName& name, uint32_t position) {
  PENSTOCK_TRY(const auto found, resolve_relation(name, context_.catalog, context_.settings));
  From from;
  if (found.system != nullptr) {
    if (context_.streaming) {
      return error(Code::NotSupported, "system relation \"{}\" in a view or sink is not supported", name.name).at(position);
    }
    from.plan = logical::make_system_scan(*found.system, position);
    for (const auto& f : found.system->columns) from.scope.columns.push_back({found.system->schema, found.system->name, f.name, f.type});
    return from;
  }
  const pb::CatalogObject& object = *found.object;
  if (object.kind() == pb::OBJECT_SINK) return error(Code::WrongObjectType, "cannot read from sink \"{}\"", object.name()).at(position);
  if (object.kind() == pb::OBJECT_SUBSCRIPTION) {
    return error(Code::WrongObjectType, "cannot read from subscription \"{}\" with a query", object.name())
        .at(position)
        .with_hint(fmt::format("DECLARE c SUBSCRIPTION CURSOR FOR {}; then FETCH NEXT FROM c.", object.name()));
  }
  if (object.kind() == pb::OBJECT_SOURCE && !context_.streaming) {
    return error(Code::NotSupported, "SELECT directly from source \"{}\" is not supported", object.name())
        .at(position)
        .with_hint(fmt::format("CREATE MATERIALIZED VIEW v AS SELECT * FROM {}; then SELECT from v.", object.name()));
  }
  // Its rows so far are no answer to its query.
  if (object.state() == pb::JOB_CREATING && !context_.streaming) {
    return error(Code::Stale, "\"{}\" is still being created", object.name())
        .at(position)
        .with_hint("Wait until SHOW JOBS says that it is created.");
  }
  if (context_.streaming || !context_.settings.allow_stale_reads) {
    PENSTOCK_TRY(check_not_stale(object, "read", position));
  }
  from.plan = logical::make_scan(object, all_columns(static_cast<size_t>(object.columns_size())), position);
  for (int i = 0; i < object.columns_size(); ++i) {
    const auto& column = object.columns(i);
    from.scope.columns.push_back({object.schema(), object.name(), column.name(), from.plan->columns[i].type, column.hidden()});
  }
  return from;
}

Result<std::pair<logical::PlanPtr, Scope>> QueryBinder::bind_relation(const ast::ObjectName& name, const ast::Alias& alias) {
  PENSTOCK_TRY(auto from, catalog_relation(name, name.position));
  PENSTOCK_TRY(rename(from, alias, name.position));
  return std::pair(std::move(from.plan), std::move(from.scope));
}

// TUMBLE(relation, time column, size) and HOP(relation, time column, slide, size).
Result<QueryBinder::From> QueryBinder::window(const ast::TableFunction& node, uint32_t position) {
  const ast::Function& call = node.call;
  const bool tumble = call.name == "tumble";
  if (!call.schema.empty() || (!tumble && call.name != "hop")) {
    return error(Code::NotSupported, "function {} in FROM is not supported", call.name).at(position);
  }
  const size_t wanted = tumble ? 3 : 4;
  if (call.args.size() == wanted + 1) {
    return error(Code::NotSupported, "an offset of {} is not supported", tumble ? "TUMBLE" : "HOP").at(call.args.back()->position);
  }
  if (call.args.size() != wanted) {
    return error(Code::Syntax, "{} takes {}", tumble ? "TUMBLE" : "HOP",
                 tumble ? "(relation, time column, size)" : "(relation, time column, slide, size)")
        .at(position);
  }
  const auto* table = std::get_if<ast::ColumnRef>(&call.args[0]->node);
  if (table == nullptr || table->parts.size() > 3) {
    return error(Code::NotSupported, "anything but the name of a relation as the first argument is not supported")
        .at(call.args[0]->position);
  }
  ast::ObjectName name;
  name.position = call.args[0]->position;
  name.name = table->parts.back();
  if (table->parts.size() >= 2) name.schema = table->parts[table->parts.size() - 2];
  if (table->parts.size() == 3) name.database = table->parts[0];
  PENSTOCK_TRY(auto from, relation(name, name.position));
  PENSTOCK_TRY(const auto time, ExprBinder(context_, from.scope, "a window").bind(*call.args[1]));
  if (!time.is_column() || (time.type.kind != data::TypeKind::Timestamp && time.type.kind != data::TypeKind::Date)) {
    return error(Code::DatatypeMismatch, "the second argument of {} must be a column of type timestamp or date", tumble ? "TUMBLE" : "HOP")
        .at(call.args[1]->position);
  }
  logical::Window window{.time_column = time.index};
  PENSTOCK_TRY(window.slide_micros, interval_micros(*call.args[2], tumble ? "the size of a window" : "the slide of a window"));
  window.size_micros = window.slide_micros;
  if (!tumble) {
    PENSTOCK_TRY(window.size_micros, interval_micros(*call.args[3], "the size of a window"));
  }
  from.plan = logical::make_window(std::move(from.plan), std::move(window));
  const std::string table_name = from.scope.columns.empty() ? name.name : from.scope.columns.front().table;
  for (const char* bound : {"window_start", "window_end"}) from.scope.columns.push_back({"", table_name, bound, data::TypeKind::Timestamp});
  return from;
}

Result<int64_t> QueryBinder::interval_micros(const ast::Expr& expr, std::string_view what) {
  constexpr int64_t kMicrosPerDay = 86'400'000'000;
  const Scope nothing;
  PENSTOCK_TRY(auto bound, ExprBinder(context_, nothing, "a window").bind(expr));
  PENSTOCK_TRY(bound, factory_.require(std::move(bound), data::TypeKind::Interval, "a window"));
  if (!bound.is_literal() || bound.null)
    return error(Code::NotSupported, "{} that is no constant is not supported", what).at(expr.position);
  PENSTOCK_TRY(const auto value, data::from_text(bound.text, data::TypeKind::Interval));
  const auto& interval = std::get<data::Interval>(value);
  if (interval.months != 0)
    return error(Code::NotSupported, "{} in months is not supported: they differ in length", what).at(expr.position);
  int64_t micros = 0;
  if (__builtin_mul_overflow(int64_t{interval.days}, kMicrosPerDay, &micros) || __builtin_add_overflow(micros, interval.micros, &micros) ||
      micros <= 0) {
    return error(Code::InvalidParameter, "{} must be positive", what).at(expr.position);
  }
  return micros;
}

Result<QueryBinder::From> QueryBinder::join(const ast::Join& node, uint32_t position) {
  PENSTOCK_TRY(auto left, table_ref(*node.left));
  PENSTOCK_TRY(auto right, table_ref(*node.right));
  for (const auto& c : right.scope.columns) {
    if (!c.table.empty() && left.scope.has_table(c.table)) {
      return error(Code::DuplicateObject, "table name \"{}\" specified more than once", c.table).at(node.right->position);
    }
  }
  std::vector<std::string> columns = node.using_columns;
  if (node.natural) {
    for (const auto& c : left.scope.columns) {
      const auto same = [&](const Scope::Column& other) { return other.name == c.name && !other.hidden && !other.shadowed; };
      if (!c.hidden && !c.shadowed && std::any_of(right.scope.columns.begin(), right.scope.columns.end(), same)) columns.push_back(c.name);
    }
  }
  const auto kind = kind_of(node.kind);
  if (!columns.empty()) return join_using(std::move(left), std::move(right), kind, columns, position);
  From joined;
  joined.scope = std::move(left.scope);
  joined.scope.append(std::move(right.scope));
  std::optional<Expr> condition;
  if (node.on) {
    PENSTOCK_TRY(condition, ExprBinder(context_, joined.scope, "JOIN/ON").bind_boolean(*node.on));
  }
  joined.plan = logical::make_join(std::move(left.plan), std::move(right.plan), kind, std::move(condition));
  return joined;
}

// The columns of USING come first and once; each side's own can still be named with its table.
Result<QueryBinder::From> QueryBinder::join_using(From left, From right, logical::JoinKind kind, const std::vector<std::string>& columns,
                                                  uint32_t position) {
  const auto left_width = static_cast<uint32_t>(left.plan->width());
  std::vector<Expr> conditions, merged;
  Scope scope;
  for (const std::string& name : columns) {
    PENSTOCK_TRY(auto a, left.scope.find(name, position));
    PENSTOCK_TRY(auto b, right.scope.find(name, position));
    if (!a || !b) {
      return error(Code::UndefinedColumn, "column \"{}\" specified in USING clause does not exist in {} table", name, a ? "right" : "left")
          .at(position);
    }
    left.scope.columns[a->index].shadowed = right.scope.columns[b->index].shadowed = true;
    const Expr both[] = {*a, shift_columns(*b, left_width)};
    PENSTOCK_TRY(auto equal, factory_.call("equal", {both[0], both[1]}, position));
    conditions.push_back(std::move(equal));
    if (kind == logical::JoinKind::Full) {
      PENSTOCK_TRY(auto either, factory_.call("coalesce", {both[0], both[1]}, position));
      merged.push_back(std::move(either));
    } else {
      merged.push_back(both[kind == logical::JoinKind::Right ? 1 : 0]);
    }
    scope.columns.push_back({"", "", name, merged.back().type});
  }
  auto plan = logical::make_join(std::move(left.plan), std::move(right.plan), kind, conjunction(std::move(conditions)));
  auto names = columns;
  for (uint32_t i = 0; i < plan->width(); ++i) {
    merged.push_back(logical::column_of(*plan, i));
    names.push_back(plan->columns[i].name);
  }
  scope.append(std::move(left.scope));
  scope.append(std::move(right.scope));
  return From{logical::make_project(std::move(plan), std::move(merged), std::move(names)), std::move(scope)};
}

}  // namespace penstock::frontend
