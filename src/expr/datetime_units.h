#pragma once

#include <optional>
#include <string_view>

#include "common/error.h"
#include "data/datetime.h"
#include "data/types.h"
#include "expr/kernel.h"

namespace penstock::expr {

/// What EXTRACT, date_part and date_trunc can be asked for.
enum class DateUnit : uint8_t {
  Microsecond,
  Millisecond,
  Second,
  Minute,
  Hour,
  Day,
  Week,
  Month,
  Quarter,
  Year,
  Decade,
  Century,
  Millennium,
  DayOfWeek,
  IsoDayOfWeek,
  DayOfYear,
  IsoYear,
  Epoch,
  Julian,
};
constexpr size_t kDateUnits = static_cast<size_t>(DateUnit::Julian) + 1;

/// By any of Postgres' names ("hour", "hours", "h", …), in any case. Errors: `InvalidParameter`, naming `type`.
[[nodiscard]] Result<DateUnit> parse_date_unit(std::string_view text, data::TypeKind type);
[[nodiscard]] Error unrecognized_unit(std::string_view unit, data::TypeKind type);
/// `unit` exists, but not for `type`.
[[nodiscard]] Error unsupported_unit(std::string_view unit, data::TypeKind type);

/// Toward minus infinity; `b` is positive.
[[nodiscard]] constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - static_cast<int64_t>(a % b < 0); }
[[nodiscard]] constexpr int64_t floor_mod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest + (rest < 0 ? b : 0);
}

/// A column of `F(timestamp)`, which depends on the day only: computed when the day changes, as neighbouring rows of a stream mostly share
/// it.
template <auto F>
[[nodiscard]] data::Column run_by_day(const KernelCall& call) {
  using R = decltype(F(int64_t{}));
  const Arg<int64_t> timestamps(call.args[0]);
  auto out = data::make_values<R>(call.rows);
  int64_t day = 0;
  R value = F(0);
  for (size_t i = 0; i < call.rows; ++i) {
    const int64_t timestamp = timestamps[i];
    if (static_cast<uint64_t>(timestamp) - static_cast<uint64_t>(day) >= static_cast<uint64_t>(data::kMicrosPerDay)) {
      day = timestamp - floor_mod(timestamp, data::kMicrosPerDay);
      value = F(timestamp);
    }
    out[i] = value;
  }
  return data::Column(call.type, call.rows, std::shared_ptr<const R[]>(std::move(out)), strict_validity(call.args));
}

/// 0 = Monday.
[[nodiscard]] constexpr int64_t weekday_from_monday(int64_t days) { return floor_mod(days + 3, 7); }
/// The year that the day's ISO week belongs to: that of its Thursday.
[[nodiscard]] constexpr int64_t iso_year(int64_t days) { return data::civil_from_days(days - weekday_from_monday(days) + 3).year; }
[[nodiscard]] constexpr int64_t iso_week(int64_t days) {
  const int64_t thursday = days - weekday_from_monday(days) + 3;
  return (thursday - data::days_from_civil(data::civil_from_days(thursday).year, 1, 1)) / 7 + 1;
}
[[nodiscard]] constexpr int64_t day_of_year(int64_t days) {
  return days - data::days_from_civil(data::civil_from_days(days).year, 1, 1) + 1;
}
/// As people write it: there is no year 0, the one before 1 is -1.
[[nodiscard]] constexpr int64_t year_without_zero(int64_t year) { return year > 0 ? year : year - 1; }
/// The `size` years (10, 100, 1000) that `year` lies in; centuries and millennia begin with year 1, decades with year 0.
[[nodiscard]] constexpr int64_t decade_of(int64_t year) { return floor_div(year, 10); }
[[nodiscard]] constexpr int64_t century_of(int64_t year, int64_t size) {
  return year > 0 ? (year + size - 1) / size : -((size - year) / size);
}
/// Days since 4714-11-24 BC.
[[nodiscard]] constexpr int64_t julian_day(int64_t days) { return days + 2'440'588; }

}  // namespace penstock::expr
