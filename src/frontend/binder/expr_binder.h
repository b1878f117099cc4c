#pragma once

#include <string_view>
#include <vector>

#include "frontend/binder/bind_context.h"
#include "frontend/binder/scope.h"
#include "frontend/parser/ast.h"

namespace penstock::frontend {

/// The aggregate calls of one SELECT, each once however often it is written.
class AggregateList {
 public:
  struct Call {
    std::string function;
    std::vector<Expr> args;
    data::DataType type;
    bool distinct = false;
    std::vector<Expr> filter;  // none or one
    bool operator==(const Call&) const = default;
  };

  /// The expression that stands for the result of `call`.
  [[nodiscard]] Expr add(Call call, uint32_t position);
  [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }
  [[nodiscard]] bool empty() const { return calls_.empty(); }

 private:
  std::vector<Call> calls_;
};

/// Takes in subqueries that stand in expressions.
class SubqueryHost {
 public:
  virtual ~SubqueryHost() = default;
  /// The column that holds the value of a subquery of one row.
  [[nodiscard]] virtual Result<Expr> scalar(const ast::Query& query, uint32_t position) = 0;
  /// The column that says whether the subquery has rows.
  [[nodiscard]] virtual Result<Expr> exists(const ast::Query& query, uint32_t position) = 0;
};

/// Binds the scalar expressions of one clause. Every error has the position of what it is about.
class ExprBinder {
 public:
  /// `clause` names the place in errors ("WHERE"). Without `aggregates` none may stand here, and so for `subqueries`.
  ExprBinder(BindContext& context, const Scope& scope, std::string_view clause, AggregateList* aggregates = nullptr,
             SubqueryHost* subqueries = nullptr)
      : context_(context), factory_(context.factory), scope_(scope), clause_(clause), aggregates_(aggregates), subqueries_(subqueries) {}

  [[nodiscard]] Result<Expr> bind(const ast::Expr& expr);
  /// As `bind`, for a clause that needs a truth value.
  [[nodiscard]] Result<Expr> bind_boolean(const ast::Expr& expr);

 private:
  Result<Expr> column(const ast::ColumnRef& node, uint32_t position);
  Result<Expr> subquery(const ast::Subquery& node, uint32_t position);
  Result<Expr> literal(const ast::Literal& node, uint32_t position);
  Result<Expr> operation(const ast::Operator& node, uint32_t position);
  Result<Expr> logical(const ast::Logical& node, uint32_t position);
  Result<Expr> test(const ast::Test& node, uint32_t position);
  Result<Expr> between(const ast::Between& node, uint32_t position);
  Result<Expr> in_list(const ast::InList& node, uint32_t position);
  Result<Expr> case_when(const ast::Case& node, uint32_t position);
  Result<Expr> cast(const ast::Cast& node, uint32_t position);
  Result<Expr> function(const ast::Function& node, uint32_t position);
  Result<Expr> aggregate(const ast::Function& node, uint32_t position);
  Result<Expr> comparison(std::string_view symbol, Expr left, Expr right, uint32_t position);
  Result<std::vector<Expr>> bind_all(const std::vector<ast::ExprPtr>& exprs);

  BindContext& context_;
  ExprFactory& factory_;
  const Scope& scope_;
  std::string_view clause_;
  AggregateList* aggregates_;
  SubqueryHost* subqueries_;
  bool inside_aggregate_ = false;
};

/// A type name with its modifiers. Errors: `UndefinedObject`, `NotSupported` for Postgres' types that we do not have and for lengths.
[[nodiscard]] Result<data::DataType> bind_type(const ast::TypeName& name);
/// A function whose value depends on the session or the clock: current_user, now(), version(), …. nullopt if `name` is none.
[[nodiscard]] Result<std::optional<Expr>> session_function(std::string_view name, const std::vector<Expr>& args, const BindContext& context,
                                                           uint32_t position);

}  // namespace penstock::frontend
