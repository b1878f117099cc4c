#include "frontend/parser/tokens.h"

#include "frontend/parser/ascii.h"

namespace penstock::frontend {
namespace {

constexpr size_t kMaxIdentifier = 63;

}  // namespace

bool is_word(const Token& token, std::string_view word) {
  const bool wordlike = token.kind == TokenKind::Identifier || token.kind == TokenKind::Keyword || token.kind == TokenKind::Reserved;
  return wordlike && equals_ignoring_case(token.text, word);
}

bool is_symbol(const Token& token, std::string_view symbol) { return token.kind == TokenKind::Symbol && token.text == symbol; }

std::string identifier_of(const Token& token) {
  std::string name;
  if (token.kind == TokenKind::QuotedIdentifier) {
    const std::string_view inner = token.text.substr(1, token.text.size() - 2);
    for (size_t i = 0; i < inner.size(); ++i) {
      name += inner[i];
      if (inner[i] == '"') ++i;  // doubled
    }
  } else {
    name = to_lower(token.text);
  }
  if (name.size() <= kMaxIdentifier) return name;
  size_t cut = kMaxIdentifier;
  while ((static_cast<unsigned char>(name[cut]) & 0xC0) == 0x80) --cut;  // not inside a character
  name.resize(cut);
  return name;
}

std::vector<std::span<const Token>> split_statements(std::span<const Token> tokens) {
  std::vector<std::span<const Token>> statements;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size()) {
      if (is_symbol(tokens[i], "(")) ++depth;
      if (is_symbol(tokens[i], ")")) --depth;
      if (depth > 0 || !is_symbol(tokens[i], ";")) continue;
    }
    if (i > begin) statements.push_back(tokens.subspan(begin, i - begin));
    begin = i + 1;
  }
  return statements;
}

}  // namespace penstock::frontend
