#include "frontend/parser/statement_parser.h"

#include <algorithm>
#include <array>

#include "frontend/parser/ascii.h"

namespace penstock::frontend {
namespace {

bool is_any_of(const Token& token, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return is_word(token, word); });
}

// After these no alias can stand, although they are no reserved words.
constexpr std::array<std::string_view, 22> kBeforeOperand = {"by",    "set",   "update", "join",    "inner",  "outer",   "left", "right",
                                                             "full",  "cross", "like",   "ilike",   "is",     "between", "over", "values",
                                                             "first", "last",  "escape", "natural", "exists", "overlaps"};

bool ends_operand(const Token& token) {
  switch (token.kind) {
    case TokenKind::Symbol:
      return token.text == ")" || token.text == "]" || token.text == "*";
    case TokenKind::Reserved:
      return is_word(token, "end") || is_word(token, "null") || is_word(token, "true") || is_word(token, "false");
    case TokenKind::Keyword:
      return !is_any_of(token, kBeforeOperand);
    default:
      return true;
  }
}

// Statements that are not Postgres' and not ours, by their first words.
constexpr std::array<std::array<std::string_view, 2>, 12> kForeign = {{{"create", "connection"},
                                                                       {"create", "secret"},
                                                                       {"create", "function"},
                                                                       {"create", "aggregate"},
                                                                       {"create", "index"},
                                                                       {"create", "or"},
                                                                       {"alter", "secret"},
                                                                       {"alter", "connection"},
                                                                       {"kill", ""},
                                                                       {"recover", ""},
                                                                       {"use", ""},
                                                                       {"refresh", "table"}}};

}  // namespace

Result<ast::Statement> StatementParser::parse() {
  PENSTOCK_TRY(auto parsed, body());
  ast::Statement statement{std::move(parsed), {}, 0, parameters_};
  const size_t start = tokens_.front().start;
  statement.text = source_.text().substr(start, tokens_.back().end - start);
  statement.position = source_.position(start);
  return statement;
}

Result<StatementParser::Body> StatementParser::body() {
  if (cursor_.at({"create"})) return create();
  if (cursor_.accept({"drop", "source"})) return drop(ast::RelationKind::Source);
  if (cursor_.accept({"drop", "sink"})) return drop(ast::RelationKind::Sink);
  if (cursor_.accept({"drop", "table"})) return drop(ast::RelationKind::Table);
  if (cursor_.accept({"drop", "materialized", "view"})) return drop(ast::RelationKind::MaterializedView);
  if (cursor_.accept({"drop", "subscription"})) return drop(ast::RelationKind::Subscription);
  if (cursor_.accept({"drop", "database"})) return drop(ast::RelationKind::Database);
  if (cursor_.accept({"alter"})) return alter();
  if (cursor_.accept({"cancel", "jobs"}) || cursor_.accept({"cancel", "job"})) return cancel_jobs();
  if (cursor_.accept({"show"})) return show();
  if (cursor_.accept({"describe"}) || cursor_.accept({"desc"})) return describe();
  if (cursor_.accept({"explain"})) return explain();
  if (cursor_.accept({"wait"})) return wait();
  if (cursor_.at({"declare"}) && tokens_.size() > 2 && is_word(tokens_[2], "subscription")) return declare_cursor();
  if (cursor_.accept({"fetch"})) return fetch();
  if (cursor_.accept({"close"})) return close();
  if (cursor_.accept({"flush"})) {
    PENSTOCK_TRY(cursor_.expect_end());
    return Body(ast::Flush{});
  }
  return other();
}

Result<StatementParser::Body> StatementParser::create() {
  if (cursor_.accept({"create", "source"})) return create_relation(ast::RelationKind::Source, cursor_.index() - 1);
  if (cursor_.accept({"create", "table"})) return create_relation(ast::RelationKind::Table, cursor_.index() - 1);
  if (cursor_.accept({"create", "materialized", "view"})) return create_materialized_view(false);
  if (cursor_.accept({"create", "or", "replace", "materialized", "view"})) return create_materialized_view(true);
  if (cursor_.accept({"create", "sink"})) return create_sink();
  if (cursor_.accept({"create", "subscription"})) return create_subscription();
  if (cursor_.accept({"create", "database"})) return create_database();
  return other();
}

Result<StatementParser::Body> StatementParser::other() {
  for (const auto& [first, second] : kForeign) {
    if (second.empty() ? cursor_.at({first}) : cursor_.at({first, second})) return unsupported_statement();
  }
  return postgres();
}

// By its first word, or the first two where one says little: CREATE INDEX, but COPY.
Error StatementParser::unsupported_statement() const {
  static constexpr std::array<std::string_view, 5> kTakesAnother = {"create", "alter", "drop", "discard", "refresh"};
  std::string words = to_upper(tokens_.front().text);
  if (tokens_.size() > 1 && is_any_of(tokens_.front(), kTakesAnother)) words += " " + to_upper(tokens_[1].text);
  if (words == "CREATE OR") words += " REPLACE";
  return error(Code::NotSupported, "{} is not supported", words).at(source_.position(tokens_.front().start));
}

Status StatementParser::refuse_silent_aliases(size_t first, size_t last) const {
  static constexpr std::array<std::string_view, 3> kAlways = {"asof", "emit", "qualify"};
  static constexpr std::array<std::string_view, 2> kBeforeJoin = {"semi", "anti"};
  static constexpr std::array<std::string_view, 2> kBeforeParenthesis = {"pivot", "unpivot"};
  for (size_t i = first + 1; i < last; ++i) {
    const Token& token = tokens_[i];
    if (token.kind != TokenKind::Identifier || !ends_operand(tokens_[i - 1])) continue;
    const bool before_join = i + 1 < last && is_word(tokens_[i + 1], "join") && is_any_of(token, kBeforeJoin);
    const bool before_parenthesis = i + 1 < last && is_symbol(tokens_[i + 1], "(") && is_any_of(token, kBeforeParenthesis);
    if (!is_any_of(token, kAlways) && !before_join && !before_parenthesis) continue;
    const bool on_close =
        i + 3 < last && is_word(tokens_[i + 1], "on") && is_word(tokens_[i + 2], "window") && is_word(tokens_[i + 3], "close");
    const std::string what = to_upper(token.text) + (on_close ? " ON WINDOW CLOSE" : "");
    const Error e = error(Code::NotSupported, "{} is not supported", what).at(source_.position(token.start));
    if (on_close) return e;
    return e.with_hint("If it is meant as a name, write AS before it.");
  }
  return ok();
}

Result<ast::Query> StatementParser::query(size_t first, size_t last) {
  if (first >= last) {
    cursor_.seek(first);
    return cursor_.syntax_error();
  }
  PENSTOCK_TRY(refuse_silent_aliases(first, last));
  const PgText text(source_, tokens_[first].start, tokens_[last - 1].end);
  PENSTOCK_TRY(const auto tree, pg_parse(text));
  const PgNode& node = *tree->stmts[0]->stmt;
  if (node.node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
    return error(Code::Syntax, "syntax error at or near \"{}\"", tokens_[first].text).at(source_.position(tokens_[first].start));
  }
  PgConverter converter(text);
  PENSTOCK_TRY(auto result, converter.query(*node.select_stmt));
  parameters_ = std::max(parameters_, converter.parameters());
  return result;
}

Result<StatementParser::Body> StatementParser::postgres() {
  const PgText text(source_, tokens_.front().start, tokens_.back().end);
  PENSTOCK_TRY(refuse_silent_aliases(0, tokens_.size()));
  PENSTOCK_TRY(const auto tree, pg_parse(text));
  if (tree->n_stmts != 1) return cursor_.syntax_error();
  PgConverter converter(text);
  PENSTOCK_TRY(auto result, from_tree(converter, *tree->stmts[0]->stmt));
  parameters_ = std::max(parameters_, converter.parameters());
  return result;
}

Result<StatementParser::Body> StatementParser::from_tree(PgConverter& converter, const PgNode& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT: {
      PENSTOCK_TRY(auto query, converter.query(*node.select_stmt));
      return Body(std::move(query));
    }
    case PG_QUERY__NODE__NODE_INSERT_STMT: {
      PENSTOCK_TRY(auto insert, converter.insert(*node.insert_stmt));
      return Body(std::move(insert));
    }
    case PG_QUERY__NODE__NODE_UPDATE_STMT: {
      PENSTOCK_TRY(auto update, converter.update(*node.update_stmt));
      return Body(std::move(update));
    }
    case PG_QUERY__NODE__NODE_DELETE_STMT: {
      PENSTOCK_TRY(auto remove, converter.delete_from(*node.delete_stmt));
      return Body(std::move(remove));
    }
    case PG_QUERY__NODE__NODE_COPY_STMT: {
      if (node.copy_stmt->query != nullptr) return converter.not_supported("COPY of a query", -1);
      PENSTOCK_TRY(auto copy, converter.copy(*node.copy_stmt));
      return Body(std::move(copy));
    }
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      return set_variable(converter, *node.variable_set_stmt);
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
      return transaction(*node.transaction_stmt);
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
      if (node.discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL) return Body(ast::ResetVariable{{}, true});
      return unsupported_statement();
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT: {
      const std::string_view name = node.deallocate_stmt->name != nullptr ? node.deallocate_stmt->name : "";
      return Body(ast::Deallocate{name.empty() ? std::nullopt : std::optional(std::string(name))});
    }
    default:
      return unsupported_statement();
  }
}

Result<StatementParser::Body> StatementParser::set_variable(PgConverter& converter, const PgQuery__VariableSetStmt& set) {
  const std::string name = to_lower(set.name);
  switch (set.kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE: {
      PENSTOCK_TRY(auto value, converter.setting_value(set));
      return Body(ast::SetVariable{name, std::move(value), set.is_local != 0});
    }
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
      return Body(ast::SetVariable{name, std::nullopt, set.is_local != 0});
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
      return Body(ast::ResetVariable{name});
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
      return Body(ast::ResetVariable{});
    default:
      return unsupported_statement();
  }
}

// A block reads one epoch, which is as much as REPEATABLE READ asks for; the weaker levels are satisfied with it too.
Result<StatementParser::Body> StatementParser::begin(const PgQuery__TransactionStmt& node) {
  ast::Transaction result{ast::TransactionKind::Begin};
  for (const PgNode* option : PgList{node.n_options, node.options}) {
    const std::string_view name = option->def_elem->defname;
    const auto* value = option->def_elem->arg != nullptr && option->def_elem->arg->node_case == PG_QUERY__NODE__NODE_A_CONST
                            ? option->def_elem->arg->a_const
                            : nullptr;
    if (name == "transaction_isolation" && value != nullptr && value->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
        std::string_view(value->sval->sval) == "serializable") {
      return error(Code::NotSupported, "ISOLATION LEVEL SERIALIZABLE is not supported")
          .at(source_.position(tokens_.front().start))
          .with_hint("REPEATABLE READ is.");
    }
    if (name == "transaction_read_only") {
      result.read_only = value != nullptr && value->val_case == PG_QUERY__A__CONST__VAL_IVAL && value->ival->ival != 0;
    }
  }
  return Body(result);
}

Result<StatementParser::Body> StatementParser::transaction(const PgQuery__TransactionStmt& node) {
  switch (node.kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
      return begin(node);
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
      if (node.chain != 0) break;
      return Body(ast::Transaction{ast::TransactionKind::Commit});
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
      if (node.chain != 0) break;
      return Body(ast::Transaction{ast::TransactionKind::Rollback});
    default:
      break;
  }
  return unsupported_statement();
}

}  // namespace penstock::frontend
