#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "data/copy.h"
#include "data/interval.h"
#include "data/numeric.h"
#include "data/text.h"
#include "data/wide_int.h"

/// How one value stands in a key, ascending; the layout is drawn at the top of key_codec.cc. Internal to `data`.
namespace penstock::data::key_format {

constexpr unsigned char kNullFirst = 0;
constexpr unsigned char kNotNull = 1;
constexpr unsigned char kNullLast = 2;

template <typename U>
[[nodiscard]] constexpr U big_endian(U x) {
  if constexpr (sizeof(U) == 1) return x;
  if constexpr (sizeof(U) == 2) return __builtin_bswap16(x);
  if constexpr (sizeof(U) == 4) return __builtin_bswap32(x);
  if constexpr (sizeof(U) == 8) return __builtin_bswap64(x);
}
template <typename U>
char* put_big_endian(char* to, U x) {
  x = big_endian(x);
  std::memcpy(to, &x, sizeof(U));
  return to + sizeof(U);
}

/// Integers, floats: an unsigned integer of the same size and the same order.
template <typename T>
using Ordered = std::conditional_t<sizeof(T) == 1, uint8_t,
                                   std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;
template <typename T>
[[nodiscard]] Ordered<T> ordered_bits(T value) {
  using U = Ordered<T>;
  constexpr U kSign = static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
  if constexpr (std::is_same_v<T, bool>) {
    return static_cast<U>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
    const U bits = std::bit_cast<U>(value == 0 ? T{0} : value);
    return (bits & kSign) != 0 ? static_cast<U>(~bits) : static_cast<U>(bits | kSign);
  } else {
    return static_cast<U>(static_cast<U>(value) ^ kSign);
  }
}
/// False if no value has these bits.
template <typename T>
[[nodiscard]] bool value_of_bits(Ordered<T> bits, T& out) {
  using U = Ordered<T>;
  constexpr U kSign = static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
  if constexpr (std::is_same_v<T, bool>) {
    out = bits != 0;
    return bits <= 1;
  } else if constexpr (std::is_floating_point_v<T>) {
    out = std::bit_cast<T>((bits & kSign) != 0 ? static_cast<U>(bits & ~kSign) : static_cast<U>(~bits));
    return ordered_bits(out) == bits;
  } else {
    out = static_cast<T>(static_cast<U>(bits ^ kSign));
    return true;
  }
}

/// Bytes of a word below 2, which text must escape.
[[nodiscard]] inline size_t escapes_in(uint64_t word) {
  constexpr uint64_t kLow7 = 0x7f7f7f7f7f7f7f7fULL;
  word &= 0xfefefefefefefefeULL;  // 0 and 1 become 0
  return static_cast<size_t>(std::popcount(~(((word & kLow7) + kLow7) | word | kLow7)));
}
[[nodiscard]] inline size_t count_escapes(const Text& text) {
  const char* const bytes = text.data();
  const size_t size = text.size();
  uint64_t word = 0;
  if (text.is_inline()) {  // all 12 bytes are there, and zero beyond the size
    uint32_t tail = 0;
    std::memcpy(&word, bytes, 8);
    std::memcpy(&tail, bytes + 8, 4);
    return escapes_in(word) + escapes_in(tail | 0xffffffff00000000ULL) - (Text::kInline - size);
  }
  size_t count = 0;
  for (size_t i = 0; i + 8 <= size; i += 8) {
    std::memcpy(&word, bytes + i, 8);
    count += escapes_in(word);
  }
  if (size % 8 == 0) return count;
  std::memcpy(&word, bytes + size - 8, 8);  // again some bytes that were counted: masked out
  return count + escapes_in(word | (~uint64_t{0} >> (size % 8 * 8)));
}

/// The decimal digits of a finite numeric that is not 0, left-aligned: value = 0.ddd… * 10^exponent.
struct NumericDigits {
  int exponent;     // -37 to 38
  uint64_t first;   // digits 1 to 18
  uint64_t second;  // digits 19 to 36
  uint8_t third;    // digits 37 and 38
};
[[nodiscard]] inline NumericDigits numeric_digits(const Numeric& value) {
  const uint128 size = magnitude(value.coefficient());
  const int digits = decimal_digits(size);
  const int exponent = digits - value.scale();
  if (digits <= 18) return {exponent, low64(size) * low64(kPowersOfTen[static_cast<size_t>(18 - digits)]), 0, 0};
  const uint128 aligned = size * kPowersOfTen[static_cast<size_t>(38 - digits)];
  const uint128 rest = aligned % kPowersOfTen[20];
  return {exponent, low64(aligned / kPowersOfTen[20]), low64(rest / 100), static_cast<uint8_t>(rest % 100)};
}
constexpr unsigned char kNegativeInfinity = 0x00;
constexpr unsigned char kZero = 0x80;
constexpr unsigned char kPositiveInfinity = 0xfe;
constexpr unsigned char kNaN = 0xff;
constexpr int kLeastExponent = -37;
constexpr int kGreatestExponent = 38;

template <typename T>
constexpr bool kFixedSize = std::is_arithmetic_v<T> || std::is_same_v<T, Interval>;

/// Bytes of a value without its NULL marker.
template <typename T>
[[nodiscard]] size_t payload_size(const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    return value.size() + count_escapes(value) + 1;
  } else if constexpr (std::is_same_v<T, Numeric>) {
    if (!value.is_finite() || value.coefficient() == 0) return 1;
    if (magnitude(value.coefficient()) < kPowersOfTen[18]) return 9;
    const NumericDigits digits = numeric_digits(value);
    return digits.third != 0 ? 18 : digits.second != 0 ? 17 : 9;
  } else if constexpr (std::is_same_v<T, Interval>) {
    return 10;
  } else {
    return sizeof(T);
  }
}

inline char* write_text(char* to, const Text& text) {
  const char* from = text.data();
  const size_t size = text.size();
  if (count_escapes(text) == 0) {
    copy_short(to, from, size);
    to += size;
  } else {
    for (size_t i = 0; i < size; ++i) {
      if (static_cast<unsigned char>(from[i]) < 2) {
        *to++ = 1;
        *to++ = static_cast<char>(from[i] + 1);
      } else {
        *to++ = from[i];
      }
    }
  }
  *to++ = 0;
  return to;
}

inline void flip_bytes(char* begin, const char* end) {
  for (; begin != end; ++begin) *begin = static_cast<char>(~*begin);
}

inline char* write_numeric(char* to, const Numeric& value) {
  const auto one_byte = [to](unsigned char byte) {
    *to = static_cast<char>(byte);
    return to + 1;
  };
  switch (value.special()) {
    case Numeric::Special::NaN:
      return one_byte(kNaN);
    case Numeric::Special::PositiveInfinity:
      return one_byte(kPositiveInfinity);
    case Numeric::Special::NegativeInfinity:
      return one_byte(kNegativeInfinity);
    case Numeric::Special::Finite:
      break;
  }
  const int128 coefficient = value.coefficient();
  if (coefficient == 0) return one_byte(kZero);
  const NumericDigits digits = numeric_digits(value);
  char* at = to;
  *at++ = static_cast<char>(kZero + 1 + digits.exponent - kLeastExponent);
  const bool has_third = digits.third != 0;
  const bool has_second = has_third || digits.second != 0;
  at = put_big_endian(at, digits.first << 1 | static_cast<uint64_t>(has_second));
  if (has_second) at = put_big_endian(at, digits.second << 1 | static_cast<uint64_t>(has_third));
  if (has_third) *at++ = static_cast<char>(digits.third);
  if (coefficient < 0) flip_bytes(to, at);
  return at;
}

/// Returns the end of what was written.
template <typename T>
char* write_payload(char* to, const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    return write_text(to, value);
  } else if constexpr (std::is_same_v<T, Numeric>) {
    return write_numeric(to, value);
  } else if constexpr (std::is_same_v<T, Interval>) {
    const int128 total = value.comparable();
    to = put_big_endian(to, ordered_bits(static_cast<int16_t>(total >> 64)));
    return put_big_endian(to, static_cast<uint64_t>(total));
  } else {
    return put_big_endian(to, ordered_bits(value));
  }
}

}  // namespace penstock::data::key_format
