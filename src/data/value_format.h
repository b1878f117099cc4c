#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "data/copy.h"
#include "data/interval.h"
#include "data/numeric.h"
#include "data/text.h"
#include "data/wide_int.h"

/// How one value stands in a stored value; the layout is drawn at the top of value_codec.cc. Internal to `data`.
namespace penstock::data::value_format {

constexpr char kVersion = 1;

template <typename T>
constexpr bool kFixedSize = !std::is_same_v<T, Text> && !std::is_same_v<T, Numeric>;

[[nodiscard]] inline size_t varint_size(uint32_t x) {
  return 1 + static_cast<size_t>(x >= 1U << 7) + (x >= 1U << 14) + (x >= 1U << 21) + (x >= 1U << 28);
}
inline char* put_varint(char* to, uint32_t x) {
  for (; x >= 0x80; x >>= 7) *to++ = static_cast<char>(x | 0x80);
  *to++ = static_cast<char>(x);
  return to;
}
/// Null if the bytes end too early or the number has more than 32 bits.
[[nodiscard]] inline const char* get_varint(const char* from, const char* end, uint32_t& x) {
  uint64_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (from == end) return nullptr;
    const auto byte = static_cast<unsigned char>(*from++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    x = static_cast<uint32_t>(value);
    return value == x ? from : nullptr;
  }
  return nullptr;
}

// Head of a numeric: the scale, and bits and codes of its own.
constexpr unsigned char kWide = 0x40;  // a coefficient of 16 bytes follows, else of 8
constexpr unsigned char kNaN = 0x80;
constexpr unsigned char kPositiveInfinity = 0x81;
constexpr unsigned char kNegativeInfinity = 0x82;

template <typename T>
[[nodiscard]] size_t stored_size(const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    return varint_size(value.size()) + value.size();
  } else if constexpr (std::is_same_v<T, Numeric>) {
    return !value.is_finite() ? 1 : fits64(value.coefficient()) ? 9 : 17;
  } else {
    return sizeof(T);
  }
}

template <typename T>
char* put_raw(char* to, const T& value) {
  std::memcpy(to, &value, sizeof(T));
  return to + sizeof(T);
}

inline char* put_numeric(char* to, const Numeric& value) {
  switch (value.special()) {
    case Numeric::Special::NaN:
      return put_raw(to, kNaN);
    case Numeric::Special::PositiveInfinity:
      return put_raw(to, kPositiveInfinity);
    case Numeric::Special::NegativeInfinity:
      return put_raw(to, kNegativeInfinity);
    case Numeric::Special::Finite:
      break;
  }
  const int128 coefficient = value.coefficient();
  if (fits64(coefficient)) return put_raw(put_raw(to, value.scale()), static_cast<int64_t>(coefficient));
  return put_raw(put_raw(to, static_cast<unsigned char>(value.scale() | kWide)), coefficient);
}

/// Returns the end of what was written. Numbers are little-endian, as the machines that Penstock runs on.
template <typename T>
char* put_value(char* to, const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    to = put_varint(to, value.size());
    copy_short(to, value.data(), value.size());
    return to + value.size();
  } else if constexpr (std::is_same_v<T, Numeric>) {
    return put_numeric(to, value);
  } else if constexpr (std::is_same_v<T, Interval>) {
    return put_raw(put_raw(put_raw(to, value.months), value.days), value.micros);
  } else {
    return put_raw(to, value);
  }
}

template <typename T>
[[nodiscard]] const char* get_raw(const char* from, const char* end, T& out) {
  if (static_cast<size_t>(end - from) < sizeof(T)) return nullptr;
  std::memcpy(&out, from, sizeof(T));
  return from + sizeof(T);
}

[[nodiscard]] inline const char* get_numeric(const char* from, const char* end, Numeric& out) {
  unsigned char head = 0;
  from = get_raw(from, end, head);
  if (from == nullptr) return nullptr;
  switch (head) {
    case kNaN:
      out = Numeric::special(Numeric::Special::NaN);
      return from;
    case kPositiveInfinity:
      out = Numeric::special(Numeric::Special::PositiveInfinity);
      return from;
    case kNegativeInfinity:
      out = Numeric::special(Numeric::Special::NegativeInfinity);
      return from;
    default:
      break;
  }
  int128 coefficient = 0;
  if ((head & kWide) != 0) {
    from = get_raw(from, end, coefficient);
  } else {
    int64_t narrow = 0;
    from = get_raw(from, end, narrow);
    coefficient = narrow;
  }
  const auto scale = static_cast<unsigned char>(head & ~kWide);
  if (from == nullptr || scale > Numeric::kMaxDigits || magnitude(coefficient) >= kPowersOfTen[38]) return nullptr;
  out = Numeric::of(coefficient, scale);
  return from;
}

/// The end of what was read, or null if the bytes are no value. Text is a view of the bytes.
template <typename T>
[[nodiscard]] const char* get_value(const char* from, const char* end, T& out) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    uint32_t size = 0;
    from = get_varint(from, end, size);
    if (from == nullptr || static_cast<size_t>(end - from) < size) return nullptr;
    out = {from, size};
    return from + size;
  } else if constexpr (std::is_same_v<T, Numeric>) {
    return get_numeric(from, end, out);
  } else if constexpr (std::is_same_v<T, bool>) {
    unsigned char byte = 0;
    from = get_raw(from, end, byte);
    out = byte == 1;
    return byte <= 1 ? from : nullptr;
  } else {
    return get_raw(from, end, out);
  }
}

}  // namespace penstock::data::value_format
