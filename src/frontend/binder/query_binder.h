#pragma once

#include <string>
#include <vector>

#include "frontend/binder/bind_context.h"
#include "frontend/binder/expr_binder.h"
#include "frontend/binder/plan.h"
#include "frontend/binder/scope.h"
#include "frontend/parser/ast.h"

namespace penstock::frontend {

/// A query as a logical plan; the names and types of its result are the plan's columns.
struct BoundQuery {
  logical::PlanPtr plan;
  /// Columns that are text only because nothing said otherwise ('a', NULL): a UNION may still decide.
  std::vector<bool> unknown;
};

/// From the syntax tree of a query to a logical plan. One object binds one query and what is nested in it.
class QueryBinder {
 public:
  explicit QueryBinder(BindContext& context) : context_(context), factory_(context.factory) {}

  [[nodiscard]] Result<BoundQuery> bind(const ast::Query& query);
  /// One relation with all its columns, hidden ones too: what UPDATE and DELETE start from.
  [[nodiscard]] Result<std::pair<logical::PlanPtr, Scope>> bind_relation(const ast::ObjectName& name, const ast::Alias& alias);

 private:
  struct From {
    logical::PlanPtr plan;
    Scope scope;
  };
  struct OrderItem {
    uint32_t column;
    const ast::SortItem* item;
  };
  friend class SelectBinder;

  // query_binder.cc
  Result<BoundQuery> body(const ast::Query& query);
  Result<BoundQuery> values(const ast::Values& values, uint32_t position);
  Result<BoundQuery> set_operation(const ast::SetOperation& node, uint32_t position);
  Result<logical::PlanPtr> cast_columns(BoundQuery query, const std::vector<data::DataType>& types);
  Result<BoundQuery> sorted_by_output(BoundQuery query, const std::vector<ast::SortItem>& order_by);
  Result<BoundQuery> limited(BoundQuery query, const ast::Query& node);
  Result<std::optional<uint64_t>> row_count(const ast::ExprPtr& expr, std::string_view clause);

  // from_binder.cc
  Result<From> from_list(const std::vector<ast::TableRef>& list, uint32_t position);
  Result<From> table_ref(const ast::TableRef& ref);
  Result<From> relation(const ast::ObjectName& name, uint32_t position);
  Result<From> catalog_relation(const ast::ObjectName& name, uint32_t position);
  Result<From> derived(const ast::DerivedTable& node);
  Result<From> window(const ast::TableFunction& node, uint32_t position);
  Result<From> join(const ast::Join& node, uint32_t position);
  Result<From> join_using(From left, From right, logical::JoinKind kind, const std::vector<std::string>& columns, uint32_t position);
  Result<int64_t> interval_micros(const ast::Expr& expr, std::string_view what);
  Status rename(From& from, const ast::Alias& alias, uint32_t position) const;
  From from_query(BoundQuery query) const;

  BindContext& context_;
  ExprFactory& factory_;
  std::vector<const ast::Cte*> ctes_;  // in sight, innermost last
};

/// The position in the select list that an integer of ORDER BY or GROUP BY means. Errors: `InvalidDefinition`.
[[nodiscard]] Result<uint32_t> ordinal(const ast::Literal& literal, size_t items, std::string_view clause, uint32_t position);
/// What Postgres calls a column that has no alias.
[[nodiscard]] std::string implicit_name(const ast::Expr& expr);

}  // namespace penstock::frontend
