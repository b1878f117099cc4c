#include "data/text_io.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "data/column.h"
#include "data/scan.h"

namespace penstock::data {
namespace {

template <typename T>
constexpr TypeKind kKindOf = std::is_same_v<T, int16_t>   ? TypeKind::Int16
                             : std::is_same_v<T, int32_t> ? TypeKind::Int32
                             : std::is_same_v<T, int64_t> ? TypeKind::Int64
                             : std::is_same_v<T, float>   ? TypeKind::Float32
                                                          : TypeKind::Float64;

template <typename T>
Error bad_input(std::string_view text) {
  return error(Code::InvalidText, "invalid input syntax for type {}: \"{}\"", DataType(kKindOf<T>).to_string(), text);
}

bool begins(std::string_view text, std::string_view word, size_t at_least) {
  return text.size() >= at_least && text.size() <= word.size() && equals_ignoring_case(text, word.substr(0, text.size()));
}

// NaN and the infinities, with a sign before them.
template <typename T>
bool read_special_float(std::string_view text, T& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (equals_ignoring_case(text, "nan")) {
    out = std::numeric_limits<T>::quiet_NaN();
  } else if (equals_ignoring_case(text, "infinity") || equals_ignoring_case(text, "inf")) {
    out = std::numeric_limits<T>::infinity();
  } else {
    return false;
  }
  if (negative) out = -out;
  return true;
}

// Digits and exponent of the shortest text that reads back as a value: digits[0].digits[1…] * 10^exponent.
struct ShortestDigits {
  std::array<char, 32> digits;
  int count = 0;
  int exponent = 0;
};
template <typename T>
ShortestDigits shortest_digits(T value) {
  ShortestDigits out;
  std::array<char, 32> text;
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
  const char* at = text.data();
  for (; *at != 'e'; ++at) {
    if (*at != '.') out.digits[static_cast<size_t>(out.count++)] = *at;
  }
  std::from_chars(at + (at[1] == '+' ? 2 : 1), end, out.exponent);
  while (out.count > 1 && out.digits[static_cast<size_t>(out.count - 1)] == '0') --out.count;
  return out;
}

void append_fixed(std::string& out, const ShortestDigits& number) {
  const char* const digits = number.digits.data();
  const int count = number.count;
  if (number.exponent < 0) {
    out += "0.";
    out.append(static_cast<size_t>(-number.exponent - 1), '0');
    out.append(digits, digits + count);
    return;
  }
  const int before_point = number.exponent + 1;
  out.append(digits, digits + std::min(count, before_point));
  if (count < before_point) out.append(static_cast<size_t>(before_point - count), '0');
  if (count <= before_point) return;
  out += '.';
  out.append(digits + before_point, digits + count);
}

void append_scientific(std::string& out, const ShortestDigits& number) {
  out += number.digits[0];
  if (number.count > 1) {
    out += '.';
    out.append(number.digits.data() + 1, number.digits.data() + number.count);
  }
  const int exponent = std::abs(number.exponent);
  out += number.exponent < 0 ? "e-" : "e+";
  if (exponent < 10) out += '0';
  append_integer(out, exponent);
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  const std::string_view word = trim(text);
  if (word == "1" || begins(word, "true", 1) || begins(word, "yes", 1) || begins(word, "on", 2)) return true;
  if (word == "0" || begins(word, "false", 1) || begins(word, "no", 1) || begins(word, "off", 2)) return false;
  return error(Code::InvalidText, "invalid input syntax for type boolean: \"{}\"", text);
}

template <typename T>
Result<T> parse_integer(std::string_view text) {
  std::string_view digits = trim(text);
  if (digits.starts_with('+') && digits.size() > 1 && is_digit(digits[1])) digits.remove_prefix(1);
  T value{};
  const char* const last = digits.end();
  const auto [end, failed] = std::from_chars(digits.begin(), last, value);
  if (failed == std::errc{} && end == last) return value;
  if (failed == std::errc::result_out_of_range && end == last) {
    return error(Code::NumericOutOfRange, "value \"{}\" is out of range for type {}", digits, DataType(kKindOf<T>).to_string());
  }
  return bad_input<T>(text);
}
template Result<int16_t> parse_integer(std::string_view);
template Result<int32_t> parse_integer(std::string_view);
template Result<int64_t> parse_integer(std::string_view);

template <typename T>
Result<T> parse_float(std::string_view text) {
  std::string_view digits = trim(text);
  T value{};
  if (read_special_float(digits, value)) return value;
  if (digits.starts_with('+')) {
    digits.remove_prefix(1);
    if (digits.starts_with('-')) return bad_input<T>(text);
  }
  const char* const last = digits.end();
  const auto [end, failed] = std::from_chars(digits.begin(), last, value);
  if (failed == std::errc{} && end == last) return value;
  if (failed == std::errc::result_out_of_range && end == last) {
    return error(Code::NumericOutOfRange, "\"{}\" is out of range for type {}", digits, DataType(kKindOf<T>).to_string());
  }
  return bad_input<T>(text);
}
template Result<float> parse_float(std::string_view);
template Result<double> parse_float(std::string_view);

void append_bool(std::string& out, bool value) { out += value ? 't' : 'f'; }

template <typename T>
void append_integer(std::string& out, T value) {
  std::array<char, 24> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}
template void append_integer(std::string&, int16_t);
template void append_integer(std::string&, int32_t);
template void append_integer(std::string&, int64_t);

template <typename T>
void append_float(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  const ShortestDigits number = shortest_digits(std::abs(value));
  // Postgres' bounds of the fixed notation: those of printf's %g at the type's guaranteed digits.
  constexpr int kFixedBelow = std::numeric_limits<T>::digits10;
  if (number.exponent >= -4 && number.exponent < kFixedBelow) {
    append_fixed(out, number);
  } else {
    append_scientific(out, number);
  }
}
template void append_float(std::string&, float);
template void append_float(std::string&, double);

}  // namespace penstock::data
