#pragma once

#include <array>
#include <bit>
#include <cstdint>

/// Unsigned integers of 128 and 256 bits, as far as decimal arithmetic of 38 digits needs them. Internal to `data`.
namespace penstock::data {

using uint128 = unsigned __int128;
using int128 = __int128;

[[nodiscard]] constexpr uint64_t high64(uint128 x) { return static_cast<uint64_t>(x >> 64); }
[[nodiscard]] constexpr uint64_t low64(uint128 x) { return static_cast<uint64_t>(x); }
[[nodiscard]] constexpr uint128 magnitude(int128 x) { return x < 0 ? -static_cast<uint128>(x) : static_cast<uint128>(x); }
[[nodiscard]] constexpr bool fits64(int128 x) { return x == static_cast<int64_t>(x); }

/// 10^0 … 10^38: all powers of ten below 2^127.
inline constexpr std::array<uint128, 39> kPowersOfTen = [] {
  std::array<uint128, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

/// Decimal digits of `x`; 0 has none.
[[nodiscard]] constexpr int decimal_digits(uint128 x) {
  const int bits = high64(x) != 0 ? 128 - std::countl_zero(high64(x)) : 64 - std::countl_zero(low64(x));
  const int guess = bits * 1233 >> 12;  // floor(bits * log10(2)), exact for 0 <= bits <= 128
  return guess + static_cast<int>(guess < 39 && x >= kPowersOfTen[static_cast<size_t>(guess)]);
}

/// 256 bits, little-endian limbs. Overflow is the caller's affair.
struct Uint256 {
  std::array<uint64_t, 4> limbs{};

  [[nodiscard]] static constexpr Uint256 of(uint128 x) { return {{low64(x), high64(x), 0, 0}}; }
  [[nodiscard]] constexpr bool fits128() const { return (limbs[2] | limbs[3]) == 0; }
  [[nodiscard]] constexpr uint128 low() const { return (static_cast<uint128>(limbs[1]) << 64) | limbs[0]; }
  [[nodiscard]] constexpr bool operator<(const Uint256& other) const {
    for (int i = 3; i > 0; --i) {
      if (limbs[static_cast<size_t>(i)] != other.limbs[static_cast<size_t>(i)])
        return limbs[static_cast<size_t>(i)] < other.limbs[static_cast<size_t>(i)];
    }
    return limbs[0] < other.limbs[0];
  }
  constexpr void add(const Uint256& other) {
    uint128 carry = 0;
    for (size_t i = 0; i < 4; ++i) {
      carry += static_cast<uint128>(limbs[i]) + other.limbs[i];
      limbs[i] = low64(carry);
      carry >>= 64;
    }
  }
  constexpr void subtract(const Uint256& other) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < 4; ++i) {
      const uint128 difference = static_cast<uint128>(limbs[i]) - other.limbs[i] - borrow;
      limbs[i] = low64(difference);
      borrow = static_cast<uint64_t>(high64(difference) != 0);
    }
  }
  /// Divides by a small number; returns the remainder.
  constexpr uint64_t divide_by(uint64_t divisor) {
    uint128 rest = 0;
    for (size_t i = 4; i-- > 0;) {
      rest = (rest << 64) | limbs[i];
      limbs[i] = low64(rest / divisor);
      rest %= divisor;
    }
    return low64(rest);
  }
};

[[nodiscard]] constexpr Uint256 multiply_wide(uint128 a, uint128 b) {
  Uint256 out;
  const std::array<uint64_t, 2> x = {low64(a), high64(a)};
  const std::array<uint64_t, 2> y = {low64(b), high64(b)};
  for (size_t i = 0; i < 2; ++i) {
    uint128 carry = 0;
    for (size_t j = 0; j < 2; ++j) {
      carry += static_cast<uint128>(x[i]) * y[j] + out.limbs[i + j];
      out.limbs[i + j] = low64(carry);
      carry >>= 64;
    }
    out.limbs[i + 2] = low64(carry);
  }
  return out;
}

/// Quotient and remainder by shift and subtract; `divisor` is below 2^127 and not 0. Not fast: for the rare division whose scaled dividend
/// leaves 128 bits.
struct WideQuotient {
  Uint256 quotient;
  uint128 remainder;
};
[[nodiscard]] constexpr WideQuotient divide_wide(const Uint256& dividend, uint128 divisor) {
  WideQuotient out{};
  for (int bit = 255; bit >= 0; --bit) {
    const auto limb = static_cast<size_t>(bit / 64);
    out.remainder = (out.remainder << 1) | (dividend.limbs[limb] >> (bit % 64) & 1);
    if (out.remainder < divisor) continue;
    out.remainder -= divisor;
    out.quotient.limbs[limb] |= uint64_t{1} << (bit % 64);
  }
  return out;
}

}  // namespace penstock::data
