#include "frontend/parser/guard.h"

#include <algorithm>
#include <array>

namespace penstock::frontend {
namespace {

constexpr uint32_t kMaxOperators = 10'000;
constexpr uint32_t kMaxNesting = 1'000;
constexpr uint32_t kMaxNestedRelations = 1'000;

struct Level {
  char opened_by = '\0';  // '(', '[', 'C' for CASE
  uint32_t operators = 0;
  uint32_t relations = 0;
};

bool is_any(const Token& token, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return is_word(token, word); });
}

constexpr std::array<std::string_view, 13> kOperatorWords = {"not",     "like", "ilike", "similar", "is",       "isnull",  "notnull",
                                                             "between", "in",   "at",    "collate", "operator", "overlaps"};
constexpr std::array<std::string_view, 5> kChainBreaks = {"and", "or", "when", "then", "else"};
constexpr std::array<std::string_view, 4> kRelationWords = {"join", "union", "except", "intersect"};

bool opens(const Token& token) { return is_symbol(token, "(") || is_symbol(token, "[") || is_word(token, "case"); }

bool closes(const Token& token, const Level& level) {
  if (level.opened_by == 'C') return is_word(token, "end");
  return (level.opened_by == '(' && is_symbol(token, ")")) || (level.opened_by == '[' && is_symbol(token, "]"));
}

char opener(const Token& token) { return token.kind == TokenKind::Symbol ? token.text[0] : 'C'; }

bool is_operator(const Token& token) {
  if (token.kind != TokenKind::Symbol) return is_any(token, kOperatorWords);
  return token.text != "." && token.text != ":" && token.text != ")" && token.text != "]";
}

Error too_complex(const SourceText& source, const Token& token, std::string_view what, uint32_t limit) {
  return error(Code::TooComplex, "statement is too complex: more than {} {}", limit, what).at(source.position(token.start));
}

}  // namespace

Status check_complexity(const SourceText& source, std::span<const Token> tokens) {
  std::vector<Level> levels(1);
  for (const Token& token : tokens) {
    Level& level = levels.back();
    if (is_symbol(token, ";")) {
      levels.assign(1, Level{});
    } else if (opens(token)) {
      if (levels.size() > kMaxNesting) return too_complex(source, token, "nested parentheses, CASEs or SELECTs", kMaxNesting);
      levels.push_back({opener(token), 0, 0});
    } else if (closes(token, level)) {
      levels.pop_back();
    } else if (is_symbol(token, ",") || is_any(token, kChainBreaks)) {
      level.operators = 0;
    } else if (is_any(token, kRelationWords)) {
      if (++level.relations > kMaxNestedRelations)
        return too_complex(source, token, "set operations or joins in a row", kMaxNestedRelations);
    } else if (is_operator(token)) {
      if (++level.operators > kMaxOperators) return too_complex(source, token, "operators in one expression", kMaxOperators);
    }
  }
  return ok();
}

}  // namespace penstock::frontend
