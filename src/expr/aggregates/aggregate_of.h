#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <tuple>

#include "data/column.h"
#include "expr/aggregate.h"

namespace penstock::expr {

/// How far ahead the states of coming rows are fetched into the cache.
constexpr size_t kPrefetchStates = 16;

template <typename State>
[[nodiscard]] State& state_at(std::byte* row, size_t offset) {
  return *reinterpret_cast<State*>(row + offset);
}
template <typename State>
[[nodiscard]] const State& state_at(const std::byte* row, size_t offset) {
  return *reinterpret_cast<const State*>(row + offset);
}

/// What a state table stores of a state: int64_t, double, bool, any other physical type, optional<T> where it may be NULL; texts as
/// std::string. The column types follow from the C++ types.
template <typename T>
struct StateField;
template <>
struct StateField<int64_t> {
  static constexpr data::TypeKind kKind = data::TypeKind::Int64;
};
template <>
struct StateField<double> {
  static constexpr data::TypeKind kKind = data::TypeKind::Float64;
};
template <>
struct StateField<data::Numeric> {
  static constexpr data::TypeKind kKind = data::TypeKind::Numeric;
};
template <>
struct StateField<std::string> {
  static constexpr data::TypeKind kKind = data::TypeKind::Varchar;
};
template <typename T>
struct StateField<std::optional<T>> : StateField<T> {};

namespace internal {

template <typename T>
struct Nullable {
  using Value = T;
  static const T* get(const T& x) { return &x; }
};
template <typename T>
struct Nullable<std::optional<T>> {
  using Value = T;
  static const T* get(const std::optional<T>& x) { return x ? &*x : nullptr; }
};

template <typename T>
using Stored = std::conditional_t<std::is_same_v<T, std::string>, data::Text, T>;

template <typename Field>
class FieldBuilder {
 public:
  FieldBuilder(data::DataType type, size_t rows) : builder_(type, rows) {}
  void append(const Field& field) {
    if (const auto* const value = Nullable<Field>::get(field)) {
      builder_.append(*value);
    } else {
      builder_.append_null();
    }
  }
  data::Column finish() { return builder_.finish(); }

 private:
  data::ColumnBuilder<Stored<typename Nullable<Field>::Value>> builder_;
};

template <typename Field>
Status load_field(const data::Datum& datum, Field& out) {
  using Value = typename Nullable<Field>::Value;
  if (data::is_null(datum)) {
    if constexpr (!std::is_same_v<Field, Value>) {
      out = std::nullopt;
      return ok();
    }
    return error(Code::Corruption, "aggregate state: NULL where a value must be");
  }
  const auto* const value = std::get_if<Value>(&datum);
  if (value == nullptr) return error(Code::Corruption, "aggregate state: a value of alternative {}", datum.index());
  out = *value;
  return ok();
}

}  // namespace internal

/// An aggregate of one argument over a policy P, which is stateless:
///
///     using Input;                  physical type of the argument; NULLs never reach the policy
///     struct State;                 trivially copyable, alignment 8, all zero bytes is the empty state
///     using Output;                 physical type of the result
///     static constexpr bool kRetractable;
///     static void update(State&, const Input&, int64_t sign);            sign is 1 or -1
///     static Result<std::optional<Output>> finish(const State&);         text: Output is std::string_view
///     using Fields = std::tuple<…>; static Fields save(const State&); static Status load(State&, const Fields&);
///     static void destroy(State&); static size_t owned_bytes(const State&);   only if it owns memory
template <typename P>
class AggregateOf final : public Aggregate {
 public:
  using State = typename P::State;
  using Input = typename P::Input;
  static_assert(std::is_trivially_copyable_v<State> && sizeof(State) % 8 == 0 && alignof(State) <= 8);

  AggregateOf(data::DataType result, std::vector<data::DataType> state_types) : result_(result), state_types_(std::move(state_types)) {}

  [[nodiscard]] data::DataType return_type() const override { return result_; }
  [[nodiscard]] size_t state_size() const override { return sizeof(State); }
  [[nodiscard]] bool retractable() const override { return P::kRetractable; }
  void init(std::byte* state) const override { new (state) State{}; }
  void destroy(std::byte* state) const override {
    if constexpr (requires(State& s) { P::destroy(s); }) P::destroy(state_at<State>(state, 0));
  }
  [[nodiscard]] size_t owned_bytes(const std::byte* state) const override {
    if constexpr (requires(const State& s) { P::owned_bytes(s); }) return P::owned_bytes(state_at<State>(state, 0));
    return 0;
  }

  void apply(std::span<const data::Column> args, std::span<const uint32_t> rows, const int8_t* signs, std::byte* const* states,
             size_t offset, RowErrors&) const override {
    const data::Column& arg = args[0];
    if (arg.is_constant() && !rows.empty() && arg.is_null(0)) return;
    const bool nulls = arg.validity() != nullptr;
    if (signs == nullptr) {
      nulls ? loop<true, false>(arg, rows, signs, states, offset) : loop<false, false>(arg, rows, signs, states, offset);
    } else {
      nulls ? loop<true, true>(arg, rows, signs, states, offset) : loop<false, true>(arg, rows, signs, states, offset);
    }
  }

  [[nodiscard]] data::Column output(std::span<const std::byte* const> states, size_t offset, RowErrors& errors) const override {
    using Output = std::conditional_t<std::is_same_v<typename P::Output, std::string_view>, data::Text, typename P::Output>;
    data::ColumnBuilder<Output> out(result_, states.size());
    for (const std::byte* const state : states) {
      auto value = P::finish(state_at<State>(state, offset));
      if (value.has_error()) {
        errors.add(value.error());
        out.append_null();
      } else if (!value.value()) {
        out.append_null();
      } else {
        out.append(*value.value());
      }
    }
    return out.finish();
  }

  [[nodiscard]] std::vector<data::DataType> state_types() const override { return state_types_; }

  [[nodiscard]] std::vector<data::Column> encode(std::span<const std::byte* const> states, size_t offset) const override {
    return encode_fields(states, offset, std::make_index_sequence<kFields>());
  }

  Status decode(std::span<const data::Datum> values, std::byte* state) const override {
    if (values.size() != kFields) return error(Code::Corruption, "aggregate state: {} values, not {}", values.size(), kFields);
    Fields fields;
    PENSTOCK_TRY(load_fields(values, fields, std::make_index_sequence<kFields>()));
    return P::load(state_at<State>(state, 0), fields);
  }

 private:
  using Fields = typename P::Fields;
  static constexpr size_t kFields = std::tuple_size_v<Fields>;

  template <bool kNulls, bool kSigns>
  static void loop(const data::Column& arg, std::span<const uint32_t> rows, const int8_t* signs, std::byte* const* states, size_t offset) {
    const auto* const values = arg.values<Input>();
    const size_t stride = arg.stride();
    const data::Bitmap* const validity = arg.is_constant() ? nullptr : arg.validity();
    const size_t count = rows.size();
    for (size_t i = 0; i < count; ++i) {
      if (i + kPrefetchStates < count) __builtin_prefetch(states[i + kPrefetchStates] + offset, 1);
      const size_t row = rows[i];
      if constexpr (kNulls) {
        if (validity != nullptr && !validity->get(row)) continue;
      }
      const int64_t sign = kSigns ? signs[i] : 1;
      if constexpr (kSigns && !P::kRetractable) PENSTOCK_CHECK(sign > 0, "an aggregate that cannot retract was asked to");
      P::update(state_at<State>(states[i], offset), values[row * stride], sign);
    }
  }

  template <size_t... I>
  std::vector<data::Column> encode_fields(std::span<const std::byte* const> states, size_t offset, std::index_sequence<I...>) const {
    std::tuple builders(internal::FieldBuilder<std::tuple_element_t<I, Fields>>(state_types_[I], states.size())...);
    for (const std::byte* const state : states) {
      const Fields fields = P::save(state_at<State>(state, offset));
      (std::get<I>(builders).append(std::get<I>(fields)), ...);
    }
    std::vector<data::Column> out;
    (out.push_back(std::get<I>(builders).finish()), ...);
    return out;
  }

  template <size_t... I>
  static Status load_fields(std::span<const data::Datum> values, Fields& fields, std::index_sequence<I...>) {
    Status status = ok();
    ((status = status.has_error() ? std::move(status) : internal::load_field(values[I], std::get<I>(fields))), ...);
    return status;
  }

  data::DataType result_;
  std::vector<data::DataType> state_types_;
};

/// The column types of a policy's fields.
template <typename... F>
[[nodiscard]] std::vector<data::DataType> field_types(std::type_identity<std::tuple<F...>>) {
  return {data::DataType(StateField<F>::kKind)...};
}

/// An aggregate whose state table follows from its fields.
template <typename P>
[[nodiscard]] std::unique_ptr<const Aggregate> make_aggregate(data::DataType, data::DataType result) {
  return std::make_unique<AggregateOf<P>>(result, field_types(std::type_identity<typename P::Fields>()));
}

}  // namespace penstock::expr
