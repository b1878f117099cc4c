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
  PENSTOCK_TRY(result.action, alter_action(result.kind));
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<ast::AlterAction> StatementParser::alter_action(ast::RelationKind kind) {
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
  if (!cursor_.accept({"set"})) {
    return cursor_.done() ? cursor_.syntax_error() : cursor_.not_supported(fmt::format("ALTER … {}", to_upper(cursor_.front().text)));
  }
  std::vector<ast::Option> options;
  do {
    PENSTOCK_TRY(auto option, setting());
    options.push_back(std::move(option));
  } while (kind == ast::RelationKind::Database && cursor_.accept_symbol(","));
  return ast::AlterAction(ast::SetOptions{std::move(options)});
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
