#include "frontend/parser/parser.h"
#include "frontend/parser/token_cursor.h"

namespace penstock::frontend {
namespace {

// As it must be written: quoted, unless it is what an unquoted word means.
std::string written(std::string_view name) {
  const auto source = SourceText::check(name);
  const auto tokens = source.has_value() ? scan(source.value()) : Result<std::vector<Token>>(std::vector<Token>{});
  const bool plain = tokens.has_value() && tokens.value().size() == 1 && tokens.value()[0].kind == TokenKind::Identifier &&
                     identifier_of(tokens.value()[0]) == name && tokens.value()[0].text == name;
  if (plain) return std::string(name);
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

Result<std::string> renamed_definition(std::string_view definition, std::string_view name) {
  PENSTOCK_TRY(const auto source, SourceText::check(definition));
  PENSTOCK_TRY(const auto tokens, scan(source));
  TokenCursor cursor(source, tokens);
  const bool known = cursor.accept({"create", "source"}) || cursor.accept({"create", "table"}) || cursor.accept({"create", "sink"}) ||
                     cursor.accept({"create", "materialized", "view"}) || cursor.accept({"create", "subscription"});
  if (!known) return cursor.syntax_error();
  cursor.accept({"if", "not", "exists"});
  PENSTOCK_TRY(cursor.object_name());
  const Token& last = cursor.token(cursor.index() - 1);
  std::string out(definition);
  return out.replace(last.start, last.end - last.start, written(name));
}

Result<std::string> widened_definition(std::string_view definition, std::string_view column) {
  PENSTOCK_TRY(const auto source, SourceText::check(definition));
  PENSTOCK_TRY(const auto tokens, scan(source));
  TokenCursor cursor(source, tokens);
  if (!cursor.accept({"create", "table"})) return cursor.syntax_error();
  cursor.accept({"if", "not", "exists"});
  PENSTOCK_TRY(cursor.object_name());
  if (!cursor.at_symbol("(")) return cursor.syntax_error();
  PENSTOCK_TRY(cursor.skip_parentheses());
  std::string out(definition);
  return out.insert(cursor.token(cursor.index() - 1).start, fmt::format(", {}", column));
}

}  // namespace penstock::frontend
