// ALTER, CANCEL JOBS.
#include <charconv>

#include "frontend/parser/ascii.h"
#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {

Result<StatementParser::Body> StatementParser::alter() {
  ast::Alter result;
  if (cursor_.accept({"source"})) {
    result.kind = ast::RelationKind::Source;
  } else if (cursor_.accept({"table"})) {
    result.kind = ast::RelationKind::Table;
  } else if (cursor_.accept({"sink"})) {
    result.kind = ast::RelationKind::Sink;
  } else if (cursor_.accept({"materialized", "view"})) {
    result.kind = ast::RelationKind::MaterializedView;
  } else if (cursor_.accept({"subscription"})) {
    result.kind = ast::RelationKind::Subscription;
  } else if (cursor_.accept({"database"})) {
    result.kind = ast::RelationKind::Database;
  } else {
    return unsupported_statement();
  }
  if (cursor_.accept({"if", "exists"})) result.if_exists = true;
  if (result.kind == ast::RelationKind::Database) {
    result.name.position = cursor_.position();
    PENSTOCK_TRY(result.name.name, cursor_.name());
  } else {
    PENSTOCK_TRY(result.name, cursor_.object_name());
  }
  if (result.kind == ast::RelationKind::MaterializedView && cursor_.at({"as"})) return alter_query(result);
  PENSTOCK_TRY(result.action, alter_action(result.kind));
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<ast::AlterAction> StatementParser::alter_action(ast::RelationKind kind) {
  if (kind == ast::RelationKind::Subscription && !cursor_.at({"rename"})) {
    return cursor_.done() ? cursor_.syntax_error() : cursor_.not_supported("ALTER SUBSCRIPTION … other than RENAME TO");
  }
  if (cursor_.accept({"pause"})) return ast::AlterAction(ast::SetPaused{true});
  if (cursor_.accept({"resume"})) return ast::AlterAction(ast::SetPaused{false});
  if (kind == ast::RelationKind::Source && cursor_.at({"connector", "with"})) {
    ast::SetConnector result{.options = {}, .position = cursor_.position()};
    cursor_.skip(2);
    PENSTOCK_TRY(result.options, cursor_.options());
    return ast::AlterAction(std::move(result));
  }
  if (kind != ast::RelationKind::Database && cursor_.accept({"rename", "to"})) {
    ast::RenameTo result;
    result.name.position = cursor_.position();
    PENSTOCK_TRY(result.name.name, cursor_.name());
    return ast::AlterAction(std::move(result));
  }
  if (kind != ast::RelationKind::Database && cursor_.accept({"add"})) return add_column(kind);
  if (!cursor_.accept({"set"})) {
    return cursor_.done() ? cursor_.syntax_error() : cursor_.not_supported(fmt::format("ALTER … {}", to_upper(cursor_.front().text)));
  }
  if (kind != ast::RelationKind::Database && cursor_.accept({"parallelism"})) return parallelism();
  std::vector<ast::Option> options;
  do {
    PENSTOCK_TRY(auto option, setting());
    options.push_back(std::move(option));
  } while (kind == ast::RelationKind::Database && cursor_.accept_symbol(","));
  return ast::AlterAction(ast::SetOptions{std::move(options)});
}

// ALTER MATERIALIZED VIEW v AS query
Result<StatementParser::Body> StatementParser::alter_query(const ast::Alter& alter) {
  cursor_.skip();
  ast::CreateMaterializedView view{.name = alter.name, .or_replace = true, .must_exist = true, .if_exists = alter.if_exists};
  const size_t first = cursor_.index();
  PENSTOCK_TRY(auto select, query(first, tokens_.size()));
  view.query = std::make_unique<ast::Query>(std::move(select));
  const size_t name = alter.if_exists ? 5 : 3;  // ALTER MATERIALIZED VIEW IF EXISTS
  view.definition =
      fmt::format("CREATE MATERIALIZED VIEW {}", source_.text().substr(tokens_[name].start, tokens_.back().end - tokens_[name].start));
  return Body(std::move(view));
}

// The whole statement is Postgres'. What is no table is refused once it is known what stands under that name.
Result<ast::AlterAction> StatementParser::add_column(ast::RelationKind kind) {
  if (kind != ast::RelationKind::Table) {
    cursor_.seek(cursor_.size());
    return ast::AlterAction(ast::AddColumn());
  }
  const auto unsupported = [&](std::string_view word, std::string_view what) -> Status {
    return cursor_.at({word}) ? Status(cursor_.not_supported(what)) : ok();
  };
  PENSTOCK_TRY(unsupported("constraint", "ADD CONSTRAINT"));
  PENSTOCK_TRY(unsupported("primary", "ADD PRIMARY KEY"));
  cursor_.accept({"column"});
  cursor_.accept({"if", "not", "exists"});
  const size_t begin = cursor_.offset();
  for (size_t i = cursor_.index(); i < cursor_.size(); ++i) {
    if (!is_word(cursor_.token(i), "as") || (i > 0 && is_symbol(cursor_.token(i - 1), "("))) continue;
    if (i + 1 < cursor_.size() && is_symbol(cursor_.token(i + 1), "(")) {
      return error(Code::NotSupported, "a generated column is not supported").at(cursor_.position_of(cursor_.token(i)));
    }
  }
  cursor_.seek(cursor_.size());
  const PgText text(source_, tokens_.front().start, tokens_.back().end);
  PENSTOCK_TRY(const auto tree, pg_parse(text));
  const PgNode& node = *tree->stmts[0]->stmt;
  if (node.node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT) return cursor_.syntax_error();
  PENSTOCK_TRY(auto result, PgConverter(text).add_column(*node.alter_table_stmt));
  result.text = source_.text().substr(begin, tokens_.back().end - begin);
  return ast::AlterAction(std::move(result));
}

// = or TO may stand before the value, as in RisingWave.
Result<ast::AlterAction> StatementParser::parallelism() {
  if (!cursor_.accept_symbol("=")) cursor_.accept({"to"});
  ast::SetParallelism result{.parallelism = 0, .position = cursor_.position()};
  if (cursor_.done()) return cursor_.syntax_error();
  if (cursor_.accept({"adaptive"}) || cursor_.accept({"default"})) return ast::AlterAction(result);
  const Token& value = cursor_.front();
  if (value.kind != TokenKind::Number) return cursor_.syntax_error();
  const auto [end, failed] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), result.parallelism);
  if (failed != std::errc() || end != value.text.data() + value.text.size()) {
    return error(Code::InvalidParameter, "parallelism is a whole number or ADAPTIVE, not {}", value.text).at(result.position);
  }
  if (result.parallelism == 0) {
    return error(Code::InvalidParameter, "parallelism must be at least 1")
        .at(result.position)
        .with_hint("ADAPTIVE follows the nodes there are.");
  }
  cursor_.skip();
  return ast::AlterAction(result);
}

// `key = value` or `key TO value`; DEFAULT is an empty value.
Result<ast::Option> StatementParser::setting() {
  ast::Option result;
  result.position = cursor_.position();
  PENSTOCK_TRY(result.key, cursor_.name());
  if (!cursor_.accept({"to"})) {
    PENSTOCK_TRY(cursor_.expect_symbol("="));
  }
  if (cursor_.accept({"default"})) return result;
  if (cursor_.done()) return cursor_.syntax_error();
  const bool number = cursor_.front().kind == TokenKind::Number;
  if (!number && cursor_.front().kind != TokenKind::String) return cursor_.syntax_error();
  if (number) {
    result.value = cursor_.front().text;
    cursor_.skip();
    return result;
  }
  PENSTOCK_TRY(result.value, cursor_.string_literal());
  return result;
}

Result<StatementParser::Body> StatementParser::cancel_jobs() {
  ast::CancelJobs result;
  do {
    if (cursor_.done() || cursor_.front().kind != TokenKind::Number) return cursor_.syntax_error();
    const std::string_view text = cursor_.front().text;
    uint32_t id = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failed != std::errc{} || end != text.data() + text.size()) return cursor_.syntax_error();
    result.ids.push_back(id);
    cursor_.skip();
  } while (cursor_.accept_symbol(","));
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

}  // namespace penstock::frontend
