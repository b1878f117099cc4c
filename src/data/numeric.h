#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::data {

/// Exact decimal of up to 38 significant digits: coefficient * 10^-scale, 0 <= scale <= 38, or NaN, Infinity, -Infinity.
/// Semantics, result scales, rounding (half away from zero) and text follow Postgres' numeric; what needs more digits than 38 is
/// an error (`NumericOutOfRange`), never a rounded answer, except that division and avg round to Postgres' result scale. Where Postgres'
/// result scale would need more than 38 digits or a scale above 38 only for trailing zeros, those zeros are dropped.
/// NaN equals itself and is greater than all. Numbers equal in value are equal whatever their scale (1.0 = 1.00); `hash` agrees.
class Numeric {
 public:
  static constexpr int kMaxDigits = 38;
  enum class Special : uint8_t { Finite, NaN, PositiveInfinity, NegativeInfinity };

  constexpr Numeric() = default;
  static constexpr Numeric of(int64_t value) { return {value, 0}; }
  /// `coefficient` * 10^-`scale`, which must have at most 38 digits.
  static constexpr Numeric of(__int128 coefficient, uint8_t scale) { return {coefficient, scale}; }
  static constexpr Numeric special(Special s) {
    Numeric n;
    n.special_ = s;
    return n;
  }

  /// As numeric_in: spaces around, sign, digits, point, exponent; NaN, Infinity, inf. Errors: `InvalidText`, `NumericOutOfRange`.
  [[nodiscard]] static Result<Numeric> parse(std::string_view text);
  /// As Postgres' casts: 15 significant digits of a double, 6 of a float. Errors: `NumericOutOfRange`.
  [[nodiscard]] static Result<Numeric> from_double(double value);
  [[nodiscard]] static Result<Numeric> from_float(float value);
  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& out) const;
  /// The nearest double.
  [[nodiscard]] double to_double() const;
  /// Rounded half away from zero. Errors: `NumericOutOfRange`.
  [[nodiscard]] Result<int64_t> to_int64() const;
  /// As a cast to numeric(precision, scale).
  [[nodiscard]] Result<Numeric> rescale(int precision, int scale) const;
  /// Same value at `scale` digits after the point, rounded; a negative scale rounds before the point. Errors: `NumericOutOfRange`.
  [[nodiscard]] Result<Numeric> round(int scale) const;

  /// Equal, at the least scale: 1.50 as 1.5, 100.0 as 100.
  [[nodiscard]] Numeric normalized() const;

  [[nodiscard]] bool is_finite() const { return special_ == Special::Finite; }
  [[nodiscard]] Special special() const { return special_; }
  [[nodiscard]] constexpr __int128 coefficient() const {
    return static_cast<__int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high_)) << 64) | low_);
  }
  [[nodiscard]] constexpr uint8_t scale() const { return scale_; }

  [[nodiscard]] static Result<Numeric> add(const Numeric& a, const Numeric& b);
  [[nodiscard]] static Result<Numeric> subtract(const Numeric& a, const Numeric& b);
  [[nodiscard]] static Result<Numeric> multiply(const Numeric& a, const Numeric& b);
  /// Errors: `DivisionByZero`. Result scale as Postgres' select_div_scale (at least 16 significant digits).
  [[nodiscard]] static Result<Numeric> divide(const Numeric& a, const Numeric& b);
  /// The sign is the dividend's. Errors: `DivisionByZero`.
  [[nodiscard]] static Result<Numeric> modulo(const Numeric& a, const Numeric& b);
  [[nodiscard]] Numeric negate() const;

  friend bool operator==(const Numeric& a, const Numeric& b) { return compare(a, b) == 0; }
  friend std::strong_ordering operator<=>(const Numeric& a, const Numeric& b) { return compare(a, b) <=> 0; }
  /// Stable for ever. An integer that fits 64 bits hashes as a column of that integer does.
  [[nodiscard]] uint64_t hash() const;

 private:
  constexpr Numeric(__int128 coefficient, uint8_t scale)
      : high_(static_cast<int64_t>(coefficient >> 64)), low_(static_cast<uint64_t>(coefficient)), scale_(scale) {}
  [[nodiscard]] static int compare(const Numeric& a, const Numeric& b);
  [[nodiscard]] static Result<Numeric> sum(const Numeric& a, const Numeric& b, bool subtract);
  [[nodiscard]] static Result<Numeric> quotient(const Numeric& a, const Numeric& b);
  // -1, 0, 1; infinities have a sign, NaN must not ask.
  [[nodiscard]] int sign() const;

  int64_t high_ = 0;  // two words rather than __int128, so that a column of Numerics needs 8-byte alignment and 24 bytes
  uint64_t low_ = 0;
  uint8_t scale_ = 0;
  Special special_ = Special::Finite;
};
static_assert(sizeof(Numeric) == 24);

}  // namespace penstock::data
