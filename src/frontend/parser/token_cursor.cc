#include "frontend/parser/token_cursor.h"

#include "frontend/parser/ascii.h"
#include "frontend/parser/pg_tree.h"

namespace penstock::frontend {

bool TokenCursor::at(std::initializer_list<std::string_view> words) const {
  size_t i = next_;
  for (const std::string_view word : words) {
    if (i >= tokens_.size() || !is_word(tokens_[i], word)) return false;
    ++i;
  }
  return true;
}

bool TokenCursor::accept(std::initializer_list<std::string_view> words) {
  if (!at(words)) return false;
  next_ += words.size();
  return true;
}

bool TokenCursor::accept_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  ++next_;
  return true;
}

Status TokenCursor::expect(std::string_view word) {
  if (!accept({word})) return syntax_error();
  return ok();
}

Status TokenCursor::expect_symbol(std::string_view symbol) {
  if (!accept_symbol(symbol)) return syntax_error();
  return ok();
}

Status TokenCursor::expect_end() const {
  if (!done()) return syntax_error();
  return ok();
}

Error TokenCursor::syntax_error() const {
  if (done()) return error(Code::Syntax, "syntax error at end of input").at(position());
  return error(Code::Syntax, "syntax error at or near \"{}\"", front().text).at(position());
}

Error TokenCursor::not_supported(std::string_view what) const {
  return error(Code::NotSupported, "{} is not supported", what).at(position());
}

Result<std::string> TokenCursor::name() {
  if (done()) return syntax_error();
  const TokenKind kind = front().kind;
  if (kind != TokenKind::Identifier && kind != TokenKind::QuotedIdentifier && kind != TokenKind::Keyword) return syntax_error();
  return identifier_of(tokens_[next_++]);
}

Result<ast::ObjectName> TokenCursor::object_name() {
  const uint32_t at = position();
  std::vector<std::string> parts;
  do {
    // After a dot any keyword is a name, as in Postgres.
    if (!parts.empty() && !done() && front().kind == TokenKind::Reserved) {
      parts.push_back(identifier_of(tokens_[next_++]));
    } else {
      PENSTOCK_TRY(auto part, name());
      parts.push_back(std::move(part));
    }
  } while (accept_symbol("."));
  if (parts.size() > 3) return error(Code::Syntax, "improper qualified name (too many dotted names)").at(at);
  ast::ObjectName result;
  result.position = at;
  result.name = parts.back();
  if (parts.size() >= 2) result.schema = parts[parts.size() - 2];
  if (parts.size() == 3) result.database = parts[0];
  return result;
}

Result<std::string> TokenCursor::string_literal() {
  if (done() || front().kind != TokenKind::String) return syntax_error();
  const Token& token = tokens_[next_++];
  const std::string_view inner = token.text.size() >= 2 ? token.text.substr(1, token.text.size() - 2) : std::string_view{};
  if (token.text.front() == '\'' && inner.find('\'') == std::string_view::npos) return std::string(inner);
  // E'…', $$…$$, doubled quotes, pieces on several lines: Postgres knows.
  const std::string sql = fmt::format("SELECT {}", token.text);
  PENSTOCK_TRY(const auto own, SourceText::check(sql));
  PENSTOCK_TRY(const auto tree, in_context(pg_parse(PgText(own, 0, sql.size())), "a string literal"));
  const PgQuery__Node& value = *tree->stmts[0]->stmt->select_stmt->target_list[0]->res_target->val;
  if (value.node_case != PG_QUERY__NODE__NODE_A_CONST || value.a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL) {
    return error(Code::Syntax, "a string is expected instead of {}", token.text).at(position_of(token));
  }
  return std::string(value.a_const->sval->sval);
}

Result<std::vector<ast::Option>> TokenCursor::options() {
  std::vector<ast::Option> result;
  PENSTOCK_TRY(expect_symbol("("));
  if (accept_symbol(")")) return result;
  do {
    PENSTOCK_TRY(auto one, option());
    for (const auto& other : result) {
      if (other.key == one.key) return error(Code::Syntax, "option \"{}\" is given twice", one.key).at(one.position);
    }
    result.push_back(std::move(one));
  } while (accept_symbol(","));
  PENSTOCK_TRY(expect_symbol(")"));
  return result;
}

Result<ast::Option> TokenCursor::option() {
  ast::Option result;
  result.position = position();
  do {
    if (done() || front().kind == TokenKind::Symbol || front().kind == TokenKind::String || front().kind == TokenKind::Number)
      return syntax_error();
    if (!result.key.empty()) result.key += '.';
    result.key += to_lower(identifier_of(tokens_[next_++]));
  } while (accept_symbol("."));
  PENSTOCK_TRY(expect_symbol("="));
  if (done()) return syntax_error();
  result.value_position = position();
  if (front().kind == TokenKind::String) {
    if (front().text.starts_with('\'')) ++result.value_position;
    PENSTOCK_TRY(result.value, string_literal());
    return result;
  }
  if (accept_symbol("-")) result.value = "-";
  if (done() || front().kind == TokenKind::Symbol || front().kind == TokenKind::Parameter) return syntax_error();
  if (!result.value.empty() && front().kind != TokenKind::Number) return syntax_error();
  const Token& first = front();
  result.value += first.kind == TokenKind::Number ? std::string(first.text) : identifier_of(first);
  skip();
  if (result.key == "backfill_order" && at_symbol("(")) {  // FIXED(a -> b), as RisingWave writes it
    PENSTOCK_TRY(skip_parentheses());
    result.value = source_.text().substr(first.start, tokens_[next_ - 1].end - first.start);
  }
  return result;
}

Status TokenCursor::skip_parentheses() {
  PENSTOCK_TRY(expect_symbol("("));
  for (int depth = 1; depth > 0; skip()) {
    if (done()) return syntax_error();
    if (at_symbol("(")) ++depth;
    if (at_symbol(")")) --depth;
  }
  return ok();
}

}  // namespace penstock::frontend
