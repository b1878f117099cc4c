// sum and avg of numeric, exactly, with Postgres' scale: the largest among the rows that are there, so a retraction may lower it.
// Nearly always all values of a group have one scale and their sum fits 128 bits. What does not is kept in `RareNumerics`.
#include <array>

#include "data/wide_int.h"
#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"

namespace penstock::expr {

using data::Numeric;
using data::TypeKind;

namespace {

constexpr int kWideScale = Numeric::kMaxDigits;
using Special = Numeric::Special;

// A sum at scale 38 in two's complement of 320 bits: a value of 38 digits needs 253 at most, so 2^66 of them fit.
struct WideSum {
  std::array<uint64_t, 5> limbs{};

  void add(const data::Uint256& magnitude, bool negative) {
    unsigned __int128 carry = negative ? 1 : 0;
    for (size_t i = 0; i < limbs.size(); ++i) {
      const uint64_t limb = i < 4 ? magnitude.limbs[i] : 0;
      carry += limbs[i];
      carry += negative ? ~limb : limb;
      limbs[i] = data::low64(carry);
      carry >>= 64;
    }
  }
  // coefficient * 10^-scale
  void add(__int128 coefficient, int scale) {
    add(data::multiply_wide(data::magnitude(coefficient), data::kPowersOfTen[static_cast<size_t>(kWideScale - scale)]), coefficient < 0);
  }
  [[nodiscard]] bool negative() const { return static_cast<int64_t>(limbs.back()) < 0; }
  [[nodiscard]] bool zero() const { return limbs == std::array<uint64_t, 5>{}; }
  [[nodiscard]] WideSum magnitude() const {
    if (!negative()) return *this;
    WideSum out;
    unsigned __int128 carry = 1;
    for (size_t i = 0; i < limbs.size(); ++i) {
      carry += ~limbs[i];
      out.limbs[i] = data::low64(carry);
      carry >>= 64;
    }
    return out;
  }
  // Of a magnitude. Exact only if the remainder, which is dropped, is zero.
  void divide_by_ten() {
    unsigned __int128 rest = 0;
    for (size_t i = limbs.size(); i-- > 0;) {
      rest = (rest << 64) | limbs[i];
      limbs[i] = data::low64(rest / 10);
      rest %= 10;
    }
  }
};

// All 64-bit words; stored as their bytes.
struct RareNumerics {
  int64_t nan = 0;
  int64_t positive_infinity = 0;
  int64_t negative_infinity = 0;
  std::array<int64_t, kWideScale + 1> at_scale{};  // rows of each scale that went into `sum`
  WideSum sum;

  [[nodiscard]] bool empty() const {
    return (nan | positive_infinity | negative_infinity) == 0 && sum.zero() && at_scale == std::array<int64_t, kWideScale + 1>{};
  }
  [[nodiscard]] int64_t rows() const {
    int64_t n = nan + positive_infinity + negative_infinity;
    for (const int64_t count : at_scale) n += count;
    return n;
  }
};

// Everything is linear: a row may have come into one of the two sums and be taken from the other, their total is right all the same.
struct NumericSumState {
  uint64_t low;  // sum of rows whose scale is `scale`
  int64_t high;
  int64_t count;
  int64_t scale;
  RareNumerics* rare;

  [[nodiscard]] __int128 sum() const {
    return static_cast<__int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64) | low);
  }
  void set_sum(__int128 sum) {
    low = static_cast<uint64_t>(sum);
    high = static_cast<int64_t>(sum >> 64);
  }
};

struct NumericSum {
  using Input = Numeric;
  using State = NumericSumState;
  using Output = Numeric;
  using Fields = std::tuple<int64_t, int64_t, int64_t, int64_t, std::optional<std::string>>;
  static constexpr bool kRetractable = true;

  static void update(State& state, const Numeric& value, int64_t sign) {
    if (value.is_finite() && value.scale() != state.scale && state.count == 0 && (state.low | static_cast<uint64_t>(state.high)) == 0) {
      state.scale = value.scale();
    }
    if (!value.is_finite() || value.scale() != state.scale) [[unlikely]]
      return update_rare(state, value, sign);
    state.count += sign;
    __int128 sum;
    if (__builtin_add_overflow(state.sum(), sign * value.coefficient(), &sum)) [[unlikely]] {
      rare_of(state).sum.add(state.sum(), static_cast<int>(state.scale));
      sum = sign * value.coefficient();
    }
    state.set_sum(sum);
  }
  static void destroy(State& state) {
    delete state.rare;
    state.rare = nullptr;
  }
  static size_t owned_bytes(const State& state) { return state.rare != nullptr ? sizeof(RareNumerics) : 0; }

  static int64_t rows(const State& state) { return state.count + (state.rare != nullptr ? state.rare->rows() : 0); }

  static Result<Numeric> total(const State& state) {
    if (state.rare == nullptr) return numeric_of(state.sum() < 0, data::magnitude(state.sum()), static_cast<int>(state.scale));
    const RareNumerics& rare = *state.rare;
    if (rare.nan > 0 || (rare.positive_infinity > 0 && rare.negative_infinity > 0)) return Numeric::special(Special::NaN);
    if (rare.positive_infinity > 0) return Numeric::special(Special::PositiveInfinity);
    if (rare.negative_infinity > 0) return Numeric::special(Special::NegativeInfinity);
    WideSum sum = rare.sum;
    sum.add(state.sum(), static_cast<int>(state.scale));
    int scale = kWideScale;
    while (scale > 0 && rare.at_scale[static_cast<size_t>(scale)] + (scale == state.scale ? state.count : 0) <= 0) --scale;
    WideSum digits = sum.magnitude();
    for (int drop = kWideScale - scale; drop > 0; --drop) digits.divide_by_ten();
    if ((digits.limbs[2] | digits.limbs[3] | digits.limbs[4]) != 0) return out_of_range();
    return numeric_of(sum.negative(), (static_cast<unsigned __int128>(digits.limbs[1]) << 64) | digits.limbs[0], scale);
  }
  static Result<std::optional<Numeric>> finish(const State& state) {
    if (rows(state) == 0) return std::optional<Numeric>();
    PENSTOCK_TRY(const Numeric sum, total(state));
    return std::optional(sum);
  }

  static Fields save(const State& state) {
    std::optional<std::string> rare;
    if (state.rare != nullptr) rare.emplace(reinterpret_cast<const char*>(state.rare), sizeof(RareNumerics));
    return {static_cast<int64_t>(state.low), state.high, state.count, state.scale, std::move(rare)};
  }
  static Status load(State& state, const Fields& fields) {
    const auto& [low, high, count, scale, rare] = fields;
    if (scale < 0 || scale > kWideScale) return error(Code::Corruption, "aggregate state: a sum of scale {}", scale);
    state = {static_cast<uint64_t>(low), high, count, scale, nullptr};
    if (!rare) return ok();
    if (rare->size() != sizeof(RareNumerics)) return error(Code::Corruption, "aggregate state: {} bytes of rare numerics", rare->size());
    state.rare = new RareNumerics;
    std::memcpy(static_cast<void*>(state.rare), rare->data(), sizeof(RareNumerics));
    return ok();
  }

 private:
  static RareNumerics& rare_of(State& state) {
    if (state.rare == nullptr) state.rare = new RareNumerics;
    return *state.rare;
  }
  static void update_rare(State& state, const Numeric& value, int64_t sign) {
    RareNumerics& rare = rare_of(state);
    switch (value.special()) {
      case Special::NaN:
        rare.nan += sign;
        break;
      case Special::PositiveInfinity:
        rare.positive_infinity += sign;
        break;
      case Special::NegativeInfinity:
        rare.negative_infinity += sign;
        break;
      case Special::Finite:
        rare.at_scale[value.scale()] += sign;
        rare.sum.add(sign * value.coefficient(), value.scale());
    }
    if (rare.empty()) destroy(state);
  }
  static Error out_of_range() {
    return error(Code::NumericOutOfRange, "value overflows numeric format: the sum needs more than {} digits", Numeric::kMaxDigits);
  }
  static Result<Numeric> numeric_of(bool negative, unsigned __int128 digits, int scale) {
    if (digits >= data::kPowersOfTen[Numeric::kMaxDigits]) return out_of_range();
    const auto value = static_cast<__int128>(digits);
    return Numeric::of(negative ? -value : value, static_cast<uint8_t>(scale));
  }
};

struct NumericAverage : NumericSum {
  static Result<std::optional<Numeric>> finish(const State& state) {
    const int64_t count = rows(state);
    if (count == 0) return std::optional<Numeric>();
    PENSTOCK_TRY(const Numeric sum, total(state));
    PENSTOCK_TRY(const Numeric average, Numeric::divide(sum, Numeric::of(count)));
    return std::optional(average);
  }
};

}  // namespace

void register_numeric_sums(AggregateTable& table) {
  table.add("sum", TypeKind::Numeric, TypeKind::Numeric, make_aggregate<NumericSum>);
  table.add("avg", TypeKind::Numeric, TypeKind::Numeric, make_aggregate<NumericAverage>);
}

}  // namespace penstock::expr
