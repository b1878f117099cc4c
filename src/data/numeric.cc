#include "data/numeric.h"

#include <algorithm>

#include "data/mix.h"
#include "data/wide_int.h"

namespace penstock::data {
namespace {

constexpr int kMaxScale = Numeric::kMaxDigits;
constexpr uint128 kTooLarge = kPowersOfTen[38];

Error out_of_numeric_range() {
  return {Code::NumericOutOfRange, fmt::format("value overflows numeric format: more than {} digits are needed", Numeric::kMaxDigits)};
}

Numeric signed_numeric(bool negative, uint128 value, int scale) {
  return Numeric::of(negative ? -static_cast<int128>(value) : static_cast<int128>(value), static_cast<uint8_t>(scale));
}

// x * 10^by, if that has at most 38 digits.
bool scale_up(int128& x, int by) {
  if (by == 0) return true;
  const bool fits = (by <= 18 && fits64(x)) || decimal_digits(magnitude(x)) + by <= Numeric::kMaxDigits;
  if (fits) x *= static_cast<int128>(kPowersOfTen[static_cast<size_t>(by)]);
  return fits;
}

// Drops trailing zeros of the fraction until the value has 38 digits and a scale of 38.
Result<Numeric> fit(bool negative, Uint256 value, int scale) {
  while (scale > kMaxScale || !value.fits128() || value.low() >= kTooLarge) {
    if (scale == 0 || value.divide_by(10) != 0) return out_of_numeric_range();
    --scale;
  }
  return signed_numeric(negative, value.low(), scale);
}

// value / 10^by, rounded half away from zero.
uint128 divide_by_power(uint128 value, int by) {
  if (by > kMaxScale) return 0;
  const uint128 power = kPowersOfTen[static_cast<size_t>(by)];
  if (high64(value) == 0 && high64(power) == 0) {
    return low64(value) / low64(power) + static_cast<uint64_t>(low64(value) % low64(power) >= low64(power) - low64(power) / 2);
  }
  return value / power + static_cast<uint128>(value % power >= power - power / 2);
}

int floor_divide(int a, int b) { return a / b - static_cast<int>(a % b < 0); }

// Where the first of Postgres' base-10000 digits stands, and that digit.
struct Leading {
  int weight = 0;
  int digit = 0;
};
Leading leading_of(uint128 value, int scale) {
  if (value == 0) return {};
  const int digits = decimal_digits(value);
  const int weight = floor_divide(digits - scale - 1, 4);
  const int count = digits - scale - 4 * weight;  // decimal digits in the leading one: 1 to 4
  const uint128 digit = digits >= count ? value / kPowersOfTen[static_cast<size_t>(digits - count)]
                                        : value * kPowersOfTen[static_cast<size_t>(count - digits)];
  return {weight, static_cast<int>(digit)};
}

// Postgres' select_div_scale: at least 16 significant digits, and the scale of both inputs.
int division_scale(uint128 a, int a_scale, uint128 b, int b_scale) {
  constexpr int kMinSignificantDigits = 16;
  const Leading x = leading_of(a, a_scale);
  const Leading y = leading_of(b, b_scale);
  const int weight = x.weight - y.weight - static_cast<int>(x.digit <= y.digit);
  return std::min(std::max({kMinSignificantDigits - 4 * weight, a_scale, b_scale, 0}), kMaxScale);
}

// a * 10^shift / b with its remainder; a * 10^shift must be below 10^77.
WideQuotient divide_shifted(uint128 a, int shift, uint128 b) {
  if (decimal_digits(a) + shift > Numeric::kMaxDigits) {
    if (shift <= kMaxScale) return divide_wide(multiply_wide(a, kPowersOfTen[static_cast<size_t>(shift)]), b);
    a *= kPowersOfTen[static_cast<size_t>(shift - kMaxScale)];
    return divide_wide(multiply_wide(a, kPowersOfTen[kMaxScale]), b);
  }
  a *= kPowersOfTen[static_cast<size_t>(shift)];
  if (high64(a) == 0 && high64(b) == 0) return {Uint256::of(low64(a) / low64(b)), low64(a) % low64(b)};
  return {Uint256::of(a / b), a % b};
}

}  // namespace

int Numeric::compare(const Numeric& a, const Numeric& b) {
  if (a.special_ != Special::Finite || b.special_ != Special::Finite) {
    constexpr auto rank = [](Special s) {
      return s == Special::NegativeInfinity ? 0 : s == Special::Finite ? 1 : s == Special::PositiveInfinity ? 2 : 3;
    };
    return rank(a.special_) - rank(b.special_);
  }
  int128 x = a.coefficient();
  int128 y = b.coefficient();
  // One that does not fit 38 digits at the other's scale is larger in magnitude than any that does.
  if (a.scale_ < b.scale_ && !scale_up(x, b.scale_ - a.scale_)) return x < 0 ? -1 : 1;
  if (b.scale_ < a.scale_ && !scale_up(y, a.scale_ - b.scale_)) return y < 0 ? 1 : -1;
  return x < y ? -1 : static_cast<int>(x > y);
}

int Numeric::sign() const {
  if (special_ == Special::PositiveInfinity) return 1;
  if (special_ == Special::NegativeInfinity) return -1;
  return high_ < 0 ? -1 : static_cast<int>((static_cast<uint64_t>(high_) | low_) != 0);
}

Numeric Numeric::negate() const {
  switch (special_) {
    case Special::NaN:
      return *this;
    case Special::PositiveInfinity:
      return special(Special::NegativeInfinity);
    case Special::NegativeInfinity:
      return special(Special::PositiveInfinity);
    case Special::Finite:
      break;
  }
  return {-coefficient(), scale_};
}

Numeric Numeric::normalized() const {
  if (scale_ == 0 || special_ != Special::Finite) return *this;
  int128 value = coefficient();
  if (value == 0) return {};
  uint8_t scale = scale_;
  for (; scale > 0 && !fits64(value) && value % 10 == 0; --scale) value /= 10;
  if (!fits64(value)) return {value, scale};
  auto small = static_cast<int64_t>(value);
  for (; scale > 0 && (small & 1) == 0 && small % 10 == 0; --scale) small /= 10;
  return {small, scale};
}

uint64_t Numeric::hash() const {
  if (special_ != Special::Finite) return mix_pair(static_cast<uint64_t>(special_), 0x5bd1e9955bd1e995);
  const Numeric value = normalized();
  if (value.scale_ == 0 && fits64(value.coefficient())) return mix64(value.low_);
  return mix_pair(mix64(value.low_), mix64(static_cast<uint64_t>(value.high_)) + value.scale_);
}

Result<Numeric> Numeric::add(const Numeric& a, const Numeric& b) { return sum(a, b, false); }
Result<Numeric> Numeric::subtract(const Numeric& a, const Numeric& b) { return sum(a, b, true); }

Result<Numeric> Numeric::sum(const Numeric& a, const Numeric& b, bool subtract) {
  if (a.special_ != Special::Finite || b.special_ != Special::Finite) [[unlikely]] {
    const Numeric addend = subtract ? b.negate() : b;
    if (a.special_ == Special::Finite) return addend;
    if (addend.special_ == Special::Finite || addend.special_ == a.special_) return a;
    return special(Special::NaN);
  }
  const int scale = std::max(a.scale_, b.scale_);
  int128 x = a.coefficient();
  int128 y = subtract ? -b.coefficient() : b.coefficient();
  if (scale_up(x, scale - a.scale_) && scale_up(y, scale - b.scale_)) {
    // Each is below 10^38, so their sum may leave 127 bits, but not 128.
    const bool negative = (x < 0) == (y < 0) ? x < 0 : magnitude(x) >= magnitude(y) ? x < 0 : y < 0;
    const uint128 total = static_cast<uint128>(x) + static_cast<uint128>(y);
    const uint128 size = negative ? -total : total;
    if (size < kTooLarge) return signed_numeric(negative, size, scale);
    return fit(negative, Uint256::of(size), scale);
  }
  x = a.coefficient();
  y = subtract ? -b.coefficient() : b.coefficient();
  Uint256 left = multiply_wide(magnitude(x), kPowersOfTen[static_cast<size_t>(scale - a.scale_)]);
  Uint256 right = multiply_wide(magnitude(y), kPowersOfTen[static_cast<size_t>(scale - b.scale_)]);
  if ((x < 0) == (y < 0)) {
    left.add(right);
    return fit(x < 0, left, scale);
  }
  const bool swap = left < right;
  if (swap) std::swap(left, right);
  left.subtract(right);
  return fit(swap ? y < 0 : x < 0, left, scale);
}

Result<Numeric> Numeric::multiply(const Numeric& a, const Numeric& b) {
  if (a.special_ != Special::Finite || b.special_ != Special::Finite) [[unlikely]] {
    if (a.special_ == Special::NaN || b.special_ == Special::NaN) return special(Special::NaN);
    const int sign = a.sign() * b.sign();
    return special(sign == 0 ? Special::NaN : sign > 0 ? Special::PositiveInfinity : Special::NegativeInfinity);
  }
  const int128 x = a.coefficient();
  const int128 y = b.coefficient();
  const int scale = a.scale_ + b.scale_;
  // 2^63 * 2^63 is below 10^38.
  if (fits64(x) && fits64(y) && scale <= kMaxScale) return Numeric(x * y, static_cast<uint8_t>(scale));
  return fit((x < 0) != (y < 0), multiply_wide(magnitude(x), magnitude(y)), scale);
}

Result<Numeric> Numeric::divide(const Numeric& a, const Numeric& b) {
  if (a.special_ == Special::NaN || b.special_ == Special::NaN) return special(Special::NaN);
  if (b.special_ != Special::Finite) return a.special_ == Special::Finite ? Numeric() : special(Special::NaN);
  if (b.sign() == 0) return error(Code::DivisionByZero, "division by zero");
  if (a.special_ != Special::Finite) return b.sign() > 0 ? a : a.negate();
  return quotient(a, b);
}

Result<Numeric> Numeric::quotient(const Numeric& a, const Numeric& b) {
  const uint128 x = magnitude(a.coefficient());
  const uint128 y = magnitude(b.coefficient());
  const bool negative = x != 0 && (a.high_ < 0) != (b.high_ < 0);
  int scale = division_scale(x, a.scale_, y, b.scale_);
  if (x == 0) return Numeric(0, static_cast<uint8_t>(scale));
  int shift = scale + b.scale_ - a.scale_;
  // The quotient has this many digits, or one more.
  const int digits = decimal_digits(x) + shift - decimal_digits(y);
  if (digits <= kMaxDigits) {
    auto [q, rest] = divide_shifted(x, shift, y);
    if (rest >= y - rest) q.add(Uint256::of(1));
    if (q.fits128() && q.low() < kTooLarge) return signed_numeric(negative, q.low(), scale);
  }
  // Too many digits at that scale: exact at a lesser one, or out of range.
  const int drop = std::max(1, digits + 1 - kMaxDigits);
  scale -= drop;
  shift -= drop;
  if (scale < 0) return out_of_numeric_range();
  if (shift < 0 && x % kPowersOfTen[static_cast<size_t>(-shift)] != 0) return out_of_numeric_range();
  const auto [q, rest] = shift >= 0 ? divide_shifted(x, shift, y) : divide_shifted(x / kPowersOfTen[static_cast<size_t>(-shift)], 0, y);
  if (rest != 0) return out_of_numeric_range();
  return signed_numeric(negative, q.low(), scale);
}

Result<Numeric> Numeric::modulo(const Numeric& a, const Numeric& b) {
  if (a.special_ == Special::NaN || b.special_ == Special::NaN) return special(Special::NaN);
  if (b.sign() == 0) return error(Code::DivisionByZero, "division by zero");
  if (a.special_ != Special::Finite) return special(Special::NaN);
  if (b.special_ != Special::Finite) return a;
  const int scale = std::max(a.scale_, b.scale_);
  int128 divisor = b.coefficient();
  if (!scale_up(divisor, scale - b.scale_)) return a;  // then it is larger than the dividend, which has that scale
  const uint128 rest = divide_shifted(magnitude(a.coefficient()), scale - a.scale_, magnitude(divisor)).remainder;
  return signed_numeric(a.high_ < 0, rest, scale);
}

Result<Numeric> Numeric::round(int scale) const {
  if (special_ != Special::Finite) return *this;
  const int128 value = coefficient();
  scale = std::min(scale, kMaxScale);
  if (scale >= scale_) {
    const int room = value == 0 ? kMaxScale : kMaxDigits - decimal_digits(magnitude(value)) + scale_;
    const int wanted = std::min(scale, std::max<int>(room, scale_));
    return Numeric(value * static_cast<int128>(kPowersOfTen[static_cast<size_t>(wanted - scale_)]), static_cast<uint8_t>(wanted));
  }
  uint128 rounded = divide_by_power(magnitude(value), scale_ - scale);
  if (scale < 0 && rounded != 0) {
    if (decimal_digits(rounded) - scale > kMaxDigits) return out_of_numeric_range();
    rounded *= kPowersOfTen[static_cast<size_t>(-scale)];
  }
  return fit(value < 0, Uint256::of(rounded), std::max(scale, 0));
}

Result<Numeric> Numeric::rescale(int precision, int scale) const {
  if (special_ == Special::NaN) return *this;
  const auto overflow = [&](std::string detail) {
    return error(Code::NumericOutOfRange, "numeric field overflow").with_detail(std::move(detail));
  };
  if (special_ != Special::Finite)
    return overflow(fmt::format("A field with precision {}, scale {} cannot hold an infinite value.", precision, scale));
  PENSTOCK_TRY(auto rounded, round(scale));
  const int integer_digits = decimal_digits(magnitude(rounded.coefficient())) - rounded.scale_;
  if (rounded.sign() == 0 || integer_digits <= precision - scale) return rounded;
  return overflow(fmt::format("A field with precision {}, scale {} must round to an absolute value less than {}{}.", precision, scale,
                              precision == scale ? "" : "10^", precision == scale ? 1 : precision - scale));
}

Result<int64_t> Numeric::to_int64() const {
  if (special_ != Special::Finite) {
    return error(Code::NumericOutOfRange, "cannot convert {} to bigint", special_ == Special::NaN ? "NaN" : "infinity");
  }
  const uint128 rounded = divide_by_power(magnitude(coefficient()), scale_);
  if (rounded > (uint128{1} << 63) - static_cast<uint128>(high_ >= 0)) return error(Code::NumericOutOfRange, "bigint out of range");
  return static_cast<int64_t>(high_ < 0 ? -low64(rounded) : low64(rounded));
}

}  // namespace penstock::data
