// sum and avg of smallint, integer and bigint: exact, in 64 or 128 bits, one addition a row.
#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"

namespace penstock::expr {

using data::Numeric;
using data::TypeKind;

namespace {

Result<std::optional<Numeric>> average_of(__int128 sum, int64_t count) {
  PENSTOCK_TRY(const Numeric average, Numeric::divide(Numeric::of(sum, 0), Numeric::of(count)));
  return std::optional(average);
}

// It would take 2^32 rows of one group to leave 64 bits; then the sum wraps, as Postgres' does.
struct Sum64 {
  int64_t sum;
  int64_t count;
};

template <typename T>
struct SmallSum {
  using Input = T;
  using State = Sum64;
  using Output = int64_t;
  using Fields = std::tuple<int64_t, int64_t>;
  static constexpr bool kRetractable = true;

  static void update(State& state, T value, int64_t sign) {
    state.sum = static_cast<int64_t>(static_cast<uint64_t>(state.sum) + static_cast<uint64_t>(sign * value));
    state.count += sign;
  }
  static Result<std::optional<int64_t>> finish(const State& state) { return state.count == 0 ? std::nullopt : std::optional(state.sum); }
  static Fields save(const State& state) { return {state.sum, state.count}; }
  static Status load(State& state, const Fields& fields) {
    std::tie(state.sum, state.count) = fields;
    return ok();
  }
};

template <typename T>
struct SmallAverage : SmallSum<T> {
  using Output = Numeric;
  static Result<std::optional<Numeric>> finish(const Sum64& state) {
    if (state.count == 0) return std::optional<Numeric>();
    return average_of(state.sum, state.count);
  }
};

// 128 bits in two words, so that states need an alignment of 8 only.
struct Sum128 {
  uint64_t low;
  int64_t high;
  int64_t count;
  [[nodiscard]] __int128 get() const {
    return static_cast<__int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64) | low);
  }
  void set(__int128 sum) {
    low = static_cast<uint64_t>(sum);
    high = static_cast<int64_t>(sum >> 64);
  }
};

struct BigSum {
  using Input = int64_t;
  using State = Sum128;
  using Output = Numeric;
  using Fields = std::tuple<Numeric, int64_t>;
  static constexpr bool kRetractable = true;

  static void update(State& state, int64_t value, int64_t sign) {
    state.set(state.get() + static_cast<__int128>(value) * sign);
    state.count += sign;
  }
  static Result<std::optional<Numeric>> finish(const State& state) {
    return state.count == 0 ? std::nullopt : std::optional(Numeric::of(state.get(), 0));
  }
  static Fields save(const State& state) { return {Numeric::of(state.get(), 0), state.count}; }
  static Status load(State& state, const Fields& fields) {
    const auto& [sum, count] = fields;
    if (!sum.is_finite() || sum.scale() != 0) return error(Code::Corruption, "aggregate state: {} as the sum of integers", sum.to_string());
    state.set(sum.coefficient());
    state.count = count;
    return ok();
  }
};

struct BigAverage : BigSum {
  static Result<std::optional<Numeric>> finish(const State& state) {
    if (state.count == 0) return std::optional<Numeric>();
    return average_of(state.get(), state.count);
  }
};

}  // namespace

void register_integer_sums(AggregateTable& table) {
  table.add("sum", TypeKind::Int16, TypeKind::Int64, make_aggregate<SmallSum<int16_t>>);
  table.add("sum", TypeKind::Int32, TypeKind::Int64, make_aggregate<SmallSum<int32_t>>);
  table.add("sum", TypeKind::Int64, TypeKind::Numeric, make_aggregate<BigSum>);
  table.add("avg", TypeKind::Int16, TypeKind::Numeric, make_aggregate<SmallAverage<int16_t>>);
  table.add("avg", TypeKind::Int32, TypeKind::Numeric, make_aggregate<SmallAverage<int32_t>>);
  table.add("avg", TypeKind::Int64, TypeKind::Numeric, make_aggregate<BigAverage>);
}

}  // namespace penstock::expr
