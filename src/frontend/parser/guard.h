#pragma once

#include <span>

#include "frontend/parser/tokens.h"

namespace penstock::frontend {

/// Refuses, on the tokens alone, what could exhaust the stack of the parser or of those after it: more than
///  - 10,000 operators one after the other at one level (a comma, AND, OR and a branch of CASE begin a new chain),
///  - 1,000 parentheses, brackets or CASEs inside each other,
///  - 1,000 set operations or joins at one level (each nests the ones before it).
/// Errors: `TooComplex` at the token that is one too many.
[[nodiscard]] Status check_complexity(const SourceText& source, std::span<const Token> tokens);

/// Before there are tokens: refuses runs of more than 256 operator characters and comments nested more than 100 deep, for which
/// Postgres' scanner would take minutes. Errors: `TooComplex` with the position.
[[nodiscard]] Status check_lexical(const SourceText& source);

}  // namespace penstock::frontend
