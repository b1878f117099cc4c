#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace penstock::expr {

/// Unsigned integers of 768 bits, wrapping, for the exact intermediate results of variances. Not fast: used once a group and barrier.
class WideUint {
 public:
  static constexpr size_t kLimbs = 12;

  constexpr WideUint() = default;
  constexpr explicit WideUint(unsigned __int128 x) : limbs_{static_cast<uint64_t>(x), static_cast<uint64_t>(x >> 64)} {}

  [[nodiscard]] constexpr uint64_t limb(size_t i) const { return limbs_[i]; }
  constexpr void set_limb(size_t i, uint64_t x) { limbs_[i] = x; }
  [[nodiscard]] bool fits128() const {
    for (size_t i = 2; i < kLimbs; ++i) {
      if (limbs_[i] != 0) return false;
    }
    return true;
  }
  [[nodiscard]] unsigned __int128 low() const { return (static_cast<unsigned __int128>(limbs_[1]) << 64) | limbs_[0]; }
  /// As two's complement.
  [[nodiscard]] bool negative() const { return static_cast<int64_t>(limbs_.back()) < 0; }

  friend bool operator==(const WideUint&, const WideUint&) = default;
  friend bool operator<(const WideUint& a, const WideUint& b) {
    for (size_t i = kLimbs; i-- > 0;) {
      if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i];
    }
    return false;
  }
  WideUint& operator+=(const WideUint& other) {
    unsigned __int128 carry = 0;
    for (size_t i = 0; i < kLimbs; ++i) {
      carry += static_cast<unsigned __int128>(limbs_[i]) + other.limbs_[i];
      limbs_[i] = static_cast<uint64_t>(carry);
      carry >>= 64;
    }
    return *this;
  }
  WideUint& operator-=(const WideUint& other) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < kLimbs; ++i) {
      const unsigned __int128 difference = static_cast<unsigned __int128>(limbs_[i]) - other.limbs_[i] - borrow;
      limbs_[i] = static_cast<uint64_t>(difference);
      borrow = static_cast<uint64_t>(difference >> 64) != 0 ? 1 : 0;
    }
    return *this;
  }
  friend WideUint operator*(const WideUint& a, const WideUint& b) {
    WideUint out;
    for (size_t i = 0; i < kLimbs; ++i) {
      unsigned __int128 carry = 0;
      for (size_t j = 0; a.limbs_[i] != 0 && i + j < kLimbs; ++j) {
        carry += static_cast<unsigned __int128>(a.limbs_[i]) * b.limbs_[j] + out.limbs_[i + j];
        out.limbs_[i + j] = static_cast<uint64_t>(carry);
        carry >>= 64;
      }
    }
    return out;
  }
  /// Divides by a small number; returns the remainder.
  uint64_t divide_by(uint64_t divisor) {
    unsigned __int128 rest = 0;
    for (size_t i = kLimbs; i-- > 0;) {
      rest = (rest << 64) | limbs_[i];
      limbs_[i] = static_cast<uint64_t>(rest / divisor);
      rest %= divisor;
    }
    return static_cast<uint64_t>(rest);
  }
  [[nodiscard]] size_t bits() const {
    for (size_t i = kLimbs; i-- > 0;) {
      if (limbs_[i] != 0) return i * 64 + 64 - static_cast<size_t>(std::countl_zero(limbs_[i]));
    }
    return 0;
  }
  [[nodiscard]] bool bit(size_t i) const { return (limbs_[i / 64] >> (i % 64) & 1) != 0; }
  void set_bit(size_t i) { limbs_[i / 64] |= uint64_t{1} << (i % 64); }
  void shift_left_one(bool low_bit) {
    for (uint64_t& limb : limbs_) {
      const bool top = (limb >> 63) != 0;
      limb = limb << 1 | (low_bit ? 1 : 0);
      low_bit = top;
    }
  }

  [[nodiscard]] static WideUint power_of_ten(int exponent);
  /// Rounded half up; `b` is not zero.
  [[nodiscard]] static WideUint divide_rounded(const WideUint& a, const WideUint& b);
  /// Rounded to the nearest.
  [[nodiscard]] static WideUint square_root_rounded(const WideUint& a);
  /// Decimal digits; none for 0.
  [[nodiscard]] std::string digits() const;

 private:
  std::array<uint64_t, kLimbs> limbs_{};
};

}  // namespace penstock::expr
