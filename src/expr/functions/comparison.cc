// =, <>, <, <=, >, >=, IS [NOT] NULL, IS [NOT] DISTINCT FROM, IN.
#include "expr/compare.h"

#include "expr/special_forms.h"
#include "expr/vector_bits.h"

namespace penstock::expr {

using data::Bitmap;
using data::Column;
using data::DataType;
using data::TypeKind;

namespace {

template <typename Comparison, typename T>
bool compare_values(const T& a, const T& b) {
  return Comparison::holds(a, b);
}
template <typename Comparison>
bool compare_float_double(float a, double b) {
  return Comparison::holds(static_cast<double>(a), b);
}
template <typename Comparison>
bool compare_double_float(double a, float b) {
  return Comparison::holds(a, static_cast<double>(b));
}

template <typename Comparison, typename T>
void add_comparison_of(FunctionTable& table, std::string_view name, std::initializer_list<TypeKind> kinds) {
  for (const TypeKind kind : kinds) table.add(name, {kind, kind}, TypeKind::Boolean, each<&compare_values<Comparison, T>>);
}

template <typename Comparison>
void add_comparison(FunctionTable& table, std::string_view name) {
  add_comparison_of<Comparison, bool>(table, name, {TypeKind::Boolean});
  add_comparison_of<Comparison, int16_t>(table, name, {TypeKind::Int16});
  add_comparison_of<Comparison, int32_t>(table, name, {TypeKind::Int32, TypeKind::Date});
  add_comparison_of<Comparison, int64_t>(table, name, {TypeKind::Int64, TypeKind::Timestamp});
  add_comparison_of<Comparison, float>(table, name, {TypeKind::Float32});
  add_comparison_of<Comparison, double>(table, name, {TypeKind::Float64});
  add_comparison_of<Comparison, data::Numeric>(table, name, {TypeKind::Numeric});
  add_comparison_of<Comparison, data::Text>(table, name, {TypeKind::Varchar});
  add_comparison_of<Comparison, data::Interval>(table, name, {TypeKind::Interval});
  table.add(name, {TypeKind::Float32, TypeKind::Float64}, TypeKind::Boolean, each<&compare_float_double<Comparison>>);
  table.add(name, {TypeKind::Float64, TypeKind::Float32}, TypeKind::Boolean, each<&compare_double_float<Comparison>>);
}

template <bool kWhenNull>
Column is_null(const KernelCall& call) {
  const Column& x = call.args[0];
  if (x.validity() == nullptr) return Column::constant(TypeKind::Boolean, !kWhenNull, call.rows);
  Bitmap rows = null_rows(x).slice(0, call.rows);
  if (!kWhenNull) rows.flip();
  return boolean_column(rows, nullptr);
}

// Both of one type. Two NULLs are not distinct, a NULL is distinct from any value.
template <bool kWhenDistinct>
Column is_distinct(const KernelCall& call) {
  const Column& a = call.args[0];
  const Column& b = call.args[1];
  auto out = data::make_values<bool>(call.rows);
  data::with_physical(a.type().kind, [&]<typename T>(std::type_identity<T>) {
    const std::tuple args(Arg<T>{a}, Arg<T>{b});
    internal::dense_loop(call.rows, args, [&](size_t i, const T& x, const T& y) { out[i] = equal_values(x, y) != kWhenDistinct; });
  });
  if (a.validity() != nullptr || b.validity() != nullptr) {
    for (size_t i = 0; i < call.rows; ++i) {
      if (a.is_null(i) || b.is_null(i)) out[i] = (a.is_null(i) != b.is_null(i)) == kWhenDistinct;
    }
  }
  return Column(call.type, call.rows, std::shared_ptr<const bool[]>(std::move(out)), nullptr);
}

Result<Resolution> resolve_in(std::string_view name, std::span<const ArgType> args) {
  if (args.size() < 2) return undefined_function(name, args);
  PENSTOCK_TRY(const DataType common, common_type(args, "IN"));
  return Resolution{std::vector<DataType>(args.size(), common), TypeKind::Boolean};
}

// x IN (a, b, …): true if it equals one; else NULL if x or one of them is NULL. `kNegated`: NOT IN.
template <bool kNegated>
Column is_in(const KernelCall& call) {
  const Column x = call.args[0].slice(0, call.rows).flatten();
  auto found = data::make_values<bool>(call.rows);
  std::fill_n(found.get(), call.rows, false);
  Bitmap unsure = null_rows(x);
  for (const Column& candidate : call.args.subspan(1)) {
    if (candidate.validity() != nullptr) unsure |= null_rows(candidate).slice(0, call.rows);
    if (candidate.is_constant() && call.rows > 0 && candidate.is_null(0)) continue;
    data::with_physical(x.type().kind, [&]<typename T>(std::type_identity<T>) {
      const std::tuple args(Arg<T>{x}, Arg<T>{candidate});
      if (candidate.validity() == nullptr) {
        internal::dense_loop(call.rows, args, [&](size_t i, const T& a, const T& b) { found[i] |= equal_values(a, b); });
      } else {
        for_each_row(call.rows, candidate.validity(), nullptr,
                     [&](size_t i) { found[i] |= equal_values(std::get<0>(args)[i], std::get<1>(args)[i]); });
      }
    });
  }
  const Column in(call.type, call.rows, std::shared_ptr<const bool[]>(std::move(found)), nullptr);
  Bitmap sure = true_rows(in);
  if (x.validity() != nullptr) remove_rows(sure, null_rows(x));
  Bitmap values = sure;
  if (kNegated) values.flip();
  unsure.flip();
  sure |= unsure;
  return boolean_column(values, unless_all(std::move(sure)));
}

}  // namespace

void register_comparison(FunctionTable& table) {
  add_comparison<Equal>(table, "equal");
  add_comparison<NotEqual>(table, "not_equal");
  add_comparison<Less>(table, "less_than");
  add_comparison<LessEqual>(table, "less_than_or_equal");
  add_comparison<Greater>(table, "greater_than");
  add_comparison<GreaterEqual>(table, "greater_than_or_equal");
  table.add_special("is_null", {"(any) -> boolean", resolve_one_of_any_type, make_call_node<is_null<true>>});
  table.add_special("is_not_null", {"(any) -> boolean", resolve_one_of_any_type, make_call_node<is_null<false>>});
  table.add_special("is_distinct_from", {"(any, same) -> boolean", resolve_comparison, make_call_node<is_distinct<true>>});
  table.add_special("is_not_distinct_from", {"(any, same) -> boolean", resolve_comparison, make_call_node<is_distinct<false>>});
  table.add_special("in", {"(any, same, ...) -> boolean", resolve_in, make_call_node<is_in<false>>});
  table.add_special("not_in", {"(any, same, ...) -> boolean", resolve_in, make_call_node<is_in<true>>});
}

}  // namespace penstock::expr
