#pragma once

#include <string_view>

#include "frontend/parser/pg_tree.h"
#include "frontend/parser/statement.h"

namespace penstock::frontend {

using PgNode = PgQuery__Node;

/// A repeated field of the tree.
struct PgList {
  size_t size;
  PgNode* const* nodes;
  [[nodiscard]] PgNode* const* begin() const { return nodes; }
  [[nodiscard]] PgNode* const* end() const { return nodes + size; }
};

/// From Postgres' parse tree to our AST. What we do not do is an error by name and position here, so that everything behind the parser
/// sees only what it handles.
class PgConverter {
 public:
  explicit PgConverter(const PgText& text) : text_(text) {}

  [[nodiscard]] Result<ast::ExprPtr> expr(const PgNode* node);
  [[nodiscard]] Result<ast::ExprPtr> optional_expr(const PgNode* node);
  [[nodiscard]] Result<std::vector<ast::ExprPtr>> exprs(PgList list);
  [[nodiscard]] Result<ast::TypeName> type_name(const PgQuery__TypeName& type);
  [[nodiscard]] Result<ast::Query> query(const PgQuery__SelectStmt& select);
  [[nodiscard]] Result<ast::Insert> insert(const PgQuery__InsertStmt& insert);
  [[nodiscard]] Result<ast::Update> update(const PgQuery__UpdateStmt& update);
  [[nodiscard]] Result<ast::Delete> delete_from(const PgQuery__DeleteStmt& remove);
  [[nodiscard]] Result<ast::Copy> copy(const PgQuery__CopyStmt& copy);
  [[nodiscard]] Result<ast::CreateRelation> create_table(const PgQuery__CreateStmt& create);
  [[nodiscard]] Result<ast::AddColumn> add_column(const PgQuery__AlterTableStmt& alter);
  [[nodiscard]] Result<ast::CreateMaterializedView> create_view(const PgQuery__CreateTableAsStmt& create);
  [[nodiscard]] Result<ast::ObjectName> object_name(const PgQuery__RangeVar& name);
  [[nodiscard]] Result<std::string> setting_value(const PgQuery__VariableSetStmt& set);

  /// The highest $n seen.
  [[nodiscard]] uint32_t parameters() const { return parameters_; }
  [[nodiscard]] Error not_supported(std::string_view what, int location) const;

 private:
  // Expressions
  Result<ast::ExprPtr> constant(const PgQuery__AConst& node);
  Result<ast::ExprPtr> column(const PgQuery__ColumnRef& node);
  Result<ast::ExprPtr> operation(const PgQuery__AExpr& node);
  Result<ast::ExprPtr> between(const PgQuery__AExpr& node);
  Result<ast::ExprPtr> logical(const PgQuery__BoolExpr& node);
  Result<ast::ExprPtr> case_when(const PgQuery__CaseExpr& node);
  Result<ast::ExprPtr> cast(const PgQuery__TypeCast& node);
  Result<ast::Function> function(const PgQuery__FuncCall& node);
  Result<ast::ExprPtr> named_function(std::string_view name, PgList args, int location);
  Result<ast::ExprPtr> value_function(const PgQuery__SQLValueFunction& node);
  Result<ast::ExprPtr> subquery(const PgQuery__SubLink& node);
  Result<ast::ExprPtr> parameter(const PgQuery__ParamRef& node);
  Result<ast::ExprPtr> interval_with_unit(const PgQuery__TypeCast& node);

  // Queries
  Result<ast::Select> select_core(const PgQuery__SelectStmt& node);
  Result<ast::Values> values(const PgQuery__SelectStmt& node);
  Result<ast::SetOperation> set_operation(const PgQuery__SelectStmt& node);
  Result<std::vector<ast::Cte>> with(const PgQuery__WithClause* clause);
  Result<std::vector<ast::SortItem>> sort_items(PgList list);
  Result<ast::TableRef> table_ref(const PgNode& node);
  Result<ast::TableRef> join(const PgQuery__JoinExpr& node);
  Result<ast::TableRef> table_function(const PgQuery__RangeFunction& node);
  Result<ast::Alias> alias(const PgQuery__Alias* node);
  Status refuse_select_clauses(const PgQuery__SelectStmt& node) const;

  // Statements
  Result<ast::ColumnDef> column_def(const PgQuery__ColumnDef& node, ast::CreateRelation& owner);
  Status column_constraint(const PgQuery__Constraint& node, ast::ColumnDef& column, ast::CreateRelation& owner);
  Status table_constraint(const PgQuery__Constraint& node, ast::CreateRelation& owner) const;
  Result<ast::Assignment> assignment(const PgQuery__ResTarget& node);
  Result<std::vector<ast::Assignment>> assignments(PgList list);
  Result<std::vector<ast::SelectItem>> select_items(PgList list);
  Result<ast::OnConflictDo> on_conflict(const PgQuery__OnConflictClause& node);

  template <typename T>
  ast::ExprPtr make(T node, int location) const {
    auto expr = std::make_unique<ast::Expr>();
    expr->node = std::move(node);
    expr->position = text_.position(location);
    return expr;
  }

  const PgText& text_;
  uint32_t parameters_ = 0;
};

/// The strings of a list of String nodes.
[[nodiscard]] std::vector<std::string> pg_strings(PgList list);

}  // namespace penstock::frontend
