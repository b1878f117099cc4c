#include <charconv>
#include <cmath>
#include <iterator>

#include "data/numeric.h"
#include "data/scan.h"
#include "data/wide_int.h"

namespace penstock::data {
namespace {

Error bad_numeric(std::string_view text) { return error(Code::InvalidText, "invalid input syntax for type numeric: \"{}\"", text); }
Error large_numeric(std::string_view text) {
  return error(Code::NumericOutOfRange, "value overflows numeric format: \"{}\" needs more than {} digits", text, Numeric::kMaxDigits);
}

// The digits of a decimal number as they are read.
struct Mantissa {
  uint128 value = 0;
  int significant = 0;  // without leading zeros
  int fraction = 0;     // digits of `value`, leading zeros included, that stand after the point
  bool any = false;
  bool too_long = false;
};

Mantissa read_mantissa(Scanner& in) {
  Mantissa m;
  bool after_point = false;
  for (; !in.empty(); in.rest.remove_prefix(1)) {
    const char c = in.peek();
    if (c == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (!is_digit(c)) break;
    m.any = true;
    if (m.significant == Numeric::kMaxDigits) {
      // A zero behind the point changes nothing but the scale: it is dropped.
      m.too_long = m.too_long || c != '0' || !after_point;
      continue;
    }
    m.value = m.value * 10 + static_cast<unsigned>(c - '0');
    m.significant += static_cast<int>(m.value != 0);
    m.fraction += static_cast<int>(after_point);
  }
  return m;
}

// The exponent after 'e'; beyond ±100,000 it makes no difference. False if there are no digits.
bool read_exponent(Scanner& in, int& exponent) {
  const bool negative = in.take('-');
  if (!negative) in.take('+');
  if (!is_digit(in.peek())) return false;
  int value = 0;
  for (; is_digit(in.peek()); in.rest.remove_prefix(1)) value = std::min(value * 10 + (in.peek() - '0'), 100'000);
  exponent = negative ? -value : value;
  return true;
}

bool read_special(std::string_view text, bool negative, Numeric& out) {
  if (equals_ignoring_case(text, "infinity") || equals_ignoring_case(text, "inf")) {
    out = Numeric::special(negative ? Numeric::Special::NegativeInfinity : Numeric::Special::PositiveInfinity);
    return true;
  }
  return false;
}

// Brings value * 10^-scale to a scale of 0 to 38, dropping zeros only.
bool settle_scale(uint128& value, int& scale) {
  if (value == 0) {
    scale = std::clamp(scale, 0, Numeric::kMaxDigits);
    return true;
  }
  if (scale < 0) {
    if (decimal_digits(value) - scale > Numeric::kMaxDigits) return false;
    value *= kPowersOfTen[static_cast<size_t>(-scale)];
    scale = 0;
  }
  for (; scale > Numeric::kMaxDigits; --scale) {
    if (value % 10 != 0) return false;
    value /= 10;
  }
  return true;
}

char* write_digits(uint128 value, char* end) {
  uint64_t head = low64(value);
  if (high64(value) != 0) {
    // 19 digits at a time, so that the rest is arithmetic of 64 bits.
    constexpr uint64_t kGroup = 10'000'000'000'000'000'000ULL;
    uint64_t tail = low64(value % kGroup);
    for (int i = 0; i < 19; ++i, tail /= 10) *--end = static_cast<char>('0' + tail % 10);
    value /= kGroup;
    head = low64(value);  // at most 19 digits are left of 38
  }
  for (; head != 0; head /= 10) *--end = static_cast<char>('0' + head % 10);
  return end;
}

}  // namespace

Result<Numeric> Numeric::parse(std::string_view text) {
  Scanner in{trim(text)};
  if (equals_ignoring_case(in.rest, "nan")) return special(Special::NaN);
  const bool negative = in.take('-');
  if (!negative) in.take('+');
  if (Numeric infinite; read_special(in.rest, negative, infinite)) return infinite;
  Mantissa mantissa = read_mantissa(in);
  if (!mantissa.any) return bad_numeric(text);
  int exponent = 0;
  if (in.take('e') || in.take('E')) {
    if (!read_exponent(in, exponent)) return bad_numeric(text);
  }
  if (!in.empty()) return bad_numeric(text);
  int scale = mantissa.fraction - exponent;
  if (mantissa.too_long || !settle_scale(mantissa.value, scale)) return large_numeric(text);
  const auto value = static_cast<int128>(mantissa.value);
  return Numeric(negative ? -value : value, static_cast<uint8_t>(scale));
}

void Numeric::append_to(std::string& out) const {
  switch (special_) {
    case Special::NaN:
      out += "NaN";
      return;
    case Special::PositiveInfinity:
      out += "Infinity";
      return;
    case Special::NegativeInfinity:
      out += "-Infinity";
      return;
    case Special::Finite:
      break;
  }
  char buffer[48];
  char* const end = std::end(buffer);
  char* first = write_digits(magnitude(coefficient()), end);
  while (end - first <= scale_) *--first = '0';  // at least one digit before the point
  if (high_ < 0) out += '-';
  out.append(first, end - scale_);
  if (scale_ == 0) return;
  out += '.';
  out.append(end - scale_, end);
}

std::string Numeric::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

namespace {

template <typename Float>
Result<Numeric> numeric_of_float(Float value, int digits) {
  if (std::isnan(value)) return Numeric::special(Numeric::Special::NaN);
  if (std::isinf(value)) return Numeric::special(value > 0 ? Numeric::Special::PositiveInfinity : Numeric::Special::NegativeInfinity);
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "{:.{}g}", value, digits);
  return Numeric::parse({text.data(), text.size()});
}

}  // namespace

Result<Numeric> Numeric::from_double(double value) { return numeric_of_float(value, 15); }
Result<Numeric> Numeric::from_float(float value) { return numeric_of_float(value, 6); }

double Numeric::to_double() const {
  switch (special_) {
    case Special::NaN:
      return std::numeric_limits<double>::quiet_NaN();
    case Special::PositiveInfinity:
      return std::numeric_limits<double>::infinity();
    case Special::NegativeInfinity:
      return -std::numeric_limits<double>::infinity();
    case Special::Finite:
      break;
  }
  constexpr int64_t kExact = int64_t{1} << 53;
  constexpr int kExactPower = 22;  // 10^22 is the largest power of ten that a double holds exactly
  const int128 value = coefficient();
  if (value > -kExact && value < kExact && scale_ <= kExactPower) {
    return static_cast<double>(static_cast<int64_t>(value)) / static_cast<double>(kPowersOfTen[scale_]);
  }
  const std::string text = to_string();
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace penstock::data
