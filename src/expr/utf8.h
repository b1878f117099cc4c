#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::expr {

/// Characters of UTF-8 text. Bytes that are no UTF-8 count as characters of their own where they begin one; nothing reads beyond the end.

[[nodiscard]] constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

[[nodiscard]] inline size_t char_count(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += is_continuation(c) ? 0 : 1;
  return n;
}

/// Bytes of the first `n` characters, or of all.
[[nodiscard]] inline size_t prefix_bytes(std::string_view text, size_t n) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(text[at])) continue;
    if (n-- == 0) break;
  }
  return at;
}

/// Bytes of the last `n` characters, or of all.
[[nodiscard]] inline size_t suffix_bytes(std::string_view text, size_t n) {
  size_t at = text.size();
  while (n > 0 && at > 0) {
    if (!is_continuation(text[--at])) --n;
  }
  return text.size() - at;
}

/// The first character; empty of empty text.
[[nodiscard]] inline std::string_view first_char(std::string_view text) { return text.substr(0, prefix_bytes(text, 1)); }

[[nodiscard]] inline bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

/// The code point of one character; of what is no UTF-8 its first byte.
[[nodiscard]] uint32_t decode_char(std::string_view character);
/// Writes up to 4 bytes; returns how many.
size_t encode_char(uint32_t code, char* out);

}  // namespace penstock::expr
