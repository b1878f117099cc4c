// + - * / % of numbers, unary plus and minus, bits.
#include <cmath>
#include <limits>

#include "expr/function_table.h"

namespace penstock::expr {

using data::Numeric;
using data::TypeKind;

namespace {

template <typename T>
constexpr std::string_view kSqlName = "bigint";
template <>
constexpr std::string_view kSqlName<int16_t> = "smallint";
template <>
constexpr std::string_view kSqlName<int32_t> = "integer";

template <typename T, typename... A>
Error integer_out_of_range(A...) {
  return error(Code::NumericOutOfRange, "{} out of range", kSqlName<T>);
}
template <typename A>
Error division_by_zero(A, A) {
  return {Code::DivisionByZero, "division by zero"};
}

// --- integers: the sign bit of the flag says that the result does not fit ---

template <typename T>
T add_integers(T& out, T a, T b) {
  using U = std::make_unsigned_t<T>;
  out = static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  return static_cast<T>((a ^ out) & (b ^ out));
}
template <typename T>
T subtract_integers(T& out, T a, T b) {
  using U = std::make_unsigned_t<T>;
  out = static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
  return static_cast<T>((a ^ b) & (a ^ out));
}
template <typename T>
bool multiply_integers(T& out, T a, T b) {
  if constexpr (sizeof(T) < 8) {
    const int64_t wide = static_cast<int64_t>(a) * b;
    out = static_cast<T>(wide);
    return wide != out;
  } else {
    return __builtin_mul_overflow(a, b, &out);
  }
}
template <typename T>
T negate_integer(T& out, T a) {
  using U = std::make_unsigned_t<T>;
  out = static_cast<T>(U{0} - static_cast<U>(a));
  return static_cast<T>(a & out);  // only the least number is negative on both sides; 0 on none
}

template <typename T>
Result<T> divide_integers(T a, T b) {
  if (b == 0) return division_by_zero(a, b);
  if (b == -1) {
    if (a == std::numeric_limits<T>::min()) return integer_out_of_range<T>();
    return static_cast<T>(-a);
  }
  return static_cast<T>(a / b);
}
template <typename T>
Result<T> mod_integers(T a, T b) {
  if (b == 0) return division_by_zero(a, b);
  return b == -1 ? T{0} : static_cast<T>(a % b);
}

// --- floating point: an infinity or a zero that no operand explains is an error, as in Postgres ---

template <typename R, typename A, typename B>
bool add_floats(R& out, A a, B b) {
  out = static_cast<R>(a) + static_cast<R>(b);
  return std::isinf(out) && !std::isinf(a) && !std::isinf(b);
}
template <typename R, typename A, typename B>
bool subtract_floats(R& out, A a, B b) {
  out = static_cast<R>(a) - static_cast<R>(b);
  return std::isinf(out) && !std::isinf(a) && !std::isinf(b);
}
template <typename R, typename A, typename B>
bool multiply_floats(R& out, A a, B b) {
  out = static_cast<R>(a) * static_cast<R>(b);
  return (std::isinf(out) && !std::isinf(a) && !std::isinf(b)) || (out == 0 && a != 0 && b != 0);
}
template <typename R, typename A, typename B>
bool divide_floats(R& out, A a, B b) {
  out = static_cast<R>(a) / static_cast<R>(b);
  return (b == 0 && !std::isnan(a)) || (std::isinf(out) && !std::isinf(a)) || (out == 0 && a != 0 && !std::isinf(b));
}
template <typename R, typename A, typename B>
Error float_out_of_range(A a, B b) {
  const bool finite = !std::isinf(a) && !std::isinf(b) && a != 0 && b != 0;
  const bool small = finite && (std::abs(static_cast<double>(a)) < 1 || std::abs(static_cast<double>(b)) < 1);
  return error(Code::NumericOutOfRange, "value out of range: {}", small ? "underflow" : "overflow");
}
template <typename R, typename A, typename B>
Error failed_float_division(A a, B b) {
  if (b == 0) return {Code::DivisionByZero, "division by zero"};
  const bool overflow = std::isinf(static_cast<R>(a) / static_cast<R>(b));
  return error(Code::NumericOutOfRange, "value out of range: {}", overflow ? "overflow" : "underflow");
}
template <typename T>
T negate_float(T a) {
  return -a;
}

// --- numeric ---

Result<Numeric> add_numerics(const Numeric& a, const Numeric& b) { return Numeric::add(a, b); }
Result<Numeric> subtract_numerics(const Numeric& a, const Numeric& b) { return Numeric::subtract(a, b); }
Result<Numeric> multiply_numerics(const Numeric& a, const Numeric& b) { return Numeric::multiply(a, b); }
Result<Numeric> divide_numerics(const Numeric& a, const Numeric& b) { return Numeric::divide(a, b); }
Result<Numeric> mod_numerics(const Numeric& a, const Numeric& b) { return Numeric::modulo(a, b); }
Numeric negate_numeric(const Numeric& a) { return a.negate(); }

template <typename T>
T same_value(const T& a) {
  return a;
}

// --- bits ---

template <typename T>
T bits_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T bits_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T bits_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <typename T>
T bits_not(T a) {
  return static_cast<T>(~a);
}
// As C on the machines Postgres runs on: only the low bits of the count matter.
template <typename T>
unsigned shift_count(int32_t n) {
  return static_cast<unsigned>(n) & (sizeof(T) == 8 ? 63U : 31U);
}
template <typename T>
T bits_left(T a, int32_t n) {
  return static_cast<T>(static_cast<uint64_t>(a) << shift_count<T>(n));
}
template <typename T>
T bits_right(T a, int32_t n) {
  return static_cast<T>(static_cast<int64_t>(a) >> shift_count<T>(n));
}

template <typename T>
void add_integer_functions(FunctionTable& table, TypeKind kind) {
  constexpr auto kOverflow = &integer_out_of_range<T, T, T>;
  table.add("add", {kind, kind}, kind, checked<&add_integers<T>, kOverflow>);
  table.add("subtract", {kind, kind}, kind, checked<&subtract_integers<T>, kOverflow>);
  table.add("multiply", {kind, kind}, kind, checked<&multiply_integers<T>, kOverflow>);
  table.add("divide", {kind, kind}, kind, each<&divide_integers<T>>);
  table.add("mod", {kind, kind}, kind, each<&mod_integers<T>>);
  table.add("negate", {kind}, kind, checked<&negate_integer<T>, &integer_out_of_range<T, T>>);
  table.add("plus", {kind}, kind, each<&same_value<T>>);
  table.add("bitwise_and", {kind, kind}, kind, each<&bits_and<T>>);
  table.add("bitwise_or", {kind, kind}, kind, each<&bits_or<T>>);
  table.add("bitwise_xor", {kind, kind}, kind, each<&bits_xor<T>>);
  table.add("bitwise_not", {kind}, kind, each<&bits_not<T>>);
  table.add("shift_left", {kind, TypeKind::Int32}, kind, each<&bits_left<T>>);
  table.add("shift_right", {kind, TypeKind::Int32}, kind, each<&bits_right<T>>);
}

// float4 with float8 is a float8, computed from the float4 as it is.
template <typename R, typename A, typename B>
void add_float_pair(FunctionTable& table, TypeKind a, TypeKind b, TypeKind result) {
  constexpr auto kFail = &float_out_of_range<R, A, B>;
  table.add("add", {a, b}, result, checked<&add_floats<R, A, B>, kFail>);
  table.add("subtract", {a, b}, result, checked<&subtract_floats<R, A, B>, kFail>);
  table.add("multiply", {a, b}, result, checked<&multiply_floats<R, A, B>, kFail>);
  table.add("divide", {a, b}, result, checked<&divide_floats<R, A, B>, &failed_float_division<R, A, B>>);
}

}  // namespace

void register_arithmetic(FunctionTable& table) {
  constexpr auto kNumeric = TypeKind::Numeric;
  constexpr auto kFloat = TypeKind::Float32;
  constexpr auto kDouble = TypeKind::Float64;
  add_integer_functions<int16_t>(table, TypeKind::Int16);
  add_integer_functions<int32_t>(table, TypeKind::Int32);
  add_integer_functions<int64_t>(table, TypeKind::Int64);
  add_float_pair<float, float, float>(table, kFloat, kFloat, kFloat);
  add_float_pair<double, double, double>(table, kDouble, kDouble, kDouble);
  add_float_pair<double, float, double>(table, kFloat, kDouble, kDouble);
  add_float_pair<double, double, float>(table, kDouble, kFloat, kDouble);
  table.add("negate", {kFloat}, kFloat, each<&negate_float<float>>);
  table.add("negate", {kDouble}, kDouble, each<&negate_float<double>>);
  table.add("plus", {kFloat}, kFloat, each<&same_value<float>>);
  table.add("plus", {kDouble}, kDouble, each<&same_value<double>>);
  table.add("add", {kNumeric, kNumeric}, kNumeric, each<&add_numerics>);
  table.add("subtract", {kNumeric, kNumeric}, kNumeric, each<&subtract_numerics>);
  table.add("multiply", {kNumeric, kNumeric}, kNumeric, each<&multiply_numerics>);
  table.add("divide", {kNumeric, kNumeric}, kNumeric, each<&divide_numerics>);
  table.add("mod", {kNumeric, kNumeric}, kNumeric, each<&mod_numerics>);
  table.add("negate", {kNumeric}, kNumeric, each<&negate_numeric>);
  table.add("plus", {kNumeric}, kNumeric, each<&same_value<Numeric>>);
}

}  // namespace penstock::expr
