// sum and avg of interval: its three fields are summed apart.
#include <limits>

#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"
#include "expr/interval_math.h"

namespace penstock::expr {

using data::Interval;
using data::TypeKind;

namespace {

// Sums wrap, so a retraction undoes even what went beyond; the result is checked when it is asked for.
struct IntervalSumState {
  int64_t months;
  int64_t days;
  int64_t micros_low;
  int64_t micros_high;  // 128 bits, as microseconds alone fill 64
  int64_t count;

  [[nodiscard]] __int128 micros() const {
    return static_cast<__int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(micros_high)) << 64) |
                                 static_cast<uint64_t>(micros_low));
  }
};

struct IntervalSum {
  using Input = Interval;
  using State = IntervalSumState;
  using Output = Interval;
  using Fields = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>;
  static constexpr bool kRetractable = true;

  static void update(State& state, const Interval& value, int64_t sign) {
    state.months += sign * value.months;
    state.days += sign * value.days;
    const __int128 micros = state.micros() + static_cast<__int128>(value.micros) * sign;
    state.micros_low = static_cast<int64_t>(micros);
    state.micros_high = static_cast<int64_t>(micros >> 64);
    state.count += sign;
  }
  static Result<Interval> total(const State& state) {
    const Interval out{static_cast<int32_t>(state.months), static_cast<int32_t>(state.days), static_cast<int64_t>(state.micros())};
    if (out.months != state.months || out.days != state.days || out.micros != state.micros()) {
      return Error(Code::DatetimeOverflow, "interval out of range");
    }
    return out;
  }
  static Result<std::optional<Interval>> finish(const State& state) {
    if (state.count == 0) return std::optional<Interval>();
    PENSTOCK_TRY(const Interval sum, total(state));
    return std::optional(sum);
  }
  static Fields save(const State& state) { return {state.months, state.days, state.micros_low, state.micros_high, state.count}; }
  static Status load(State& state, const Fields& fields) {
    std::tie(state.months, state.days, state.micros_low, state.micros_high, state.count) = fields;
    return ok();
  }
};

struct IntervalAverage : IntervalSum {
  static Result<std::optional<Interval>> finish(const State& state) {
    if (state.count == 0) return std::optional<Interval>();
    PENSTOCK_TRY(const Interval sum, total(state));
    PENSTOCK_TRY(const Interval average, divide_interval(sum, static_cast<double>(state.count)));
    return std::optional(average);
  }
};

}  // namespace

void register_interval_sums(AggregateTable& table) {
  table.add("sum", TypeKind::Interval, TypeKind::Interval, make_aggregate<IntervalSum>);
  table.add("avg", TypeKind::Interval, TypeKind::Interval, make_aggregate<IntervalAverage>);
}

}  // namespace penstock::expr
