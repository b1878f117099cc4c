// min and max. They cannot take a row back: over input that retracts, their operator keeps the values in a table of their own.
#include <cstdlib>

#include "expr/aggregates/aggregate_of.h"
#include "expr/aggregates/aggregate_table.h"
#include "expr/compare.h"

namespace penstock::expr {

using data::DataType;
using data::Text;
using data::TypeKind;

namespace {

template <typename T>
struct Best {
  T value;
  uint64_t present;
};

template <typename T, typename Better>
struct Extreme {
  using Input = T;
  using State = Best<T>;
  using Output = T;
  using Fields = std::tuple<std::optional<T>>;
  static constexpr bool kRetractable = false;

  static void update(State& state, const T& value, int64_t) {
    if (state.present != 0 && !Better::holds(value, state.value)) return;
    state.value = value;
    state.present = 1;
  }
  static Result<std::optional<T>> finish(const State& state) { return state.present == 0 ? std::nullopt : std::optional(state.value); }
  static Fields save(const State& state) { return {state.present == 0 ? std::nullopt : std::optional(state.value)}; }
  static Status load(State& state, const Fields& fields) {
    if (const auto& value = std::get<0>(fields)) state = {*value, 1};
    return ok();
  }
};

// A copy of the text, in memory of the state's own.
struct BestText {
  char* bytes;  // null: none yet
  uint32_t size;
  uint32_t capacity;
  [[nodiscard]] std::string_view view() const { return {bytes, size}; }
};

template <typename Better>
struct ExtremeText {
  using Input = Text;
  using State = BestText;
  using Output = std::string_view;
  using Fields = std::tuple<std::optional<std::string>>;
  static constexpr bool kRetractable = false;

  static void update(State& state, const Text& value, int64_t) {
    if (state.bytes != nullptr && !Better::holds(value, Text(state.view()))) return;
    assign(state, value.view());
  }
  static void destroy(State& state) {
    std::free(state.bytes);
    state = {};
  }
  static size_t owned_bytes(const State& state) { return state.capacity; }
  static Result<std::optional<std::string_view>> finish(const State& state) {
    return state.bytes == nullptr ? std::nullopt : std::optional(state.view());
  }
  static Fields save(const State& state) {
    std::optional<std::string> out;
    if (state.bytes != nullptr) out.emplace(state.view());
    return {std::move(out)};
  }
  static Status load(State& state, const Fields& fields) {
    if (const auto& value = std::get<0>(fields)) assign(state, *value);
    return ok();
  }

 private:
  static void assign(State& state, std::string_view text) {
    if (text.size() > state.capacity || state.bytes == nullptr) {
      const size_t capacity = std::max<size_t>(16, text.size() + text.size() / 4);
      std::free(state.bytes);
      state.bytes = static_cast<char*>(std::malloc(capacity));
      PENSTOCK_CHECK(state.bytes != nullptr, "out of memory for {} bytes", capacity);
      state.capacity = static_cast<uint32_t>(capacity);
    }
    std::copy(text.begin(), text.end(), state.bytes);
    state.size = static_cast<uint32_t>(text.size());
  }
};

// The state is one value of the argument's own type.
template <typename P>
std::unique_ptr<const Aggregate> make_extreme(DataType argument, DataType result) {
  return std::make_unique<AggregateOf<P>>(result, std::vector<DataType>{argument.kind});
}

template <typename Better>
void add_extremes(AggregateTable& table, std::string_view name) {
  table.add(name, TypeKind::Int16, TypeKind::Int16, make_extreme<Extreme<int16_t, Better>>);
  table.add(name, TypeKind::Int32, TypeKind::Int32, make_extreme<Extreme<int32_t, Better>>);
  table.add(name, TypeKind::Int64, TypeKind::Int64, make_extreme<Extreme<int64_t, Better>>);
  table.add(name, TypeKind::Float32, TypeKind::Float32, make_extreme<Extreme<float, Better>>);
  table.add(name, TypeKind::Float64, TypeKind::Float64, make_extreme<Extreme<double, Better>>);
  table.add(name, TypeKind::Numeric, TypeKind::Numeric, make_extreme<Extreme<data::Numeric, Better>>);
  table.add(name, TypeKind::Varchar, TypeKind::Varchar, make_extreme<ExtremeText<Better>>);
  table.add(name, TypeKind::Date, TypeKind::Date, make_extreme<Extreme<int32_t, Better>>);
  table.add(name, TypeKind::Timestamp, TypeKind::Timestamp, make_extreme<Extreme<int64_t, Better>>);
  table.add(name, TypeKind::Interval, TypeKind::Interval, make_extreme<Extreme<data::Interval, Better>>);
}

}  // namespace

void register_min_max(AggregateTable& table) {
  add_extremes<Less>(table, "min");
  add_extremes<Greater>(table, "max");
}

}  // namespace penstock::expr
