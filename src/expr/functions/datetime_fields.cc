// EXTRACT (numeric) and date_part (double precision). A constant unit picks its own loop.
#include <array>

#include "expr/datetime_units.h"
#include "expr/function_table.h"

namespace penstock::expr {

using data::Interval;
using data::Numeric;
using data::Text;
using data::TypeKind;

namespace {

// A field: value * 10^-scale. Fields of seconds have the scale that Postgres prints.
struct Field {
  int64_t value;
  uint8_t scale = 0;
};

// Of a day of the calendar.
template <DateUnit kUnit>
int64_t day_field(int64_t days) {
  if constexpr (kUnit == DateUnit::DayOfWeek) return floor_mod(days + 4, 7);
  if constexpr (kUnit == DateUnit::IsoDayOfWeek) return weekday_from_monday(days) + 1;
  if constexpr (kUnit == DateUnit::Week) return iso_week(days);
  if constexpr (kUnit == DateUnit::IsoYear) return year_without_zero(iso_year(days));
  if constexpr (kUnit == DateUnit::DayOfYear) return day_of_year(days);
  if constexpr (kUnit == DateUnit::Julian) return julian_day(days);
  const data::CivilDate date = data::civil_from_days(days);
  if constexpr (kUnit == DateUnit::Day) return date.day;
  if constexpr (kUnit == DateUnit::Month) return date.month;
  if constexpr (kUnit == DateUnit::Quarter) return (date.month - 1) / 3 + 1;
  if constexpr (kUnit == DateUnit::Year) return year_without_zero(date.year);
  if constexpr (kUnit == DateUnit::Decade) return decade_of(date.year);
  if constexpr (kUnit == DateUnit::Century) return century_of(date.year, 100);
  if constexpr (kUnit == DateUnit::Millennium) return century_of(date.year, 1000);
  return 0;
}

// Of a time: not negative for a time of day, of either sign for an interval.
template <DateUnit kUnit>
Field time_field(int64_t micros) {
  constexpr int64_t kMinute = data::kMicrosPerMinute;
  if constexpr (kUnit == DateUnit::Microsecond) return {micros % kMinute};
  if constexpr (kUnit == DateUnit::Millisecond) return {micros % kMinute, 3};
  if constexpr (kUnit == DateUnit::Second) return {micros % kMinute, 6};
  if constexpr (kUnit == DateUnit::Minute) return {micros / kMinute % 60};
  if constexpr (kUnit == DateUnit::Hour) return {micros / data::kMicrosPerHour};
  return {0};
}

constexpr bool is_time_unit(DateUnit unit) { return unit <= DateUnit::Hour; }
constexpr bool is_day_unit(DateUnit unit) { return !is_time_unit(unit) && unit != DateUnit::Epoch && unit != DateUnit::Julian; }

// --- the three types; `kKnows` says which units they have ---

struct OfTimestamp {
  using Input = int64_t;
  static constexpr TypeKind kKind = TypeKind::Timestamp;
  static constexpr bool kKnows(DateUnit) { return true; }
  template <DateUnit kUnit>
  static Field get(int64_t timestamp) {
    if constexpr (kUnit == DateUnit::Epoch) return {timestamp, 6};
    const auto [days, micros] = data::split_timestamp(timestamp);
    if constexpr (is_time_unit(kUnit)) return time_field<kUnit>(micros);
    return {day_field<kUnit>(days)};
  }
};

struct OfDate {
  using Input = int32_t;
  static constexpr TypeKind kKind = TypeKind::Date;
  static constexpr bool kKnows(DateUnit unit) { return !is_time_unit(unit); }
  template <DateUnit kUnit>
  static Field get(int32_t days) {
    if constexpr (kUnit == DateUnit::Epoch) return {days * int64_t{86'400}};
    return {day_field<kUnit>(days)};
  }
};

struct OfInterval {
  using Input = Interval;
  static constexpr TypeKind kKind = TypeKind::Interval;
  static constexpr bool kKnows(DateUnit unit) {
    return unit == DateUnit::Epoch || (unit <= DateUnit::Millennium && unit != DateUnit::Week);
  }
  template <DateUnit kUnit>
  static Field get(const Interval& interval) {
    if constexpr (is_time_unit(kUnit)) return time_field<kUnit>(interval.micros);
    if constexpr (kUnit == DateUnit::Day) return {interval.days};
    if constexpr (kUnit == DateUnit::Month) return {interval.months % 12};
    if constexpr (kUnit == DateUnit::Quarter) return {interval.months % 12 / 3 + 1};
    if constexpr (kUnit == DateUnit::Year) return {interval.months / 12};
    if constexpr (kUnit == DateUnit::Decade) return {interval.months / 120};
    if constexpr (kUnit == DateUnit::Century) return {interval.months / 1'200};
    if constexpr (kUnit == DateUnit::Millennium) return {interval.months / 12'000};
    return {0};
  }
};

// --- the two results ---

constexpr std::array<double, 7> kScales = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

// Of an interval, years have 365.25 days here, and months 30: may leave 64 bits.
Numeric interval_epoch(const Interval& interval) {
  const int64_t days = int64_t{interval.months % 12} * 30 + interval.days;
  const int64_t seconds = int64_t{interval.months / 12} * 31'557'600 + days * 86'400;
  return Numeric::of(static_cast<__int128>(seconds) * 1'000'000 + interval.micros, 6);
}
// The day, and the part of it that has passed.
Numeric timestamp_julian(int64_t timestamp) {
  const auto [days, micros] = data::split_timestamp(timestamp);
  const auto part = Numeric::divide(Numeric::of(micros), Numeric::of(data::kMicrosPerDay));
  return Numeric::add(Numeric::of(julian_day(days)), part.value()).value();
}

template <typename Type, DateUnit kUnit>
Numeric extract_field(typename Type::Input x) {
  if constexpr (std::is_same_v<Type, OfInterval> && kUnit == DateUnit::Epoch) {
    return interval_epoch(x);
  } else if constexpr (std::is_same_v<Type, OfTimestamp> && kUnit == DateUnit::Julian) {
    return timestamp_julian(x);
  } else {
    const Field field = Type::template get<kUnit>(x);
    return Numeric::of(__int128{field.value}, field.scale);
  }
}
template <typename Type, DateUnit kUnit>
double part_field(typename Type::Input x) {
  if constexpr (std::is_same_v<Type, OfInterval> && kUnit == DateUnit::Epoch) {
    return interval_epoch(x).to_double();
  } else if constexpr (std::is_same_v<Type, OfTimestamp> && kUnit == DateUnit::Julian) {
    return timestamp_julian(x).to_double();
  } else {
    const Field field = Type::template get<kUnit>(x);
    return static_cast<double>(field.value) / kScales[field.scale];
  }
}

template <typename Type, typename R>
struct UnitFunction {
  R (*at_row)(typename Type::Input) = nullptr;
  KernelFunction over_column = nullptr;  // null: the type does not know the unit
};

template <typename Type, typename R, DateUnit kUnit>
constexpr UnitFunction<Type, R> unit_function() {
  if constexpr (!Type::kKnows(kUnit)) {
    return {};
  } else {
    constexpr R (*kFunction)(typename Type::Input) = [] {
      if constexpr (std::is_same_v<R, Numeric>) return &extract_field<Type, kUnit>;
      if constexpr (!std::is_same_v<R, Numeric>) return &part_field<Type, kUnit>;
    }();
    if constexpr (std::is_same_v<Type, OfTimestamp> && is_day_unit(kUnit)) {
      return {kFunction, &run_by_day<kFunction>};
    } else {
      return {kFunction, each<kFunction>.run};
    }
  }
}
template <typename Type, typename R>
constexpr auto kUnitFunctions = []<size_t... I>(std::index_sequence<I...>) {
  return std::array<UnitFunction<Type, R>, sizeof...(I)>{unit_function<Type, R, static_cast<DateUnit>(I)>()...};
}(std::make_index_sequence<kDateUnits>());

template <typename Type, typename R>
Result<UnitFunction<Type, R>> find_unit_function(std::string_view unit) {
  PENSTOCK_TRY(const DateUnit known, parse_date_unit(unit, Type::kKind));
  const auto function = kUnitFunctions<Type, R>[static_cast<size_t>(known)];
  if (function.over_column == nullptr) return unsupported_unit(unit, Type::kKind);
  return function;
}

template <typename Type, typename R>
data::Column fields_by_row(const KernelCall& call) {
  using Input = typename Type::Input;
  return map_rows<R, Text, Input>(call, [](TextArena&, const Text& unit, const Input& x) -> Result<R> {
    PENSTOCK_TRY(const auto function, (find_unit_function<Type, R>(unit.view())));
    return function.at_row(x);
  });
}

template <typename Type, typename R>
Result<Kernel> bind_field(const BindArgs& args) {
  const auto unit = constant_text(args, 0);
  if (!unit) return Kernel(fields_by_row<Type, R>);
  PENSTOCK_TRY(const auto function, (find_unit_function<Type, R>(*unit)));
  return Kernel([run = function.over_column](const KernelCall& call) {
    return run({call.args.subspan(1), call.rows, call.active, call.type, call.errors});
  });
}

}  // namespace

void register_datetime_fields(FunctionTable& table) {
  constexpr auto kText = TypeKind::Varchar;
  table.add_bound("extract", {kText, TypeKind::Timestamp}, TypeKind::Numeric, bind_field<OfTimestamp, Numeric>);
  table.add_bound("extract", {kText, TypeKind::Date}, TypeKind::Numeric, bind_field<OfDate, Numeric>);
  table.add_bound("extract", {kText, TypeKind::Interval}, TypeKind::Numeric, bind_field<OfInterval, Numeric>);
  // A date is a timestamp here: Postgres' date_part(text, date) knows hours, which are 0.
  table.add_bound("date_part", {kText, TypeKind::Timestamp}, TypeKind::Float64, bind_field<OfTimestamp, double>);
  table.add_bound("date_part", {kText, TypeKind::Interval}, TypeKind::Float64, bind_field<OfInterval, double>);
}

}  // namespace penstock::expr
