// sum and avg of real and double precision. Retraction must give what a fresh sum over the remaining rows would: so the sum carries its
// rounding errors along (Knuth's TwoSum), and what arithmetic cannot take back is counted apart: NaN, the infinities, and values so large
// that the sum might overflow, which are summed scaled down.
#include <cmath>
#include <limits>

#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"

namespace penstock::expr {

using data::TypeKind;

namespace {

constexpr double kLarge = 0x1p900;
constexpr int kLargeScale = 200;

struct CompensatedSum {
  double sum;
  double error;
  void add(double x) {
    const double total = sum + x;
    const double part = total - sum;
    error += (sum - (total - part)) + (x - part);
    sum = total;
  }
  [[nodiscard]] double get() const { return sum + error; }
};

// What few groups have. All 64-bit words; stored as their bytes.
struct RareFloats {
  int64_t nan = 0;
  int64_t positive_infinity = 0;
  int64_t negative_infinity = 0;
  int64_t large = 0;
  CompensatedSum large_sum{};  // of x * 2^-200

  void add(double x, int64_t sign) {
    if (std::isnan(x)) {
      nan += sign;
    } else if (std::isinf(x)) {
      (x > 0 ? positive_infinity : negative_infinity) += sign;
    } else {
      large += sign;
      large_sum.add(std::ldexp(static_cast<double>(sign) * x, -kLargeScale));
      if (large == 0) large_sum = {};
    }
  }
  [[nodiscard]] bool empty() const { return (nan | positive_infinity | negative_infinity | large) == 0; }
};

struct FloatSumState {
  CompensatedSum sum;
  int64_t count;  // of all rows that are not NULL
  RareFloats* rare;
};

template <typename T>
struct FloatSum {
  using Input = T;
  using State = FloatSumState;
  using Output = T;
  using Fields = std::tuple<double, double, int64_t, std::optional<std::string>>;
  static constexpr bool kRetractable = true;

  static void update(State& state, T value, int64_t sign) {
    const double x = value;
    state.count += sign;
    if (std::abs(x) < kLarge) [[likely]] {  // NaN is not
      state.sum.add(static_cast<double>(sign) * x);
    } else {
      if (state.rare == nullptr) state.rare = new RareFloats;
      state.rare->add(x, sign);
      if (state.rare->empty()) destroy(state);
    }
    if (sign < 0 && state.count == 0) state.sum = {};
  }
  static void destroy(State& state) {
    delete state.rare;
    state.rare = nullptr;
  }
  static size_t owned_bytes(const State& state) { return state.rare != nullptr ? sizeof(RareFloats) : 0; }

  // The sum over `divisor`.
  static Result<double> total(const State& state, double divisor) {
    if (state.rare == nullptr) return state.sum.get() / divisor;
    const RareFloats& rare = *state.rare;
    if (rare.nan > 0 || (rare.positive_infinity > 0 && rare.negative_infinity > 0)) return std::numeric_limits<double>::quiet_NaN();
    if (rare.positive_infinity > 0) return std::numeric_limits<double>::infinity();
    if (rare.negative_infinity > 0) return -std::numeric_limits<double>::infinity();
    const double scaled = rare.large_sum.get() + std::ldexp(state.sum.get(), -kLargeScale);
    const double sum = std::ldexp(scaled, kLargeScale);
    if (std::isinf(sum)) return Error(Code::NumericOutOfRange, "value out of range: overflow");
    return sum / divisor;
  }
  static Result<std::optional<T>> finish(const State& state) {
    if (state.count == 0) return std::optional<T>();
    PENSTOCK_TRY(const double sum, total(state, 1));
    const T out = static_cast<T>(sum);
    if (std::isinf(out) && std::isfinite(sum)) return Error(Code::NumericOutOfRange, "value out of range: overflow");
    return std::optional(out);
  }

  static Fields save(const State& state) {
    std::optional<std::string> rare;
    if (state.rare != nullptr) rare.emplace(reinterpret_cast<const char*>(state.rare), sizeof(RareFloats));
    return {state.sum.sum, state.sum.error, state.count, std::move(rare)};
  }
  static Status load(State& state, const Fields& fields) {
    const auto& [sum, rounding, count, rare] = fields;
    state.sum = {sum, rounding};
    state.count = count;
    if (!rare) return ok();
    if (rare->size() != sizeof(RareFloats)) return error(Code::Corruption, "aggregate state: {} bytes of rare floats", rare->size());
    state.rare = new RareFloats;
    std::memcpy(static_cast<void*>(state.rare), rare->data(), sizeof(RareFloats));
    return ok();
  }
};

template <typename T>
struct FloatAverage : FloatSum<T> {
  using Output = double;
  static Result<std::optional<double>> finish(const FloatSumState& state) {
    if (state.count == 0) return std::optional<double>();
    PENSTOCK_TRY(const double average, FloatSum<T>::total(state, static_cast<double>(state.count)));
    return std::optional(average);
  }
};

}  // namespace

void register_float_sums(AggregateTable& table) {
  table.add("sum", TypeKind::Float32, TypeKind::Float32, make_aggregate<FloatSum<float>>);
  table.add("sum", TypeKind::Float64, TypeKind::Float64, make_aggregate<FloatSum<double>>);
  table.add("avg", TypeKind::Float32, TypeKind::Float64, make_aggregate<FloatAverage<float>>);
  table.add("avg", TypeKind::Float64, TypeKind::Float64, make_aggregate<FloatAverage<double>>);
}

}  // namespace penstock::expr
