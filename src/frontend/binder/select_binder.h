#pragma once

#include <string>
#include <vector>

#include "frontend/binder/query_binder.h"

namespace penstock::frontend {

/// One SELECT … FROM … WHERE … GROUP BY … HAVING … ORDER BY: everything but LIMIT.
///
/// The plan, from below: FROM (with what subqueries add to it), WHERE, [projection of keys and arguments, aggregation, HAVING], projection
/// of the select list with the sort keys that are not in it, [DISTINCT], [sort], [projection without those keys].
class SelectBinder : private SubqueryHost {
 public:
  SelectBinder(QueryBinder& query, const ast::Select& select, const std::vector<ast::SortItem>& order_by, uint32_t position)
      : query_(query), context_(query.context_), factory_(query.factory_), select_(select), order_by_(order_by), position_(position) {}

  [[nodiscard]] Result<BoundQuery> bind();

 private:
  struct Item {
    Expr expr;
    std::string name;
    bool from_alias = false;
  };

  // Subqueries become joins of FROM.
  Status bind_where(const ast::Expr& where);
  Status bind_in(const ast::Subquery& node, uint32_t position);
  Result<Expr> scalar(const ast::Query& query, uint32_t position) override;
  Result<Expr> exists(const ast::Query& query, uint32_t position) override;
  Expr join_one_row(logical::PlanPtr row, uint32_t position);

  Status bind_items();
  Status bind_star(const ast::Star& star, uint32_t position);
  Status bind_groups();
  Result<Expr> bind_group(const ast::Expr& expr);
  Status bind_order();
  Result<uint32_t> order_column(const ast::Expr& expr);
  Status aggregate();
  /// An expression over FROM as one over the aggregation's output. Errors: `Grouping`.
  Result<Expr> above_aggregate(Expr expr) const;
  Result<BoundQuery> finish();
  void distinct();
  [[nodiscard]] bool is_aggregated() const;

  QueryBinder& query_;
  BindContext& context_;
  ExprFactory& factory_;
  const ast::Select& select_;
  const std::vector<ast::SortItem>& order_by_;
  uint32_t position_;

  logical::PlanPtr plan_;
  Scope scope_;
  std::vector<Item> items_;  // the select list, then sort keys that are not in it
  size_t visible_ = 0;       // length of the select list
  std::vector<Expr> groups_;
  std::vector<Expr> having_;  // none or one
  std::vector<logical::SortKey> sort_;
  AggregateList aggregates_;
};

}  // namespace penstock::frontend
