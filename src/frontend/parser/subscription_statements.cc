// CREATE SUBSCRIPTION, and cursors over the changes it keeps.
#include <charconv>

#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {
namespace {

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<StatementParser::Body> StatementParser::create_subscription() {
  ast::CreateSubscription result;
  PENSTOCK_TRY(result.if_not_exists, if_not_exists());
  PENSTOCK_TRY(result.name, cursor_.object_name());
  PENSTOCK_TRY(cursor_.expect("from"));
  PENSTOCK_TRY(result.from, cursor_.object_name());
  if (cursor_.accept({"with"})) {
    PENSTOCK_TRY(result.options, cursor_.options());
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::declare_cursor() {
  ast::DeclareCursor result;
  PENSTOCK_TRY(cursor_.expect("declare"));
  result.name.position = cursor_.position();
  PENSTOCK_TRY(result.name.name, cursor_.name());
  PENSTOCK_TRY(cursor_.expect("subscription"));
  PENSTOCK_TRY(cursor_.expect("cursor"));
  PENSTOCK_TRY(cursor_.expect("for"));
  PENSTOCK_TRY(result.subscription, cursor_.object_name());
  PENSTOCK_TRY(result.start, cursor_start());
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<ast::CursorStart> StatementParser::cursor_start() {
  using Kind = ast::CursorStart::Kind;
  ast::CursorStart start;
  start.at = cursor_.position();
  if (cursor_.done()) return start;
  if (cursor_.accept({"full"})) {
    start.kind = Kind::Full;
    return start;
  }
  PENSTOCK_TRY(cursor_.expect("since"));
  start.at = cursor_.position();
  if (cursor_.done()) return cursor_.syntax_error();
  if (cursor_.accept({"begin"}) || cursor_.accept({"now"})) {
    if (is_word(cursor_.token(cursor_.index() - 1), "begin")) start.kind = Kind::Begin;
    PENSTOCK_TRY(cursor_.expect_symbol("("));
    PENSTOCK_TRY(cursor_.expect_symbol(")"));
    return start;
  }
  if (cursor_.front().kind == TokenKind::Number) {
    const auto millis = number_of<int64_t>(cursor_.front().text);
    if (!millis) return cursor_.syntax_error();
    cursor_.skip();
    start.kind = Kind::Millis;
    start.millis = *millis;
    return start;
  }
  start.kind = Kind::Position;
  PENSTOCK_TRY(start.position, cursor_.string_literal());
  return start;
}

Result<StatementParser::Body> StatementParser::fetch() {
  ast::FetchCursor result;
  PENSTOCK_TRY(result.count, fetch_count());
  if (!cursor_.accept({"from"})) cursor_.accept({"in"});
  result.name.position = cursor_.position();
  PENSTOCK_TRY(result.name.name, cursor_.name());
  if (cursor_.accept({"with"})) {
    PENSTOCK_TRY(result.options, cursor_.options());
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<uint64_t> StatementParser::fetch_count() {
  constexpr uint64_t kAll = UINT64_MAX;
  for (const std::string_view backward : {"prior", "first", "last", "absolute", "relative", "backward"}) {
    if (cursor_.at({backward}) && cursor_.size() > cursor_.index() + 1) return cursor_.not_supported("reading a cursor other than forward");
  }
  if (cursor_.accept({"all"})) return kAll;
  const bool forward = cursor_.accept({"forward"});
  if (!forward && cursor_.accept({"next"})) return uint64_t{1};
  if (forward && cursor_.accept({"all"})) return kAll;
  if (cursor_.done() || cursor_.front().kind != TokenKind::Number) return uint64_t{1};
  const auto count = number_of<uint64_t>(cursor_.front().text);
  if (!count || *count == 0) return cursor_.syntax_error();
  cursor_.skip();
  return *count;
}

Result<StatementParser::Body> StatementParser::close() {
  ast::CloseCursor result;
  if (!cursor_.accept({"all"})) {
    result.name.emplace();
    result.name->position = cursor_.position();
    PENSTOCK_TRY(result.name->name, cursor_.name());
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

}  // namespace penstock::frontend
