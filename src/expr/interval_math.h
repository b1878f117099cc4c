#pragma once

#include "common/error.h"
#include "data/datetime.h"
#include "data/interval.h"

namespace penstock::expr {

/// Arithmetic of intervals, dates and timestamps, as Postgres. Errors: `DatetimeOverflow`, `DivisionByZero`.

[[nodiscard]] Result<data::Interval> add_intervals(const data::Interval& a, const data::Interval& b);
[[nodiscard]] Result<data::Interval> subtract_intervals(const data::Interval& a, const data::Interval& b);
[[nodiscard]] Result<data::Interval> negate_interval(const data::Interval& a);
/// Fractions flow down: of a month into days (30 of them), of a day into time.
[[nodiscard]] Result<data::Interval> multiply_interval(const data::Interval& a, double factor);
[[nodiscard]] Result<data::Interval> divide_interval(const data::Interval& a, double divisor);

/// Months first (the day is clamped to the month's last), then days, then time.
[[nodiscard]] Result<int64_t> add_to_timestamp(int64_t timestamp, const data::Interval& interval);
[[nodiscard]] Result<int64_t> subtract_from_timestamp(int64_t timestamp, const data::Interval& interval);
/// In days and time, never months.
[[nodiscard]] Result<data::Interval> subtract_timestamps(int64_t a, int64_t b);
[[nodiscard]] Result<int32_t> add_days(int32_t date, int64_t days);

/// The days whose timestamps can be stored: from 4714-11-24 BC, as Postgres, to 294246-12-31, the last whole year in 64 bits of
/// microseconds since 1970 (Postgres counts from 2000 and reaches 30 years further).
constexpr int64_t kFirstTimestampDay = data::days_from_civil(-4713, 11, 24);
constexpr int64_t kLastTimestampDay = data::days_from_civil(294246, 12, 31);
[[nodiscard]] constexpr bool is_timestamp(int64_t micros) {
  return micros >= kFirstTimestampDay * data::kMicrosPerDay && micros < (kLastTimestampDay + 1) * data::kMicrosPerDay;
}

}  // namespace penstock::expr
