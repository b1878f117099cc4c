#pragma once

#include <string>
#include <string_view>

#include "common/error.h"
#include "data/interval.h"
#include "data/numeric.h"
#include "data/types.h"

namespace penstock::data {

class Column;
class AnyColumnBuilder;

/// Postgres' text forms of single values, for casts, CSV, JSON and pgwire. Readers take spaces around the value. Errors as `from_text`:
/// `InvalidText` for what is no value of the type, `InvalidDatetime` likewise for dates, timestamps and intervals, `NumericOutOfRange` and
/// `DatetimeOverflow` for what the type cannot hold.

/// t, true, y, yes, on, 1 and their opposites, or a unique beginning of one.
[[nodiscard]] Result<bool> parse_bool(std::string_view text);
/// T: int16_t, int32_t, int64_t.
template <typename T>
[[nodiscard]] Result<T> parse_integer(std::string_view text);
/// T: float, double.
template <typename T>
[[nodiscard]] Result<T> parse_float(std::string_view text);
/// "YYYY-MM-DD", "YYYY/MM/DD", "YYYYMMDD", years 0001 to 9999; a time behind it is checked and dropped.
[[nodiscard]] Result<int32_t> parse_date(std::string_view text);
/// A date, or a date, 'T' or spaces, and "HH:MM[:SS[.fraction]]", rounded to microseconds. A zone ("Z", "+02", "-08:00") is checked and
/// ignored, as Postgres does for timestamp without time zone.
[[nodiscard]] Result<int64_t> parse_timestamp(std::string_view text);
/// "1 day 02:03:04", "-1 mon", "1.5 hours", "@ 1 minute ago", "P1DT2H", "1-2" (years-months), "90" (seconds).
[[nodiscard]] Result<Interval> parse_interval(std::string_view text);

void append_bool(std::string& out, bool value);
/// T: int16_t, int32_t, int64_t.
template <typename T>
void append_integer(std::string& out, T value);
/// T: float, double. The shortest text that reads back as the same value.
template <typename T>
void append_float(std::string& out, T value);
void append_date(std::string& out, int32_t days);
void append_timestamp(std::string& out, int64_t micros);
/// IntervalStyle postgres: "1 year 2 mons -3 days +04:05:06.7".
void append_interval(std::string& out, const Interval& value);

/// A value of a column, which must not be NULL.
void append_text(std::string& out, const Column& column, size_t row);
/// Reads `text` as the builder's type and appends it, or changes nothing on error. A numeric(p,s) is brought to its scale.
[[nodiscard]] Status append_parsed(AnyColumnBuilder& builder, std::string_view text);

}  // namespace penstock::data
