#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "frontend/parser/source_text.h"

namespace penstock::frontend {

enum class TokenKind : uint8_t {
  Identifier,  // unquoted, no keyword
  QuotedIdentifier,
  Keyword,   // may serve as a name
  Reserved,  // may not
  String,
  Number,
  Parameter,
  Symbol,  // operators and punctuation
};

struct Token {
  TokenKind kind;
  uint32_t start;  // bytes in the whole text
  uint32_t end;
  std::string_view text;
};

/// All tokens of the text but comments, by Postgres' scanner. Errors: `Syntax` (an unterminated string, …).
[[nodiscard]] Result<std::vector<Token>> scan(const SourceText& source);

/// `token` is `word` (given in lower case), not quoted: keywords of ours are identifiers to Postgres' scanner.
[[nodiscard]] bool is_word(const Token& token, std::string_view word);
[[nodiscard]] bool is_symbol(const Token& token, std::string_view symbol);
/// What an identifier or keyword names: unquoted in lower case, cut at 63 bytes as Postgres does.
[[nodiscard]] std::string identifier_of(const Token& token);

/// The statements of the text as ranges of its tokens: cut at semicolons outside of parentheses; empty ones are left out.
[[nodiscard]] std::vector<std::span<const Token>> split_statements(std::span<const Token> tokens);

}  // namespace penstock::frontend
