#pragma once

#include <cstdint>

namespace penstock::data {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

/// A day of the proleptic Gregorian calendar. Year 0 is 1 BC.
struct CivilDate {
  int64_t year;
  int32_t month;  // 1 to 12
  int32_t day;    // 1 to 31
  bool operator==(const CivilDate&) const = default;
};

/// Days since 1970-01-01 and back, for any year that fits. The month may only be 1 to 12; the day is simply counted on.
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March, eras of 400 years.)
[[nodiscard]] constexpr int64_t days_from_civil(int64_t year, int32_t month, int32_t day) {
  year -= static_cast<int64_t>(month <= 2);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}
[[nodiscard]] constexpr CivilDate civil_from_days(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const auto month = static_cast<int32_t>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + static_cast<int64_t>(month <= 2), month, day};
}

[[nodiscard]] constexpr bool is_leap_year(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
[[nodiscard]] constexpr int32_t days_in_month(int64_t year, int32_t month) {
  if (month == 2) return is_leap_year(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// A timestamp as whole days and the microseconds of that day, which are never negative.
struct DayAndTime {
  int64_t days;
  int64_t micros;
};
[[nodiscard]] constexpr DayAndTime split_timestamp(int64_t timestamp) {
  int64_t days = timestamp / kMicrosPerDay;
  int64_t micros = timestamp % kMicrosPerDay;
  if (micros < 0) {
    micros += kMicrosPerDay;
    --days;
  }
  return {days, micros};
}

/// What text may name: years 0001 to 9999.
constexpr int64_t kFirstDay = days_from_civil(1, 1, 1);
constexpr int64_t kLastDay = days_from_civil(9999, 12, 31);

}  // namespace penstock::data
