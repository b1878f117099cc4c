// What makes Postgres' scanner itself slow: its time grows with the square of a run of operator characters and of nested comments.
#include "frontend/parser/guard.h"

namespace penstock::frontend {
namespace {

constexpr size_t kMaxOperatorRun = 256;
constexpr size_t kMaxCommentDepth = 100;
constexpr std::string_view kOperatorCharacters = "~!@#^&|`?+-*/%<>=";

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80) != 0;
}

/// Walks over the text, knowing just enough of the grammar of tokens to skip what is quoted.
class LexicalGuard {
 public:
  explicit LexicalGuard(const SourceText& source) : source_(source), text_(source.text()) {}

  Status check() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (starts("--")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (starts("/*")) {
        PENSTOCK_TRY(comment());
      } else if (c == '\'' || c == '"') {
        skip_quoted(c, c == '\'' && after_escape_prefix());
      } else if (c == '$' && skip_dollar_quoted()) {
        continue;
      } else if (kOperatorCharacters.find(c) != std::string_view::npos) {
        PENSTOCK_TRY(operator_run());
      } else if (is_word_character(c)) {
        while (at_ < text_.size() && is_word_character(text_[at_])) ++at_;
      } else {
        ++at_;
      }
    }
    return ok();
  }

 private:
  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  [[nodiscard]] Error too_complex(size_t at, std::string_view what, size_t limit) const {
    return error(Code::TooComplex, "statement is too complex: more than {} {}", limit, what).at(source_.position(at));
  }

  Status comment() {
    size_t depth = 0;
    do {
      if (starts("/*")) {
        if (++depth > kMaxCommentDepth) return too_complex(at_, "nested comments", kMaxCommentDepth);
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    return ok();
  }

  Status operator_run() {
    const size_t start = at_;
    while (at_ < text_.size() && kOperatorCharacters.find(text_[at_]) != std::string_view::npos && !starts("--") && !starts("/*")) ++at_;
    if (at_ - start > kMaxOperatorRun) return too_complex(start, "operator characters in a row", kMaxOperatorRun);
    return ok();
  }

  // In E'…' a backslash escapes the quote.
  [[nodiscard]] bool after_escape_prefix() const {
    const bool prefixed = at_ > 0 && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
    return prefixed && (at_ < 2 || !is_word_character(text_[at_ - 2]));
  }

  void skip_quoted(char quote, bool escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != quote) return;  // doubled: goes on
      }
    }
  }

  // $tag$ … $tag$; not $1.
  bool skip_dollar_quoted() {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '$' && is_word_character(text_[end])) ++end;
    const bool tag = end < text_.size() && text_[end] == '$' && (end == at_ + 1 || text_[at_ + 1] < '0' || text_[at_ + 1] > '9');
    if (!tag) return false;
    const std::string_view quote = text_.substr(at_, end + 1 - at_);
    const size_t close = text_.find(quote, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + quote.size();
    return true;
  }

  const SourceText& source_;
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Status check_lexical(const SourceText& source) { return LexicalGuard(source).check(); }

}  // namespace penstock::frontend
