// Mathematical functions of Postgres' manual, 9.3. Over numeric, those that Postgres computes to many digits (sqrt, power, exp, ln, log)
// are computed as float8.
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "data/wide_int.h"
#include "expr/function_table.h"

namespace penstock::expr {

using data::Numeric;
using data::TypeKind;

namespace {

// --- numeric, exactly ---

Numeric abs_numeric(const Numeric& x) { return x < Numeric() ? x.negate() : x; }

Numeric sign_numeric(const Numeric& x) {
  if (x.special() == Numeric::Special::NaN) return x;
  return Numeric::of(x == Numeric() ? 0 : x < Numeric() ? -1 : 1);
}

Result<Numeric> round_numeric(const Numeric& x) { return x.round(0); }
Result<Numeric> round_numeric_to(const Numeric& x, int32_t scale) { return x.round(std::clamp(scale, -200, 200)); }

// Toward zero.
Result<Numeric> trunc_numeric_to(const Numeric& x, int32_t scale) {
  scale = std::clamp(scale, -200, 200);
  if (!x.is_finite() || scale >= x.scale()) return x.round(scale);
  const int drop = x.scale() - scale;
  if (drop > Numeric::kMaxDigits) return Numeric();
  const auto kept = x.coefficient() / static_cast<__int128>(data::kPowersOfTen[static_cast<size_t>(drop)]);
  if (scale >= 0) return Numeric::of(kept, static_cast<uint8_t>(scale));
  return Numeric::of(kept * static_cast<__int128>(data::kPowersOfTen[static_cast<size_t>(-scale)]), 0);
}
Result<Numeric> trunc_numeric(const Numeric& x) { return trunc_numeric_to(x, 0); }

Result<Numeric> floor_numeric(const Numeric& x) {
  PENSTOCK_TRY(const Numeric whole, trunc_numeric(x));
  return x < whole ? Numeric::subtract(whole, Numeric::of(1)) : whole;
}
Result<Numeric> ceil_numeric(const Numeric& x) {
  PENSTOCK_TRY(const Numeric whole, trunc_numeric(x));
  return whole < x ? Numeric::add(whole, Numeric::of(1)) : whole;
}

// --- integers ---

template <typename T>
T abs_integer(T& out, T x) {
  using U = std::make_unsigned_t<T>;
  const T sign = static_cast<T>(x >> (sizeof(T) * 8 - 1));
  out = static_cast<T>(static_cast<U>(x ^ sign) - static_cast<U>(sign));
  return out;
}
template <typename T>
Error abs_out_of_range(T) {
  return error(Code::NumericOutOfRange, "{} out of range", sizeof(T) == 2 ? "smallint" : sizeof(T) == 4 ? "integer" : "bigint");
}

template <typename T>
Result<T> gcd_integers(T a, T b) {
  using U = std::make_unsigned_t<T>;
  const auto size = [](T x) { return x < 0 ? static_cast<U>(U{0} - static_cast<U>(x)) : static_cast<U>(x); };
  const U gcd = std::gcd(size(a), size(b));
  if (gcd > static_cast<U>(std::numeric_limits<T>::max())) return abs_out_of_range(a);
  return static_cast<T>(gcd);
}
template <typename T>
Result<T> lcm_integers(T a, T b) {
  if (a == 0 || b == 0) return T{0};
  PENSTOCK_TRY(const T gcd, gcd_integers(a, b));
  T product;
  if (__builtin_mul_overflow(static_cast<T>(a / gcd), b, &product) || product == std::numeric_limits<T>::min()) return abs_out_of_range(a);
  return product < 0 ? static_cast<T>(-product) : product;
}

// --- floats ---

Error bad_math(std::string_view what) { return Error(Code::InvalidParameter, std::string(what)); }

// What comes out of finite numbers must be finite, and zero only where zero is meant.
Result<double> checked_float(double out, bool from_finite, bool zero_is_exact) {
  if (std::isinf(out) && from_finite) return Error(Code::NumericOutOfRange, "value out of range: overflow");
  if (out == 0 && !zero_is_exact) return Error(Code::NumericOutOfRange, "value out of range: underflow");
  return out;
}

template <typename T>
T abs_float(T x) {
  return std::abs(x);
}
double sign_double(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double round_double(double x) { return std::rint(x); }
double trunc_double(double x) { return std::trunc(x); }
double floor_double(double x) { return std::floor(x); }
double ceil_double(double x) { return std::ceil(x); }
double cbrt_double(double x) { return std::cbrt(x); }
Result<double> sqrt_double(double x) {
  if (x < 0) return bad_math("cannot take square root of a negative number");
  return std::sqrt(x);
}
Result<double> power_doubles(double x, double y) {
  if (x == 0 && y < 0) return bad_math("zero raised to a negative power is undefined");
  if (x < 0 && std::isfinite(x) && std::isfinite(y) && y != std::floor(y)) {
    return bad_math("a negative number raised to a non-integer power yields a complex result");
  }
  return checked_float(std::pow(x, y), std::isfinite(x) && std::isfinite(y), x == 0 || !std::isfinite(x) || !std::isfinite(y));
}
Result<double> exp_double(double x) { return checked_float(std::exp(x), std::isfinite(x), std::isinf(x)); }
template <double (*Logarithm)(double)>
Result<double> logarithm(double x) {
  if (x == 0) return bad_math("cannot take logarithm of zero");
  if (x < 0) return bad_math("cannot take logarithm of a negative number");
  return Logarithm(x);
}
double natural_log(double x) { return std::log(x); }
double decimal_log(double x) { return std::log10(x); }
Result<double> log_to_base(double base, double x) {
  PENSTOCK_TRY(const double of_base, logarithm<natural_log>(base));
  PENSTOCK_TRY(const double of_x, logarithm<natural_log>(x));
  if (of_base == 0) return Error(Code::DivisionByZero, "division by zero");
  return of_x / of_base;
}
double degrees_of(double x) { return x * (180 / std::numbers::pi); }
double radians_of(double x) { return x * (std::numbers::pi / 180); }
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double tangent(double x) { return std::tan(x); }
double arc_tangent(double x) { return std::atan(x); }
double arc_tangent_of(double y, double x) { return std::atan2(y, x); }
template <double (*Function)(double)>
Result<double> inverse_in_unit(double x) {
  if (x < -1 || x > 1) return Error(Code::NumericOutOfRange, "input is out of range");
  return Function(x);
}
double arc_sine(double x) { return std::asin(x); }
double arc_cosine(double x) { return std::acos(x); }

data::Column pi_column(const KernelCall& call) { return data::Column::constant(TypeKind::Float64, std::numbers::pi, call.rows); }

template <typename T>
void add_integer_math(FunctionTable& table, TypeKind kind) {
  table.add("abs", {kind}, kind, checked<&abs_integer<T>, &abs_out_of_range<T>>);
  if constexpr (sizeof(T) >= 4) {
    table.add("gcd", {kind, kind}, kind, each<&gcd_integers<T>>);
    table.add("lcm", {kind, kind}, kind, each<&lcm_integers<T>>);
  }
}

void add_numeric_math(FunctionTable& table) {
  constexpr auto kNumeric = TypeKind::Numeric;
  table.add("abs", {kNumeric}, kNumeric, each<&abs_numeric>);
  table.add("sign", {kNumeric}, kNumeric, each<&sign_numeric>);
  table.add("round", {kNumeric}, kNumeric, each<&round_numeric>);
  table.add("round", {kNumeric, TypeKind::Int32}, kNumeric, each<&round_numeric_to>);
  table.add("trunc", {kNumeric}, kNumeric, each<&trunc_numeric>);
  table.add("trunc", {kNumeric, TypeKind::Int32}, kNumeric, each<&trunc_numeric_to>);
  table.add("floor", {kNumeric}, kNumeric, each<&floor_numeric>);
  for (const auto* const name : {"ceil", "ceiling"}) table.add(name, {kNumeric}, kNumeric, each<&ceil_numeric>);
}

void add_float_math(FunctionTable& table) {
  constexpr auto kDouble = TypeKind::Float64;
  table.add("abs", {TypeKind::Float32}, TypeKind::Float32, each<&abs_float<float>>);
  table.add("abs", {kDouble}, kDouble, each<&abs_float<double>>);
  table.add("sign", {kDouble}, kDouble, each<&sign_double>);
  table.add("round", {kDouble}, kDouble, each<&round_double>);
  table.add("trunc", {kDouble}, kDouble, each<&trunc_double>);
  table.add("floor", {kDouble}, kDouble, each<&floor_double>);
  for (const auto* const name : {"ceil", "ceiling"}) table.add(name, {kDouble}, kDouble, each<&ceil_double>);
  table.add("sqrt", {kDouble}, kDouble, each<&sqrt_double>);
  table.add("cbrt", {kDouble}, kDouble, each<&cbrt_double>);
  for (const auto* const name : {"power", "pow"}) table.add(name, {kDouble, kDouble}, kDouble, each<&power_doubles>);
  table.add("exp", {kDouble}, kDouble, each<&exp_double>);
  table.add("ln", {kDouble}, kDouble, each<&logarithm<natural_log>>);
  for (const auto* const name : {"log", "log10"}) table.add(name, {kDouble}, kDouble, each<&logarithm<decimal_log>>);
  table.add("log", {kDouble, kDouble}, kDouble, each<&log_to_base>);
  table.add("degrees", {kDouble}, kDouble, each<&degrees_of>);
  table.add("radians", {kDouble}, kDouble, each<&radians_of>);
  table.add("sin", {kDouble}, kDouble, each<&sine>);
  table.add("cos", {kDouble}, kDouble, each<&cosine>);
  table.add("tan", {kDouble}, kDouble, each<&tangent>);
  table.add("asin", {kDouble}, kDouble, each<&inverse_in_unit<arc_sine>>);
  table.add("acos", {kDouble}, kDouble, each<&inverse_in_unit<arc_cosine>>);
  table.add("atan", {kDouble}, kDouble, each<&arc_tangent>);
  table.add("atan2", {kDouble, kDouble}, kDouble, each<&arc_tangent_of>);
  table.add_not_strict("pi", {}, kDouble, pi_column);
}

}  // namespace

void register_math(FunctionTable& table) {
  add_integer_math<int16_t>(table, TypeKind::Int16);
  add_integer_math<int32_t>(table, TypeKind::Int32);
  add_integer_math<int64_t>(table, TypeKind::Int64);
  add_numeric_math(table);
  add_float_math(table);
}

}  // namespace penstock::expr
