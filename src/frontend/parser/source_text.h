#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::frontend {

/// The SQL text of a client, and where in it a byte is: users count characters, the scanner counts bytes.
/// Borrows the text. Immutable.
class SourceText {
 public:
  /// Errors: `InvalidText` for bytes that are not UTF-8, `Syntax` for a zero byte, `TooComplex` beyond 1 MiB.
  [[nodiscard]] static Result<SourceText> check(std::string_view text);

  [[nodiscard]] std::string_view text() const { return text_; }
  /// 1-based character of byte `offset` (which may be one past the end).
  [[nodiscard]] uint32_t position(size_t offset) const;
  /// Byte of the 1-based character `position`; the end if there is none.
  [[nodiscard]] size_t offset(uint32_t position) const;

 private:
  explicit SourceText(std::string_view text) : text_(text) {}

  std::string_view text_;
  bool ascii_ = true;
  std::vector<uint32_t> marks_;  // characters before byte 64 * i, if not ascii
};

}  // namespace penstock::frontend
