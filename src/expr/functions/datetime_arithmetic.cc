// + - * / of dates, timestamps and intervals; making and normalising them.
#include <cmath>

#include "expr/function_table.h"
#include "expr/interval_math.h"

namespace penstock::expr {

using data::Interval;
using data::TypeKind;

namespace {

constexpr auto kDate = TypeKind::Date;
constexpr auto kTimestamp = TypeKind::Timestamp;
constexpr auto kInterval = TypeKind::Interval;
constexpr auto kInt = TypeKind::Int32;
constexpr auto kDouble = TypeKind::Float64;

// Nearly all intervals that meet a column of timestamps have no months; then this is an addition.
bool shift_timestamp(int64_t& out, int64_t timestamp, const Interval& interval) {
  if (interval.months != 0) [[unlikely]] {
    const auto shifted = add_to_timestamp(timestamp, interval);
    out = shifted.has_value() ? shifted.value() : 0;
    return shifted.has_error();
  }
  int64_t days;
  const bool failed = __builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &days) ||
                      __builtin_add_overflow(timestamp, days, &out) || __builtin_add_overflow(out, interval.micros, &out);
  return failed || !is_timestamp(out);
}
bool shift_timestamp_back(int64_t& out, int64_t timestamp, const Interval& interval) {
  if (interval.months == INT32_MIN || interval.days == INT32_MIN || interval.micros == INT64_MIN) [[unlikely]] {
    out = 0;
    return true;
  }
  return shift_timestamp(out, timestamp, {-interval.months, -interval.days, -interval.micros});
}
Error shifted_out_of_range(int64_t, const Interval&) { return {Code::DatetimeOverflow, "timestamp out of range"}; }
bool shift_by(int64_t& out, const Interval& interval, int64_t timestamp) { return shift_timestamp(out, timestamp, interval); }
Error shift_by_out_of_range(const Interval& interval, int64_t timestamp) { return shifted_out_of_range(timestamp, interval); }

Result<int64_t> date_plus_interval(int32_t date, const Interval& interval) {
  return add_to_timestamp(int64_t{date} * data::kMicrosPerDay, interval);
}
Result<int64_t> interval_plus_date(const Interval& interval, int32_t date) { return date_plus_interval(date, interval); }
Result<int64_t> date_minus_interval(int32_t date, const Interval& interval) {
  return subtract_from_timestamp(int64_t{date} * data::kMicrosPerDay, interval);
}
Result<int32_t> date_plus_days(int32_t date, int32_t days) { return add_days(date, days); }
Result<int32_t> days_plus_date(int32_t days, int32_t date) { return add_days(date, days); }
Result<int32_t> date_minus_days(int32_t date, int32_t days) { return add_days(date, -int64_t{days}); }
Result<int32_t> date_minus_date(int32_t a, int32_t b) {
  int32_t out;
  if (__builtin_sub_overflow(a, b, &out)) return Error(Code::NumericOutOfRange, "integer out of range");
  return out;
}

Result<Interval> interval_times(const Interval& a, double factor) { return multiply_interval(a, factor); }
Result<Interval> times_interval(double factor, const Interval& a) { return multiply_interval(a, factor); }
Result<Interval> interval_over(const Interval& a, double divisor) { return divide_interval(a, divisor); }

// --- justify: 24 hours are a day, 30 days a month; signs are made to agree ---

Result<Interval> justify_hours(const Interval& a) {
  Interval out = a;
  const auto days = static_cast<int32_t>(a.micros / data::kMicrosPerDay);
  out.micros -= days * data::kMicrosPerDay;
  if (__builtin_add_overflow(out.days, days, &out.days)) return Error(Code::DatetimeOverflow, "interval out of range");
  if (out.days > 0 && out.micros < 0) {
    out.micros += data::kMicrosPerDay;
    --out.days;
  } else if (out.days < 0 && out.micros > 0) {
    out.micros -= data::kMicrosPerDay;
    ++out.days;
  }
  return out;
}
Result<Interval> justify_days(const Interval& a) {
  Interval out = a;
  const int32_t months = a.days / 30;
  out.days -= months * 30;
  if (__builtin_add_overflow(out.months, months, &out.months)) return Error(Code::DatetimeOverflow, "interval out of range");
  if (out.months > 0 && out.days < 0) {
    out.days += 30;
    --out.months;
  } else if (out.months < 0 && out.days > 0) {
    out.days -= 30;
    ++out.months;
  }
  return out;
}

// --- making ---

Result<int32_t> make_date(int32_t year, int32_t month, int32_t day) {
  const int64_t astronomical = year < 0 ? int64_t{year} + 1 : year;
  if (year == 0 || month < 1 || month > 12 || day < 1 || day > data::days_in_month(astronomical, month)) {
    return error(Code::DatetimeOverflow, "date field value out of range: {}-{:02}-{:02}", year, month, day);
  }
  return add_days(0, data::days_from_civil(astronomical, month, day));
}
Result<int64_t> make_timestamp(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, double second) {
  PENSTOCK_TRY(const int32_t date, make_date(year, month, day));
  const bool end_of_day = hour == 24 && minute == 0 && second == 0;
  if (!end_of_day && (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second <= 60))) {
    return error(Code::DatetimeOverflow, "time field value out of range: {}:{:02}:{:02}", hour, minute, second);
  }
  const int64_t time = hour * data::kMicrosPerHour + minute * data::kMicrosPerMinute + static_cast<int64_t>(std::rint(second * 1e6));
  return add_to_timestamp(int64_t{date} * data::kMicrosPerDay, Interval{0, 0, time});
}

void register_sums(FunctionTable& table) {
  table.add("add", {kDate, kInt}, kDate, each<&date_plus_days>);
  table.add("add", {kInt, kDate}, kDate, each<&days_plus_date>);
  table.add("add", {kDate, kInterval}, kTimestamp, each<&date_plus_interval>);
  table.add("add", {kInterval, kDate}, kTimestamp, each<&interval_plus_date>);
  table.add("add", {kTimestamp, kInterval}, kTimestamp, checked<&shift_timestamp, &shifted_out_of_range>);
  table.add("add", {kInterval, kTimestamp}, kTimestamp, checked<&shift_by, &shift_by_out_of_range>);
  table.add("add", {kInterval, kInterval}, kInterval, each<&add_intervals>);
  table.add("subtract", {kDate, kInt}, kDate, each<&date_minus_days>);
  table.add("subtract", {kDate, kDate}, kInt, each<&date_minus_date>);
  table.add("subtract", {kDate, kInterval}, kTimestamp, each<&date_minus_interval>);
  table.add("subtract", {kTimestamp, kInterval}, kTimestamp, checked<&shift_timestamp_back, &shifted_out_of_range>);
  table.add("subtract", {kTimestamp, kTimestamp}, kInterval, each<&subtract_timestamps>);
  table.add("subtract", {kInterval, kInterval}, kInterval, each<&subtract_intervals>);
}

}  // namespace

void register_datetime_arithmetic(FunctionTable& table) {
  register_sums(table);
  table.add("multiply", {kInterval, kDouble}, kInterval, each<&interval_times>);
  table.add("multiply", {kDouble, kInterval}, kInterval, each<&times_interval>);
  table.add("divide", {kInterval, kDouble}, kInterval, each<&interval_over>);
  table.add("negate", {kInterval}, kInterval, each<&negate_interval>);
  table.add("justify_hours", {kInterval}, kInterval, each<&justify_hours>);
  table.add("justify_days", {kInterval}, kInterval, each<&justify_days>);
  table.add("make_date", {kInt, kInt, kInt}, kDate, each<&make_date>);
  table.add("make_timestamp", {kInt, kInt, kInt, kInt, kInt, kDouble}, kTimestamp, each<&make_timestamp>);
}

}  // namespace penstock::expr
