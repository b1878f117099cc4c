#include "frontend/parser/pg_tree.h"

#include <pg_query.h>

#include <algorithm>

#include "common/check.h"

namespace penstock::frontend {
namespace {

TokenKind kind_of(const PgQuery__ScanToken& token, char first) {
  switch (token.token) {
    case PG_QUERY__TOKEN__IDENT:
    case PG_QUERY__TOKEN__UIDENT:
      return first == '"' || token.token == PG_QUERY__TOKEN__UIDENT ? TokenKind::QuotedIdentifier : TokenKind::Identifier;
    case PG_QUERY__TOKEN__FCONST:
    case PG_QUERY__TOKEN__ICONST:
      return TokenKind::Number;
    case PG_QUERY__TOKEN__SCONST:
    case PG_QUERY__TOKEN__USCONST:
    case PG_QUERY__TOKEN__BCONST:
    case PG_QUERY__TOKEN__XCONST:
      return TokenKind::String;
    case PG_QUERY__TOKEN__PARAM:
      return TokenKind::Parameter;
    default:
      break;
  }
  switch (token.keyword_kind) {
    case PG_QUERY__KEYWORD_KIND__NO_KEYWORD:
      return TokenKind::Symbol;
    case PG_QUERY__KEYWORD_KIND__RESERVED_KEYWORD:
      return TokenKind::Reserved;
    default:
      return TokenKind::Keyword;
  }
}

struct ScanDeleter {
  void operator()(PgQuery__ScanResult* result) const { pg_query__scan_result__free_unpacked(result, nullptr); }
};

// "syntax error at or near …": Postgres' parser has only these and "memory exhausted", which is a nesting too deep for it.
Error grammar_error(const PgQueryError& e, uint32_t position) {
  const std::string message = e.message == nullptr ? "syntax error" : e.message;
  if (message.starts_with("memory exhausted")) return error(Code::TooComplex, "statement is nested too deeply").at(position);
  return Error(Code::Syntax, message).at(position);
}

}  // namespace

Result<std::vector<Token>> scan(const SourceText& source) {
  const std::string sql(source.text());
  PgQueryScanResult result = pg_query_scan(sql.c_str());
  const std::unique_ptr<PgQueryScanResult, void (*)(PgQueryScanResult*)> free_result(&result,
                                                                                     [](auto* r) { pg_query_free_scan_result(*r); });
  if (result.error != nullptr) return grammar_error(*result.error, static_cast<uint32_t>(std::max(result.error->cursorpos, 1)));
  const std::unique_ptr<PgQuery__ScanResult, ScanDeleter> list(
      pg_query__scan_result__unpack(nullptr, result.pbuf.len, reinterpret_cast<const uint8_t*>(result.pbuf.data)));
  if (!list) return error(Code::OutOfMemory, "no memory for the tokens of a statement");
  std::vector<Token> tokens;
  tokens.reserve(list->n_tokens);
  for (size_t i = 0; i < list->n_tokens; ++i) {
    const PgQuery__ScanToken& token = *list->tokens[i];
    if (token.token == PG_QUERY__TOKEN__SQL_COMMENT || token.token == PG_QUERY__TOKEN__C_COMMENT) continue;
    const auto start = static_cast<uint32_t>(token.start), end = static_cast<uint32_t>(token.end);
    tokens.push_back({kind_of(token, sql[start]), start, end, source.text().substr(start, end - start)});
  }
  return tokens;
}

void PgText::blank(size_t start, size_t end, std::string_view replacement) {
  PENSTOCK_CHECK(start >= start_ && replacement.size() <= end - start && end - start_ <= sql_.size());
  std::fill(sql_.begin() + (start - start_), sql_.begin() + (end - start_), ' ');
  std::copy(replacement.begin(), replacement.end(), sql_.begin() + (start - start_));
}

uint32_t PgText::position_of_cursor(int cursor) const {
  size_t offset = 0;
  for (int characters = 1; characters < cursor && offset < sql_.size(); ++characters) {
    ++offset;
    while (offset < sql_.size() && (static_cast<unsigned char>(sql_[offset]) & 0xC0) == 0x80) ++offset;
  }
  return source_.position(start_ + offset);
}

Result<PgTree> pg_parse(const PgText& text) {
  PgQueryProtobufParseResult result = pg_query_parse_protobuf(text.sql().c_str());
  const std::unique_ptr<PgQueryProtobufParseResult, void (*)(PgQueryProtobufParseResult*)> free_result(
      &result, [](auto* r) { pg_query_free_protobuf_parse_result(*r); });
  if (result.error != nullptr) return grammar_error(*result.error, text.position_of_cursor(result.error->cursorpos));
  PgTree tree(pg_query__parse_result__unpack(nullptr, result.parse_tree.len, reinterpret_cast<const uint8_t*>(result.parse_tree.data)));
  if (!tree) return error(Code::OutOfMemory, "no memory for the tree of a statement");
  return tree;
}

}  // namespace penstock::frontend
