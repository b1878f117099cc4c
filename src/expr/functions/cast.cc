// Casts: one line for each pair of types.
#include <cmath>
#include <limits>
#include <map>

#include "data/datetime.h"
#include "data/text_io.h"
#include "expr/casts.h"
#include "expr/interval_math.h"

namespace penstock::expr {

using data::Column;
using data::DataType;
using data::Interval;
using data::Numeric;
using data::Text;
using data::TypeKind;

namespace {

template <typename T>
constexpr std::string_view kIntegerName = "bigint";
template <>
constexpr std::string_view kIntegerName<int16_t> = "smallint";
template <>
constexpr std::string_view kIntegerName<int32_t> = "integer";

// --- between numbers ---

template <typename To, typename From>
To widen(From x) {
  return static_cast<To>(x);
}
template <typename To, typename From>
bool narrow_integer(To& out, From x) {
  out = static_cast<To>(x);
  return out != x;
}
template <typename To, typename From>
Error narrow_out_of_range(From) {
  return error(Code::NumericOutOfRange, "{} out of range", kIntegerName<To>);
}
// Rounds half to even, as Postgres casts floats. The bounds are powers of two, so exact in any float.
template <typename To, typename From>
Result<To> round_to_integer(From x) {
  const From rounded = std::rint(x);
  constexpr auto kBelow = static_cast<From>(std::numeric_limits<To>::min());
  if (!(rounded >= kBelow && rounded < -kBelow)) return narrow_out_of_range<To>(x);
  return static_cast<To>(rounded);
}
bool narrow_double(float& out, double x) {
  out = static_cast<float>(x);
  return (std::isinf(out) && !std::isinf(x)) || (out == 0 && x != 0);
}
Error narrow_double_error(double x) {
  return error(Code::NumericOutOfRange, "value out of range: {}", std::abs(x) < 1 ? "underflow" : "overflow");
}

template <typename From>
Numeric integer_to_numeric(From x) {
  return Numeric::of(int64_t{x});
}
Result<Numeric> float_to_numeric(float x) { return Numeric::from_float(x); }
Result<Numeric> double_to_numeric(double x) { return Numeric::from_double(x); }
template <typename To>
Result<To> numeric_to_integer(const Numeric& x) {
  if (!x.is_finite()) {
    return error(Code::NotSupported, "cannot convert {} to {}", x.special() == Numeric::Special::NaN ? "NaN" : "infinity",
                 kIntegerName<To>);
  }
  auto wide = x.to_int64();
  if (wide.has_error() || wide.value() != static_cast<To>(wide.value())) return narrow_out_of_range<To>(x);
  return static_cast<To>(wide.value());
}
double numeric_to_double(const Numeric& x) { return x.to_double(); }
Result<float> numeric_to_float(const Numeric& x) {
  const double wide = x.to_double();
  float out;
  if (narrow_double(out, wide)) return narrow_double_error(wide);
  return out;
}
int32_t bool_to_integer(bool x) { return x ? 1 : 0; }
bool integer_to_bool(int32_t x) { return x != 0; }

// --- between dates and timestamps ---

Result<int64_t> date_to_timestamp(int32_t days) {
  if (days < kFirstTimestampDay || days > kLastTimestampDay) return Error(Code::DatetimeOverflow, "date out of range for timestamp");
  return int64_t{days} * data::kMicrosPerDay;
}
int32_t timestamp_to_date(int64_t micros) { return static_cast<int32_t>(data::split_timestamp(micros).days); }

// --- from and to text ---

template <auto Parse>
auto read_text(Text text) {
  return Parse(text.view());
}

void append_truth(std::string& out, bool value) { out += value ? "true" : "false"; }
void append_numeric(std::string& out, const Numeric& value) { value.append_to(out); }

template <typename T, auto Append>
Column write_text(const KernelCall& call) {
  auto out = data::make_values<Text>(call.rows);
  auto validity = strict_validity(call.args);
  if (validity != nullptr || call.active != nullptr) std::fill_n(out.get(), call.rows, Text());
  const Arg<T> in(call.args[0]);
  TextArena arena;
  std::string scratch;
  for_each_row(call.rows, validity.get(), call.active, [&](size_t i) {
    scratch.clear();
    Append(scratch, in[i]);
    out[i] = arena.copy(scratch);
  });
  return Column(call.type, call.rows, std::shared_ptr<const Text[]>(std::move(out)), std::move(validity), arena.take_blocks());
}

class CastTable {
 public:
  CastTable() {
    add_integers();
    add_floats();
    add_others();
    add_text();
  }
  [[nodiscard]] KernelFunction find(TypeKind from, TypeKind to) const {
    const auto found = casts_.find({from, to});
    return found == casts_.end() ? nullptr : found->second;
  }

 private:
  void add(TypeKind from, TypeKind to, const TypedKernel& kernel) {
    PENSTOCK_CHECK(kernel.fits(std::array{from}, to));
    casts_[{from, to}] = kernel.run;
  }
  template <typename To, typename From>
  void add_narrowing(TypeKind from, TypeKind to) {
    add(from, to, checked<&narrow_integer<To, From>, &narrow_out_of_range<To, From>>);
  }
  template <typename T>
  void add_integer(TypeKind kind) {
    add(kind, TypeKind::Float32, each<&widen<float, T>>);
    add(kind, TypeKind::Float64, each<&widen<double, T>>);
    add(kind, TypeKind::Numeric, each<&integer_to_numeric<T>>);
    add(TypeKind::Float32, kind, each<&round_to_integer<T, float>>);
    add(TypeKind::Float64, kind, each<&round_to_integer<T, double>>);
    add(TypeKind::Numeric, kind, each<&numeric_to_integer<T>>);
  }
  void add_integers() {
    add_integer<int16_t>(TypeKind::Int16);
    add_integer<int32_t>(TypeKind::Int32);
    add_integer<int64_t>(TypeKind::Int64);
    add(TypeKind::Int16, TypeKind::Int32, each<&widen<int32_t, int16_t>>);
    add(TypeKind::Int16, TypeKind::Int64, each<&widen<int64_t, int16_t>>);
    add(TypeKind::Int32, TypeKind::Int64, each<&widen<int64_t, int32_t>>);
    add_narrowing<int16_t, int32_t>(TypeKind::Int32, TypeKind::Int16);
    add_narrowing<int16_t, int64_t>(TypeKind::Int64, TypeKind::Int16);
    add_narrowing<int32_t, int64_t>(TypeKind::Int64, TypeKind::Int32);
  }
  void add_floats() {
    add(TypeKind::Float32, TypeKind::Float64, each<&widen<double, float>>);
    add(TypeKind::Float64, TypeKind::Float32, checked<&narrow_double, &narrow_double_error>);
    add(TypeKind::Float32, TypeKind::Numeric, each<&float_to_numeric>);
    add(TypeKind::Float64, TypeKind::Numeric, each<&double_to_numeric>);
    add(TypeKind::Numeric, TypeKind::Float32, each<&numeric_to_float>);
    add(TypeKind::Numeric, TypeKind::Float64, each<&numeric_to_double>);
  }
  void add_others() {
    add(TypeKind::Boolean, TypeKind::Int32, each<&bool_to_integer>);
    add(TypeKind::Int32, TypeKind::Boolean, each<&integer_to_bool>);
    add(TypeKind::Date, TypeKind::Timestamp, each<&date_to_timestamp>);
    add(TypeKind::Timestamp, TypeKind::Date, each<&timestamp_to_date>);
  }
  template <auto Parse, typename T, auto Append>
  void add_text_of(TypeKind kind) {
    add(TypeKind::Varchar, kind, each<&read_text<Parse>>);
    casts_[{kind, TypeKind::Varchar}] = &write_text<T, Append>;
  }
  void add_text() {
    add_text_of<&data::parse_bool, bool, &append_truth>(TypeKind::Boolean);
    add_text_of<&data::parse_integer<int16_t>, int16_t, &data::append_integer<int16_t>>(TypeKind::Int16);
    add_text_of<&data::parse_integer<int32_t>, int32_t, &data::append_integer<int32_t>>(TypeKind::Int32);
    add_text_of<&data::parse_integer<int64_t>, int64_t, &data::append_integer<int64_t>>(TypeKind::Int64);
    add_text_of<&data::parse_float<float>, float, &data::append_float<float>>(TypeKind::Float32);
    add_text_of<&data::parse_float<double>, double, &data::append_float<double>>(TypeKind::Float64);
    add_text_of<&Numeric::parse, Numeric, &append_numeric>(TypeKind::Numeric);
    add_text_of<&data::parse_date, int32_t, &data::append_date>(TypeKind::Date);
    add_text_of<&data::parse_timestamp, int64_t, &data::append_timestamp>(TypeKind::Timestamp);
    add_text_of<&data::parse_interval, Interval, &data::append_interval>(TypeKind::Interval);
  }

  std::map<std::pair<TypeKind, TypeKind>, KernelFunction> casts_;
};

const CastTable& cast_table() {
  static const CastTable table;
  return table;
}

Column rescale(const KernelCall& call) {
  auto out = data::make_values<Numeric>(call.rows);
  auto validity = strict_validity(call.args);
  std::fill_n(out.get(), call.rows, Numeric());
  const Arg<Numeric> in(call.args[0]);
  FailedRows failed(call);
  for_each_row(call.rows, validity.get(), call.active, [&](size_t i) {
    auto fitted = in[i].rescale(call.type.precision, call.type.scale);
    if (fitted.has_value()) {
      out[i] = fitted.value();
    } else {
      failed.add(i, [&] { return fitted.error(); });
    }
  });
  return Column(call.type, call.rows, std::shared_ptr<const Numeric[]>(std::move(out)), std::move(failed).taken_from(std::move(validity)));
}

Column same_column(const KernelCall& call) { return call.args[0].slice(0, call.rows).with_type(call.type); }

}  // namespace

Result<Kernel> make_cast(DataType from, DataType to) {
  const bool constrains = to.kind == TypeKind::Numeric && to.precision >= 0 && from != to;
  if (from.kind == to.kind) return constrains ? Kernel(rescale) : Kernel(same_column);
  const KernelFunction plain = cast_table().find(from.kind, to.kind);
  if (plain == nullptr) {
    return error(Code::DatatypeMismatch, "cannot cast type {} to {}", from.to_string(), to.to_string());
  }
  if (!constrains) return Kernel(plain);
  return Kernel([plain](const KernelCall& call) {
    const Column wide = plain({call.args, call.rows, call.active, TypeKind::Numeric, call.errors});
    return rescale({std::array{wide}, call.rows, call.active, call.type, call.errors});
  });
}

Column output_text(const KernelCall& call) {
  const TypeKind kind = call.args[0].type().kind;
  if (kind == TypeKind::Varchar) return same_column(call);
  if (kind == TypeKind::Boolean) return write_text<bool, &data::append_bool>(call);
  return cast_table().find(kind, TypeKind::Varchar)(call);
}

}  // namespace penstock::expr
