#pragma once

#include <re2/re2.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "expr/utf8.h"

namespace penstock::expr {

/// What every match of a pattern must contain: `literal`, at most `most_before` bytes after its beginning. Found by a look at the pattern's
/// text; empty if that look sees nothing of the kind.
struct RegexAnchor {
  std::string literal;
  size_t most_before = 0;
};
[[nodiscard]] RegexAnchor find_anchor(std::string_view pattern);

/// A regular expression with Postgres' flags; compiled from text on demand and kept until the text changes. One kernel call has it to
/// itself; copies share what is compiled.
class Regex {
 public:
  using Groups = std::vector<re2::StringPiece>;  // the whole match, then its groups; data() is null for those that took no part

  explicit Regex(bool ignore_case) : ignore_case_(ignore_case) {}

  /// Flags: i, c (case), g (all matches), n or m (lines), s. Errors: `InvalidParameter`.
  Status compile(std::string_view pattern, std::string_view flags);
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] size_t groups() const { return static_cast<size_t>(compiled_->NumberOfCapturingGroups()); }

  /// The first match that begins at `from` or later; fills as much of `found` as it has room for.
  [[nodiscard]] bool find(std::string_view text, size_t from, std::span<re2::StringPiece> found) const;
  /// Calls `on_match(groups)` for each match from left to right, until it answers false. After an empty match it goes on one character
  /// further.
  template <typename F>
  void for_each_match(std::string_view text, F&& on_match) {
    found_.assign(groups() + 1, {});
    for (size_t at = 0; at <= text.size();) {
      if (!find(text, at, found_) || !on_match(static_cast<const Groups&>(found_))) return;
      at = static_cast<size_t>(found_[0].end() - text.data());
      if (found_[0].empty()) at += std::max<size_t>(1, first_char(text.substr(at)).size());
    }
  }

 private:
  [[nodiscard]] bool match_at(std::string_view text, size_t at, RE2::Anchor anchor, std::span<re2::StringPiece> found) const;

  bool ignore_case_;
  bool all_ = false;
  std::shared_ptr<const RE2> compiled_;  // shared by the copies that kernel calls make; RE2 is thread-safe
  RegexAnchor anchor_;
  std::string pattern_, flags_;
  Groups found_;  // of the last match
};

}  // namespace penstock::expr
