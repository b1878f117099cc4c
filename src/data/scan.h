#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Small pieces of text readers. Internal to `data`.
namespace penstock::data {

[[nodiscard]] constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
[[nodiscard]] constexpr bool is_digit(char c) { return static_cast<unsigned>(c - '0') <= 9; }
[[nodiscard]] constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
[[nodiscard]] constexpr bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// `lower` must be lower case.
[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

/// What is left to read. Every step says whether it was there and moves on only then.
struct Scanner {
  std::string_view rest;

  [[nodiscard]] bool empty() const { return rest.empty(); }
  [[nodiscard]] char peek() const { return rest.empty() ? '\0' : rest.front(); }
  bool take(char c) {
    if (peek() != c || rest.empty()) return false;
    rest.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  }
  /// Digits, at least `least` and at most `most` of them (up to 18).
  bool digits(size_t least, size_t most, int64_t& value) {
    int64_t v = 0;
    size_t n = 0;
    while (n < most && n < rest.size() && is_digit(rest[n])) v = v * 10 + (rest[n++] - '0');
    if (n < least) return false;
    rest.remove_prefix(n);
    value = v;
    return true;
  }
  /// The letters up to the next other character.
  [[nodiscard]] std::string_view word() {
    size_t n = 0;
    while (n < rest.size() && is_letter(rest[n])) ++n;
    const std::string_view out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
};

}  // namespace penstock::data
