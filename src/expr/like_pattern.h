#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::expr {

/// A compiled LIKE pattern: `%` is any text, `_` any one character, an escaped character itself. Immutable after `compile`.
class LikePattern {
 public:
  /// What the whole pattern comes to; the first four need no matching of pieces.
  enum class Shape { Equal, Prefix, Suffix, Contains, General };

  /// `escape`: one character, or empty for none. Errors: `InvalidParameter` (a longer escape, a pattern that ends with it).
  [[nodiscard]] static Result<LikePattern> compile(std::string_view pattern, std::string_view escape);

  [[nodiscard]] Shape shape() const { return shape_; }
  /// The text of the first four shapes.
  [[nodiscard]] std::string_view literal() const { return pieces_.front().bytes; }
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  // What stands between two `%`: bytes, in which kAnyChar stands for `_` if there are any.
  struct Piece {
    std::string bytes;
    std::vector<size_t> any;  // where in `bytes` the `_` are, ascending
    size_t chars = 0;
  };

  [[nodiscard]] static std::optional<size_t> match_at(const Piece& piece, std::string_view text);
  [[nodiscard]] static bool find_in(const Piece& piece, std::string_view& text);
  [[nodiscard]] bool matches_pieces(std::string_view text) const;
  void settle_shape();

  std::vector<Piece> pieces_;  // at least one
  bool open_start_ = false;    // begins with %
  bool open_end_ = false;
  Shape shape_ = Shape::General;
};

}  // namespace penstock::expr
