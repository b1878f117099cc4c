// count(*), count(x), bool_and, bool_or.
#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"

namespace penstock::expr {

using data::Column;
using data::DataType;
using data::TypeKind;

namespace {

class Count final : public Aggregate {
 public:
  explicit Count(bool of_rows) : of_rows_(of_rows) {}
  [[nodiscard]] DataType return_type() const override { return TypeKind::Int64; }
  [[nodiscard]] size_t state_size() const override { return sizeof(int64_t); }
  [[nodiscard]] bool retractable() const override { return true; }
  void init(std::byte* state) const override { state_at<int64_t>(state, 0) = 0; }
  void destroy(std::byte*) const override {}
  [[nodiscard]] size_t owned_bytes(const std::byte*) const override { return 0; }

  void apply(std::span<const Column> args, std::span<const uint32_t> rows, const int8_t* signs, std::byte* const* states, size_t offset,
             RowErrors&) const override {
    const data::Bitmap* validity = of_rows_ ? nullptr : args[0].validity();
    if (validity != nullptr && args[0].is_constant()) {
      if (!validity->get(0)) return;
      validity = nullptr;
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i + kPrefetchStates < rows.size()) __builtin_prefetch(states[i + kPrefetchStates] + offset, 1);
      if (validity != nullptr && !validity->get(rows[i])) continue;
      state_at<int64_t>(states[i], offset) += signs == nullptr ? 1 : signs[i];
    }
  }
  [[nodiscard]] Column output(std::span<const std::byte* const> states, size_t offset, RowErrors&) const override {
    return counts(states, offset);
  }
  [[nodiscard]] std::vector<DataType> state_types() const override { return {TypeKind::Int64}; }
  [[nodiscard]] std::vector<Column> encode(std::span<const std::byte* const> states, size_t offset) const override {
    return {counts(states, offset)};
  }
  Status decode(std::span<const data::Datum> values, std::byte* state) const override {
    if (values.size() != 1) return error(Code::Corruption, "aggregate state: {} values, not 1", values.size());
    return internal::load_field(values[0], state_at<int64_t>(state, 0));
  }

 private:
  static Column counts(std::span<const std::byte* const> states, size_t offset) {
    auto out = data::make_values<int64_t>(states.size());
    for (size_t i = 0; i < states.size(); ++i) out[i] = state_at<int64_t>(states[i], offset);
    return Column(TypeKind::Int64, states.size(), std::shared_ptr<const int64_t[]>(std::move(out)), nullptr);
  }

  bool of_rows_;  // count(*): NULLs count too
};

struct TruthCounts {
  int64_t count;
  int64_t trues;
};

template <bool kAll>
struct BoolAggregate {
  using Input = bool;
  using State = TruthCounts;
  using Output = bool;
  using Fields = std::tuple<int64_t, int64_t>;
  static constexpr bool kRetractable = true;

  static void update(State& state, bool value, int64_t sign) {
    state.count += sign;
    state.trues += value ? sign : 0;
  }
  static Result<std::optional<bool>> finish(const State& state) {
    if (state.count == 0) return std::optional<bool>();
    return std::optional(kAll ? state.trues == state.count : state.trues > 0);
  }
  static Fields save(const State& state) { return {state.count, state.trues}; }
  static Status load(State& state, const Fields& fields) {
    std::tie(state.count, state.trues) = fields;
    return ok();
  }
};

}  // namespace

std::unique_ptr<const Aggregate> make_count(bool of_rows) { return std::make_unique<Count>(of_rows); }

void register_bool_aggregates(AggregateTable& table) {
  for (const auto* const name : {"bool_and", "every"})
    table.add(name, TypeKind::Boolean, TypeKind::Boolean, make_aggregate<BoolAggregate<true>>);
  table.add("bool_or", TypeKind::Boolean, TypeKind::Boolean, make_aggregate<BoolAggregate<false>>);
}

}  // namespace penstock::expr
