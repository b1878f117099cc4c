#include "expr/interval_math.h"

#include <cmath>
#include <limits>

namespace penstock::expr {

using data::Interval;

namespace {

constexpr double kDaysPerMonth = 30;
constexpr double kSecondsPerDay = 86'400;

Error interval_out_of_range() { return {Code::DatetimeOverflow, "interval out of range"}; }
Error timestamp_out_of_range() { return {Code::DatetimeOverflow, "timestamp out of range"}; }

// Drops what is beyond microseconds, so that 0.1 day is 2.4 hours and not a little less.
double to_micros_precision(double x) { return std::rint(x * 1e6) / 1e6; }

bool to_int32(double x, int32_t& out) {
  if (!(x > -2147483649.0 && x < 2147483648.0)) return false;
  out = static_cast<int32_t>(x);
  return true;
}
bool to_int64(double x, int64_t& out) {
  if (!(x >= -0x1p63 && x < 0x1p63)) return false;
  out = static_cast<int64_t>(x);
  return true;
}

// `scale(x)` is x times the factor. Whole months and days stay what they are; their fractions go down to days and time.
template <typename F>
Result<Interval> scale_interval(const Interval& a, F&& scale) {
  Interval out;
  const double months = scale(static_cast<double>(a.months));
  const double days = scale(static_cast<double>(a.days));
  if (!to_int32(months, out.months) || !to_int32(days, out.days)) return interval_out_of_range();
  const double days_of_months = to_micros_precision((months - out.months) * kDaysPerMonth);
  int32_t whole_days_of_months;
  if (!to_int32(days_of_months, whole_days_of_months)) return interval_out_of_range();
  double seconds = to_micros_precision((days - out.days + days_of_months - whole_days_of_months) * kSecondsPerDay);
  // The two fractions may come to a day.
  int32_t carried = 0;
  if (std::abs(seconds) >= kSecondsPerDay) {
    carried = static_cast<int32_t>(seconds / kSecondsPerDay);
    seconds -= carried * kSecondsPerDay;
  }
  if (__builtin_add_overflow(out.days, carried, &out.days) || __builtin_add_overflow(out.days, whole_days_of_months, &out.days)) {
    return interval_out_of_range();
  }
  if (!to_int64(std::rint(scale(static_cast<double>(a.micros)) + seconds * 1e6), out.micros)) return interval_out_of_range();
  return out;
}

}  // namespace

Result<Interval> add_intervals(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_add_overflow(a.months, b.months, &out.months) || __builtin_add_overflow(a.days, b.days, &out.days) ||
      __builtin_add_overflow(a.micros, b.micros, &out.micros)) {
    return interval_out_of_range();
  }
  return out;
}

Result<Interval> subtract_intervals(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_sub_overflow(a.months, b.months, &out.months) || __builtin_sub_overflow(a.days, b.days, &out.days) ||
      __builtin_sub_overflow(a.micros, b.micros, &out.micros)) {
    return interval_out_of_range();
  }
  return out;
}

Result<Interval> negate_interval(const Interval& a) { return subtract_intervals({}, a); }

Result<Interval> multiply_interval(const Interval& a, double factor) {
  return scale_interval(a, [factor](double x) { return x * factor; });
}

Result<Interval> divide_interval(const Interval& a, double divisor) {
  if (divisor == 0) return Error(Code::DivisionByZero, "division by zero");
  return scale_interval(a, [divisor](double x) { return x / divisor; });
}

Result<int64_t> add_to_timestamp(int64_t timestamp, const Interval& interval) {
  int64_t out = timestamp;
  if (interval.months != 0) {
    const auto [days, time] = data::split_timestamp(timestamp);
    const data::CivilDate date = data::civil_from_days(days);
    const int64_t months = date.year * 12 + (date.month - 1) + interval.months;
    const int64_t year = months >= 0 ? months / 12 : -((-months + 11) / 12);
    const auto month = static_cast<int32_t>(months - year * 12 + 1);
    const int32_t day = std::min(date.day, data::days_in_month(year, month));
    if (__builtin_mul_overflow(data::days_from_civil(year, month, day), data::kMicrosPerDay, &out) ||
        __builtin_add_overflow(out, time, &out)) {
      return timestamp_out_of_range();
    }
  }
  int64_t days_as_micros;
  if (__builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &days_as_micros) ||
      __builtin_add_overflow(out, days_as_micros, &out) || __builtin_add_overflow(out, interval.micros, &out) || !is_timestamp(out)) {
    return timestamp_out_of_range();
  }
  return out;
}

Result<int64_t> subtract_from_timestamp(int64_t timestamp, const Interval& interval) {
  PENSTOCK_TRY(const Interval negated, negate_interval(interval));
  return add_to_timestamp(timestamp, negated);
}

Result<Interval> subtract_timestamps(int64_t a, int64_t b) {
  int64_t micros;
  if (__builtin_sub_overflow(a, b, &micros)) return interval_out_of_range();
  return Interval{0, static_cast<int32_t>(micros / data::kMicrosPerDay), micros % data::kMicrosPerDay};
}

Result<int32_t> add_days(int32_t date, int64_t days) {
  constexpr int64_t kLast = data::days_from_civil(5874897, 12, 31);
  int64_t out;
  if (__builtin_add_overflow(int64_t{date}, days, &out) || out < kFirstTimestampDay || out > kLast)
    return Error(Code::DatetimeOverflow, "date out of range");
  return static_cast<int32_t>(out);
}

}  // namespace penstock::expr
