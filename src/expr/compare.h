#pragma once

#include <cmath>
#include <cstring>

#include "data/physical.h"

namespace penstock::expr {

/// Postgres' order of two values of one physical type, without branches where that can be: NaN equals itself and is above all numbers,
/// text is compared bytewise.

template <typename T>
inline bool equal_values(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return (a == b) | ((a != a) & (b != b));
  } else {
    return a == b;
  }
}

namespace internal {

// The first four bytes as a number that orders as they do; shorter text is padded with zeros.
inline uint32_t prefix_of(const data::Text& text) {
  uint32_t prefix;
  std::memcpy(&prefix, reinterpret_cast<const char*>(&text) + sizeof(uint32_t), sizeof(prefix));
  return __builtin_bswap32(prefix);
}

}  // namespace internal

template <typename T>
inline bool less_values(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return (a < b) | ((a == a) & (b != b));
  } else if constexpr (std::is_same_v<T, data::Text>) {
    const uint32_t x = internal::prefix_of(a);
    const uint32_t y = internal::prefix_of(b);
    return x != y ? x < y : a < b;
  } else {
    return a < b;
  }
}

/// The ways two values can be compared, as types for templates.
struct Equal {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return equal_values(a, b);
  }
};
struct NotEqual {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return !equal_values(a, b);
  }
};
struct Less {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return less_values(a, b);
  }
};
struct LessEqual {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return !less_values(b, a);
  }
};
struct Greater {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return less_values(b, a);
  }
};
struct GreaterEqual {
  template <typename T>
  static bool holds(const T& a, const T& b) {
    return !less_values(a, b);
  }
};

}  // namespace penstock::expr
