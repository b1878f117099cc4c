#pragma once

#include <span>

#include "frontend/parser/pg_convert.h"
#include "frontend/parser/token_cursor.h"

namespace penstock::frontend {

/// One statement: decides by its first words who reads it, Postgres' grammar or we. Ours read the extension clauses and hand the inner
/// columns, queries and expressions to Postgres' grammar with everything else blanked.
class StatementParser {
 public:
  StatementParser(const SourceText& source, std::span<const Token> tokens) : cursor_(source, tokens), source_(source), tokens_(tokens) {}

  [[nodiscard]] Result<ast::Statement> parse();

 private:
  using Body = decltype(ast::Statement::body);

  Result<Body> body();
  Result<Body> create();
  Result<Body> other();

  // create_statements.cc
  Result<Body> create_relation(ast::RelationKind kind, size_t kind_token);
  Status refuse_foreign_elements(size_t open);
  Status relation_clauses(ast::CreateRelation& relation);
  Status on_conflict(ast::CreateRelation& relation);
  Status format_clause(ast::CreateRelation& relation);
  Result<Body> create_materialized_view(bool or_replace);
  Result<Body> create_sink();
  Result<Body> create_database();
  Result<Body> drop(ast::RelationKind kind);
  Result<bool> if_not_exists();

  // subscription_statements.cc
  Result<Body> create_subscription();
  Result<Body> declare_cursor();
  Result<ast::CursorStart> cursor_start();
  Result<Body> fetch();
  Result<uint64_t> fetch_count();
  Result<Body> close();

  // alter_statements.cc
  Result<Body> alter();
  Result<ast::AlterAction> alter_action(ast::RelationKind kind);
  Result<ast::AlterAction> parallelism();
  Result<ast::AlterAction> add_column(ast::RelationKind kind);
  Result<Body> alter_query(const ast::Alter& alter);
  Result<ast::Option> setting();
  Result<Body> cancel_jobs();

  // session_statements.cc
  Result<Body> show();
  Result<Body> show_create();
  Result<Body> show_list(ast::ShowKind kind);
  Result<Body> show_variable();
  Result<Body> describe();
  Result<Body> explain();
  Result<Body> wait();

  // By Postgres' grammar.
  Result<Body> postgres();
  Result<Body> from_tree(PgConverter& converter, const PgNode& node);
  Result<Body> set_variable(PgConverter& converter, const PgQuery__VariableSetStmt& set);
  Result<Body> begin(const PgQuery__TransactionStmt& node);
  Result<Body> transaction(const PgQuery__TransactionStmt& node);
  /// The tokens [first, last) as a query.
  Result<ast::Query> query(size_t first, size_t last);
  /// Words of dialects that Postgres' grammar would take for aliases.
  Status refuse_silent_aliases(size_t first, size_t last) const;
  [[nodiscard]] Error unsupported_statement() const;

  TokenCursor cursor_;
  const SourceText& source_;
  std::span<const Token> tokens_;
  uint32_t parameters_ = 0;
};

}  // namespace penstock::frontend
