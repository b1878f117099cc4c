#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "frontend/parser/statement.h"
#include "frontend/parser/tokens.h"

namespace penstock::frontend {

/// Reads the tokens of one statement from left to right: what the streaming statements are parsed with.
class TokenCursor {
 public:
  TokenCursor(const SourceText& source, std::span<const Token> tokens) : source_(source), tokens_(tokens) {}

  [[nodiscard]] bool done() const { return next_ >= tokens_.size(); }
  [[nodiscard]] size_t index() const { return next_; }
  void seek(size_t index) { next_ = index; }
  [[nodiscard]] const Token& token(size_t index) const { return tokens_[index]; }
  [[nodiscard]] const Token& front() const { return tokens_[next_]; }
  [[nodiscard]] size_t size() const { return tokens_.size(); }
  void skip(size_t count = 1) { next_ += count; }

  /// The next tokens are these words.
  [[nodiscard]] bool at(std::initializer_list<std::string_view> words) const;
  [[nodiscard]] bool at_symbol(std::string_view symbol) const { return !done() && is_symbol(front(), symbol); }
  /// As `at`, and goes past them.
  bool accept(std::initializer_list<std::string_view> words);
  bool accept_symbol(std::string_view symbol);

  /// Errors of these: `Syntax` at what stands there instead.
  [[nodiscard]] Status expect(std::string_view word);
  [[nodiscard]] Status expect_symbol(std::string_view symbol);
  [[nodiscard]] Status expect_end() const;
  [[nodiscard]] Result<std::string> name();
  /// [database.][schema.]name
  [[nodiscard]] Result<ast::ObjectName> object_name();
  [[nodiscard]] Result<std::string> string_literal();
  /// `( key = value, … )`. Keys may have dots; values are strings, numbers or single words; that of backfill_order
  /// may have parentheses.
  [[nodiscard]] Result<std::vector<ast::Option>> options();
  /// Past the parenthesis that closes the one that stands here.
  [[nodiscard]] Status skip_parentheses();

  /// Byte of the whole text where the next token starts; the end of the last one if there is none.
  [[nodiscard]] size_t offset() const { return done() ? tokens_.back().end : front().start; }
  [[nodiscard]] uint32_t position() const { return source_.position(offset()); }
  [[nodiscard]] uint32_t position_of(const Token& token) const { return source_.position(token.start); }
  /// "syntax error at or near …" here.
  [[nodiscard]] Error syntax_error() const;
  [[nodiscard]] Error not_supported(std::string_view what) const;
  [[nodiscard]] const SourceText& source() const { return source_; }

 private:
  [[nodiscard]] Result<ast::Option> option();

  const SourceText& source_;
  std::span<const Token> tokens_;
  size_t next_ = 0;
};

}  // namespace penstock::frontend
