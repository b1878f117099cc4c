// date_trunc, date_bin, and the start of a tumbling window.
#include <array>

#include "expr/datetime_units.h"
#include "expr/function_table.h"
#include "expr/interval_math.h"

namespace penstock::expr {

using data::Interval;
using data::Text;
using data::TypeKind;

namespace {

// --- date_trunc ---

constexpr int64_t micros_of(DateUnit unit) {
  switch (unit) {
    case DateUnit::Microsecond:
      return 1;
    case DateUnit::Millisecond:
      return 1'000;
    case DateUnit::Second:
      return data::kMicrosPerSecond;
    case DateUnit::Minute:
      return data::kMicrosPerMinute;
    case DateUnit::Hour:
      return data::kMicrosPerHour;
    case DateUnit::Day:
      return data::kMicrosPerDay;
    default:
      return 0;
  }
}
constexpr int32_t months_of(DateUnit unit) {
  switch (unit) {
    case DateUnit::Month:
      return 1;
    case DateUnit::Quarter:
      return 3;
    case DateUnit::Year:
      return 12;
    case DateUnit::Decade:
      return 120;
    case DateUnit::Century:
      return 1'200;
    case DateUnit::Millennium:
      return 12'000;
    default:
      return 0;
  }
}

template <DateUnit kUnit>
int64_t trunc_timestamp(int64_t timestamp) {
  if constexpr (micros_of(kUnit) != 0) return timestamp - floor_mod(timestamp, micros_of(kUnit));
  int64_t days = data::split_timestamp(timestamp).days;
  if constexpr (kUnit == DateUnit::Week) {
    days -= weekday_from_monday(days);
  } else {
    const data::CivilDate date = data::civil_from_days(days);
    // Centuries and millennia begin with a year 1.
    constexpr int64_t kFirstYear = kUnit == DateUnit::Century || kUnit == DateUnit::Millennium ? 1 : 0;
    const int64_t month = (date.year - kFirstYear) * 12 + date.month - 1;
    const int64_t first = month - floor_mod(month, months_of(kUnit));
    days = data::days_from_civil(floor_div(first, 12) + kFirstYear, static_cast<int32_t>(floor_mod(first, 12)) + 1, 1);
  }
  // Only a timestamp in the first days that can be stored may wrap; what it was is closest to what it should be.
  int64_t out;
  return __builtin_mul_overflow(days, data::kMicrosPerDay, &out) ? timestamp : out;
}

// Toward zero, field by field.
template <DateUnit kUnit>
Interval trunc_interval(const Interval& interval) {
  if constexpr (kUnit == DateUnit::Day) return {interval.months, interval.days, 0};
  if constexpr (micros_of(kUnit) != 0) return {interval.months, interval.days, interval.micros - interval.micros % micros_of(kUnit)};
  return {interval.months - interval.months % std::max(months_of(kUnit), 1), 0, 0};
}

constexpr bool has_trunc(DateUnit unit, TypeKind type) {
  return unit <= DateUnit::Millennium && (unit != DateUnit::Week || type == TypeKind::Timestamp);
}

template <typename T, DateUnit kUnit>
constexpr auto trunc_function() {
  if constexpr (std::is_same_v<T, Interval>) {
    return &trunc_interval<kUnit>;
  } else {
    return &trunc_timestamp<kUnit>;
  }
}

template <typename T>
struct Truncation {
  decltype(trunc_function<T, DateUnit::Day>()) at_row = nullptr;
  KernelFunction over_column = nullptr;  // null: the type does not know the unit
};
template <typename T, TypeKind kType, DateUnit kUnit>
constexpr Truncation<T> truncation() {
  if constexpr (has_trunc(kUnit, kType)) {
    constexpr auto kFunction = trunc_function<T, kUnit>();
    if constexpr (kType == TypeKind::Timestamp && micros_of(kUnit) == 0) {
      return {kFunction, &run_by_day<kFunction>};
    } else {
      return {kFunction, each<kFunction>.run};
    }
  } else {
    return {};
  }
}
template <typename T, TypeKind kType>
constexpr auto kTruncations = []<size_t... I>(std::index_sequence<I...>) {
  return std::array<Truncation<T>, sizeof...(I)>{truncation<T, kType, static_cast<DateUnit>(I)>()...};
}(std::make_index_sequence<kDateUnits>());

template <typename T, TypeKind kType>
Result<Truncation<T>> find_truncation(std::string_view unit) {
  PENSTOCK_TRY(const DateUnit known, parse_date_unit(unit, kType));
  if (known > DateUnit::Millennium) return unrecognized_unit(unit, kType);  // dow, epoch, …: not for cutting
  const auto found = kTruncations<T, kType>[static_cast<size_t>(known)];
  if (found.over_column == nullptr) return unsupported_unit(unit, kType);
  return found;
}

template <typename T, TypeKind kType>
data::Column trunc_by_row(const KernelCall& call) {
  return map_rows<T, Text, T>(call, [](TextArena&, const Text& unit, const T& x) -> Result<T> {
    PENSTOCK_TRY(const auto found, (find_truncation<T, kType>(unit.view())));
    return found.at_row(x);
  });
}
template <typename T, TypeKind kType>
Result<Kernel> bind_trunc(const BindArgs& args) {
  const auto unit = constant_text(args, 0);
  if (!unit) return Kernel(trunc_by_row<T, kType>);
  PENSTOCK_TRY(const auto found, (find_truncation<T, kType>(*unit)));
  return Kernel([run = found.over_column](const KernelCall& call) {
    return run({call.args.subspan(1), call.rows, call.active, call.type, call.errors});
  });
}

// --- date_bin and tumble_start ---

// The length of a window in microseconds. `what`: "stride" or "window size".
Result<int64_t> window_length(const Interval& interval, std::string_view what) {
  if (interval.months != 0) return Error(Code::NotSupported, "timestamps cannot be binned into intervals containing months or years");
  int64_t length;
  if (__builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &length) ||
      __builtin_add_overflow(length, interval.micros, &length)) {
    return Error(Code::DatetimeOverflow, "interval out of range");
  }
  if (length <= 0) return error(Code::DatetimeOverflow, "{} must be greater than zero", what);
  return length;
}

// The window of `length` that `timestamp` lies in, of those of which one begins at `origin`.
Result<int64_t> window_start(int64_t timestamp, int64_t length, int64_t origin) {
  int64_t distance, start;
  if (__builtin_sub_overflow(timestamp, origin, &distance) || __builtin_sub_overflow(timestamp, floor_mod(distance, length), &start) ||
      !is_timestamp(start)) {
    return Error(Code::DatetimeOverflow, "timestamp out of range");
  }
  return start;
}

Result<int64_t> date_bin(const Interval& stride, int64_t timestamp, int64_t origin) {
  PENSTOCK_TRY(const int64_t length, window_length(stride, "stride"));
  return window_start(timestamp, length, origin);
}
Result<int64_t> tumble_with_offset(int64_t timestamp, const Interval& size, const Interval& offset) {
  PENSTOCK_TRY(const int64_t length, window_length(size, "window size"));
  PENSTOCK_TRY(const int64_t origin, add_to_timestamp(0, offset));
  return window_start(timestamp, length, origin);
}
Result<int64_t> tumble(int64_t timestamp, const Interval& size) { return tumble_with_offset(timestamp, size, {}); }

// A constant size: one loop without a check, as the windows of timestamps that are not at the very beginning of time are timestamps too.
data::Column tumble_column(const KernelCall& call, int64_t length) {
  const auto* const timestamps = call.args[0].values<int64_t>();
  auto out = data::make_values<int64_t>(call.rows);
  bool early = false;
  const size_t stride = call.args[0].stride();
  for (size_t i = 0; i < call.rows; ++i) {
    const int64_t timestamp = timestamps[i * stride];
    early |= timestamp < 0;
    out[i] = timestamp - floor_mod(timestamp, length);
  }
  if (early) return each<&tumble>.run(call);
  return data::Column(call.type, call.rows, std::shared_ptr<const int64_t[]>(std::move(out)), strict_validity(call.args));
}
Result<Kernel> bind_tumble(const BindArgs& args) {
  if (!args.constants[1]) return Kernel(each<&tumble>.run);
  PENSTOCK_TRY(const int64_t length, window_length(std::get<Interval>(*args.constants[1]), "window size"));
  return Kernel([length](const KernelCall& call) { return tumble_column(call, length); });
}

}  // namespace

void register_datetime_trunc(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  constexpr auto kTimestamp = TypeKind::Timestamp;
  constexpr auto kInterval = TypeKind::Interval;
  table.add_bound("date_trunc", {kText, kTimestamp}, kTimestamp, bind_trunc<int64_t, kTimestamp>);
  table.add_bound("date_trunc", {kText, kInterval}, kInterval, bind_trunc<Interval, kInterval>);
  table.add("date_bin", {kInterval, kTimestamp, kTimestamp}, kTimestamp, each<&date_bin>);
  table.add_bound("tumble_start", {kTimestamp, kInterval}, kTimestamp, bind_tumble);
  table.add("tumble_start", {kTimestamp, kInterval, kInterval}, kTimestamp, each<&tumble_with_offset>);
}

}  // namespace penstock::expr
