#include "frontend/parser/backfill_order.h"

#include "frontend/parser/token_cursor.h"

namespace penstock::frontend {
namespace {

constexpr std::string_view kHint = "It is AUTO, NONE or FIXED(relation -> relation, …): what stands before an arrow is read first.";

Result<std::vector<ast::BackfillOrder::Pair>> pairs_of(TokenCursor& cursor) {
  std::vector<ast::BackfillOrder::Pair> pairs;
  PENSTOCK_TRY(cursor.expect_symbol("("));
  do {
    PENSTOCK_TRY(ast::ObjectName before, cursor.object_name());
    if (!cursor.at_symbol("->")) return cursor.syntax_error();
    while (cursor.accept_symbol("->")) {
      PENSTOCK_TRY(ast::ObjectName after, cursor.object_name());
      pairs.push_back({before, after});
      before = std::move(after);
    }
  } while (cursor.accept_symbol(","));
  PENSTOCK_TRY(cursor.expect_symbol(")"));
  PENSTOCK_TRY(cursor.expect_end());
  return pairs;
}

Result<ast::BackfillOrder> parsed(std::string_view text) {
  PENSTOCK_TRY(const SourceText source, SourceText::check(text));
  PENSTOCK_TRY(const std::vector<Token> tokens, scan(source));
  const auto unknown = [&] { return error(Code::InvalidParameter, "backfill_order cannot be \"{}\"", text).at(1); };
  if (tokens.empty()) return unknown();
  TokenCursor cursor(source, tokens);
  ast::BackfillOrder out;
  if (cursor.accept({"fixed"})) {
    out.kind = ast::BackfillOrder::Kind::Fixed;
    PENSTOCK_TRY(out.pairs, pairs_of(cursor));
    return out;
  }
  if (tokens.size() > 1) return unknown();
  if (cursor.at({"auto"})) {
    out.kind = ast::BackfillOrder::Kind::Auto;
  } else if (!cursor.at({"none"})) {
    return unknown();
  }
  return out;
}

}  // namespace

Result<ast::BackfillOrder> parse_backfill_order(std::string_view text, uint32_t position) {
  const uint32_t shift = position == 0 ? 0 : position - 1;
  auto order = parsed(text);
  if (order.has_error()) {
    const Error& e = order.error();
    return e.at(e.position().value_or(1) + shift).with_hint(std::string(kHint));
  }
  for (ast::BackfillOrder::Pair& pair : order.value().pairs) {
    pair.before.position += shift;
    pair.after.position += shift;
  }
  return order;
}

}  // namespace penstock::frontend
