// var_pop, var_samp (variance), stddev_pop, stddev_samp (stddev). Kept as sums of x and x^2, which can be taken back; so that the
// difference of large sums keeps its digits, they are exact for integers and numeric, and of double the precision for floats.
#include <cmath>
#include <limits>

#include "data/wide_int.h"
#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"
#include "expr/aggregates/wide_uint.h"

namespace penstock::expr {

using data::Numeric;
using data::TypeKind;

namespace {

enum class Spread { VarPop, VarSamp, StddevPop, StddevSamp };
constexpr bool of_sample(Spread spread) { return spread == Spread::VarSamp || spread == Spread::StddevSamp; }
constexpr bool is_root(Spread spread) { return spread == Spread::StddevPop || spread == Spread::StddevSamp; }

// --- floats ---

// An unevaluated sum of two doubles: about 106 bits. (T. J. Dekker, "A floating-point technique for extending the available precision".)
struct TwoDoubles {
  double high;
  double low;
  void add(double x) {
    const double total = high + x;
    const double part = total - high;
    low += (high - (total - part)) + (x - part);
    high = total + low;
    low -= high - total;
  }
  [[nodiscard]] __float128 get() const { return static_cast<__float128>(high) + low; }
};

struct FloatSpreadState {
  TwoDoubles sum;
  TwoDoubles squares;
  int64_t count;
  int64_t special;  // NaN and infinities: the result is NaN
  int64_t large;    // so large that squares overflow
};

template <typename T, Spread kSpread>
struct FloatSpread {
  using Input = T;
  using State = FloatSpreadState;
  using Output = double;
  using Fields = std::tuple<double, double, double, double, int64_t, int64_t, int64_t>;
  static constexpr bool kRetractable = true;

  static void update(State& state, T value, int64_t sign) {
    const double x = value;
    state.count += sign;
    if (!std::isfinite(x)) [[unlikely]] {
      state.special += sign;
    } else if (std::abs(x) > 0x1p500) [[unlikely]] {
      state.large += sign;
    } else {
      const double square = x * x;
      state.sum.add(static_cast<double>(sign) * x);
      state.squares.add(static_cast<double>(sign) * square);
      state.squares.add(static_cast<double>(sign) * std::fma(x, x, -square));
    }
    if (sign < 0 && state.count == 0) state = {};
  }
  static Result<std::optional<double>> finish(const State& state) {
    if (state.count <= (of_sample(kSpread) ? 1 : 0)) return std::optional<double>();
    if (state.special > 0) return std::optional(std::numeric_limits<double>::quiet_NaN());
    if (state.large > 0) return Error(Code::NumericOutOfRange, "value out of range: overflow");
    const auto n = static_cast<__float128>(state.count);
    const __float128 numerator = n * state.squares.get() - state.sum.get() * state.sum.get();
    const auto variance = static_cast<double>(numerator / (n * (of_sample(kSpread) ? n - 1 : n)));
    return std::optional(std::max(0.0, is_root(kSpread) ? std::sqrt(std::max(0.0, variance)) : variance));
  }
  static Fields save(const State& s) { return {s.sum.high, s.sum.low, s.squares.high, s.squares.low, s.count, s.special, s.large}; }
  static Status load(State& s, const Fields& fields) {
    std::tie(s.sum.high, s.sum.low, s.squares.high, s.squares.low, s.count, s.special, s.large) = fields;
    return ok();
  }
};

// --- integers and numeric ---

// Rows of each scale.
using ScaleCounts = std::array<int64_t, Numeric::kMaxDigits + 1>;

// Sums of coefficients at one scale, which only grows. A coefficient has 38 digits and is moved up by 38 at most: 253 bits, its square 506;
// 2^66 of them fit.
struct ExactSpreadState {
  std::array<int64_t, 5> sum;      // two's complement
  std::array<int64_t, 9> squares;  // at twice the scale
  int64_t count;
  int64_t scale;
  int64_t special;      // NaN and infinities: the result is NaN
  ScaleCounts* scales;  // null while all rows have the scale `scale`
};

template <size_t N>
WideUint wide_of(const std::array<int64_t, N>& words) {
  WideUint out;
  for (size_t i = 0; i < WideUint::kLimbs; ++i) {
    const int64_t extension = words.back() < 0 ? -1 : 0;
    out.set_limb(i, static_cast<uint64_t>(i < N ? words[i] : extension));
  }
  return out;
}
template <size_t N>
void store_wide(const WideUint& wide, std::array<int64_t, N>& words) {
  for (size_t i = 0; i < N; ++i) words[i] = static_cast<int64_t>(wide.limb(i));
}
// words += or -= the magnitude
template <size_t N>
void add_wide(std::array<int64_t, N>& words, const data::Uint256& magnitude, bool negative) {
  unsigned __int128 carry = negative ? 1 : 0;
  for (size_t i = 0; i < N; ++i) {
    const uint64_t limb = i < 4 ? magnitude.limbs[i] : 0;
    carry += static_cast<uint64_t>(words[i]);
    carry += negative ? ~limb : limb;
    words[i] = static_cast<int64_t>(static_cast<uint64_t>(carry));
    carry >>= 64;
  }
}

// Postgres' select_div_scale: at least 16 significant digits of the quotient, in steps of its base 10000.
struct LeadingDigit {
  int64_t weight = 0;
  int64_t digit = 0;
};
LeadingDigit leading_digit(const std::string& digits, int64_t scale) {
  if (digits.empty()) return {};
  const int64_t before_point = static_cast<int64_t>(digits.size()) - scale;
  const int64_t weight = (before_point - 1 >= 0 ? before_point - 1 : before_point - 4) / 4;
  LeadingDigit out{weight, 0};
  for (int64_t i = 0; i < before_point - 4 * weight; ++i) {
    out.digit = out.digit * 10 + (i < static_cast<int64_t>(digits.size()) ? digits[static_cast<size_t>(i)] - '0' : 0);
  }
  return out;
}
// `shown`: digits after the point that the dividend would be printed with.
int quotient_scale(const WideUint& a, int64_t a_scale, const WideUint& b, int64_t shown) {
  const LeadingDigit x = leading_digit(a.digits(), a_scale);
  const LeadingDigit y = leading_digit(b.digits(), 0);
  const int64_t weight = x.weight - y.weight - (x.digit <= y.digit ? 1 : 0);
  return static_cast<int>(std::clamp<int64_t>(std::max(16 - 4 * weight, shown), 0, Numeric::kMaxDigits));
}

// The largest scale of the rows that are there, which is what the digits of the result go by.
int64_t largest_scale(const ExactSpreadState& state) {
  if (state.scales == nullptr) return state.scale;
  int64_t scale = Numeric::kMaxDigits;
  while (scale > 0 && (*state.scales)[static_cast<size_t>(scale)] <= 0) --scale;
  return scale;
}

Result<Numeric> spread_of(const ExactSpreadState& state, Spread spread) {
  if (state.special > 0) return Numeric::special(Numeric::Special::NaN);
  const WideUint n(static_cast<unsigned __int128>(state.count));
  WideUint sum = wide_of(state.sum);
  if (sum.negative()) {
    WideUint positive;
    positive -= sum;
    sum = positive;
  }
  WideUint numerator = n * wide_of(state.squares);
  numerator -= sum * sum;
  if (numerator.bits() == 0 || numerator.negative()) return Numeric::of(0);
  const WideUint divisor = n * WideUint(static_cast<unsigned __int128>(of_sample(spread) ? state.count - 1 : state.count));
  const auto unscaled = static_cast<int>(2 * state.scale);
  const int scale = quotient_scale(numerator, unscaled, divisor, 2 * largest_scale(state));
  WideUint value = WideUint::divide_rounded(numerator * WideUint::power_of_ten(scale), divisor * WideUint::power_of_ten(unscaled));
  if (is_root(spread)) value = WideUint::square_root_rounded(value * WideUint::power_of_ten(scale));
  if (!value.fits128() || value.low() >= data::kPowersOfTen[Numeric::kMaxDigits]) {
    return error(Code::NumericOutOfRange, "value overflows numeric format: the result needs more than {} digits", Numeric::kMaxDigits);
  }
  return Numeric::of(static_cast<__int128>(value.low()), static_cast<uint8_t>(scale));
}

template <typename T, Spread kSpread>
struct ExactSpread {
  using Input = T;
  using State = ExactSpreadState;
  using Output = Numeric;
  // Both sums as the bytes of their words, then count, scale, specials and the scales' counts.
  using Fields = std::tuple<std::string, int64_t, int64_t, int64_t, std::optional<std::string>>;
  static constexpr bool kRetractable = true;

  static void update(State& state, const T& value, int64_t sign) {
    state.count += sign;
    if constexpr (std::is_same_v<T, Numeric>) {
      if (!value.is_finite()) [[unlikely]] {
        state.special += sign;
        return;
      }
      meet_scale(state, value.scale(), sign);
      add(state, value.coefficient(), value.scale(), sign);
    } else {
      add(state, value, 0, sign);
    }
  }
  static void destroy(State& state) {
    delete state.scales;
    state.scales = nullptr;
  }
  static size_t owned_bytes(const State& state) { return state.scales != nullptr ? sizeof(ScaleCounts) : 0; }
  static Result<std::optional<Numeric>> finish(const State& state) {
    if (state.count <= (of_sample(kSpread) ? 1 : 0)) return std::optional<Numeric>();
    PENSTOCK_TRY(const Numeric spread, spread_of(state, kSpread));
    return std::optional(spread);
  }
  static Fields save(const State& state) {
    std::string sums(kSumBytes, '\0');
    std::memcpy(sums.data(), state.sum.data(), sizeof(state.sum));
    std::memcpy(sums.data() + sizeof(state.sum), state.squares.data(), sizeof(state.squares));
    std::optional<std::string> scales;
    if (state.scales != nullptr) scales.emplace(reinterpret_cast<const char*>(state.scales), sizeof(ScaleCounts));
    return {std::move(sums), state.count, state.scale, state.special, std::move(scales)};
  }
  static Status load(State& state, const Fields& fields) {
    const auto& [sums, count, scale, special, scales] = fields;
    if (scale < 0 || scale > Numeric::kMaxDigits) return error(Code::Corruption, "aggregate state: a variance of scale {}", scale);
    if (sums.size() != kSumBytes) return error(Code::Corruption, "aggregate state: {} bytes of sums", sums.size());
    if (scales && scales->size() != sizeof(ScaleCounts))
      return error(Code::Corruption, "aggregate state: {} bytes of scales", scales->size());
    std::memcpy(state.sum.data(), sums.data(), sizeof(state.sum));
    std::memcpy(state.squares.data(), sums.data() + sizeof(state.sum), sizeof(state.squares));
    state.count = count;
    state.scale = scale;
    state.special = special;
    if (!scales) return ok();
    state.scales = new ScaleCounts;
    std::memcpy(state.scales->data(), scales->data(), sizeof(ScaleCounts));
    return ok();
  }

 private:
  static constexpr size_t kSumBytes = sizeof(State::sum) + sizeof(State::squares);

  // Brings the sums to the scale of a row that is about to come or go, and counts it.
  static void meet_scale(State& state, int64_t scale, int64_t sign) {
    const int64_t before = state.count - sign - state.special;  // rows in the sums
    if (state.scales == nullptr && scale == state.scale) return;
    if (state.scales == nullptr && before == 0) {
      state.scale = scale;  // empty sums have any scale
      return;
    }
    if (state.scales == nullptr) {
      state.scales = new ScaleCounts{};
      (*state.scales)[static_cast<size_t>(state.scale)] = before;
    }
    (*state.scales)[static_cast<size_t>(scale)] += sign;
    if (scale <= state.scale) return;
    const WideUint factor = WideUint::power_of_ten(static_cast<int>(scale - state.scale));
    store_wide(wide_of(state.sum) * factor, state.sum);
    store_wide(wide_of(state.squares) * factor * factor, state.squares);
    state.scale = scale;
  }

  static void add(State& state, __int128 coefficient, int64_t scale, int64_t sign) {
    const bool negative = (coefficient < 0) != (sign < 0);
    const unsigned __int128 magnitude = data::magnitude(coefficient);
    if (scale == state.scale) [[likely]] {
      add_wide(state.sum, data::Uint256::of(magnitude), negative);
      add_wide(state.squares, data::multiply_wide(magnitude, magnitude), sign < 0);
      return;
    }
    const WideUint moved = WideUint(magnitude) * WideUint::power_of_ten(static_cast<int>(state.scale - scale));
    WideUint sum = wide_of(state.sum);
    WideUint squares = wide_of(state.squares);
    negative ? sum -= moved : sum += moved;
    sign < 0 ? squares -= moved* moved : squares += moved * moved;
    store_wide(sum, state.sum);
    store_wide(squares, state.squares);
  }
};

template <Spread kSpread>
void add_spread(AggregateTable& table, std::string_view name) {
  table.add(name, TypeKind::Int16, TypeKind::Numeric, make_aggregate<ExactSpread<int16_t, kSpread>>);
  table.add(name, TypeKind::Int32, TypeKind::Numeric, make_aggregate<ExactSpread<int32_t, kSpread>>);
  table.add(name, TypeKind::Int64, TypeKind::Numeric, make_aggregate<ExactSpread<int64_t, kSpread>>);
  table.add(name, TypeKind::Numeric, TypeKind::Numeric, make_aggregate<ExactSpread<Numeric, kSpread>>);
  table.add(name, TypeKind::Float32, TypeKind::Float64, make_aggregate<FloatSpread<float, kSpread>>);
  table.add(name, TypeKind::Float64, TypeKind::Float64, make_aggregate<FloatSpread<double, kSpread>>);
}

}  // namespace

void register_variances(AggregateTable& table) {
  add_spread<Spread::VarPop>(table, "var_pop");
  for (const auto* const name : {"var_samp", "variance"}) add_spread<Spread::VarSamp>(table, name);
  add_spread<Spread::StddevPop>(table, "stddev_pop");
  for (const auto* const name : {"stddev_samp", "stddev"}) add_spread<Spread::StddevSamp>(table, name);
}

}  // namespace penstock::expr
