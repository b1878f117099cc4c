#include "data/text_io.h"

#include <gtest/gtest.h>

#include "data/datetime.h"
#include "data/datum.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

// What reading and printing makes of a text.
std::string through(std::string_view text, DataType type) {
  const auto value = from_text(text, type);
  return value.has_value() ? to_text(value.value(), type) : "error: " + std::string(code_name(value.error().code()));
}

using Cases = std::vector<std::pair<std::string, std::string>>;
void expect_through(DataType type, const Cases& cases) {
  for (const auto& [text, result] : cases) EXPECT_EQ(through(text, type), result) << type.to_string() << " " << text;
}

TEST(Text, of_booleans_is_read_from_any_unique_beginning) {
  for (const std::string text : {"t", "tr", "true", "TRUE", "y", "yes", "on", "1", " true "})
    EXPECT_EQ(through(text, TypeKind::Boolean), "t") << text;
  for (const std::string text : {"f", "false", "n", "no", "of", "off", "OFF", "0"})
    EXPECT_EQ(through(text, TypeKind::Boolean), "f") << text;
  for (const std::string text : {"", "o", "truee", "2", "10", "null"})
    EXPECT_EQ(through(text, TypeKind::Boolean), "error: InvalidText") << text;
}

TEST(Text, of_integers_knows_the_bounds_of_each_type) {
  expect_through(TypeKind::Int16, {{"32767", "32767"}, {"-32768", "-32768"}, {"32768", "error: NumericOutOfRange"}});
  expect_through(TypeKind::Int32, {{" +7 ", "7"}, {"-2147483648", "-2147483648"}, {"2147483648", "error: NumericOutOfRange"}});
  expect_through(TypeKind::Int64, {{"9223372036854775807", "9223372036854775807"}, {"9223372036854775808", "error: NumericOutOfRange"}});
  expect_through(TypeKind::Int64, {{"", "error: InvalidText"},
                                   {"1.5", "error: InvalidText"},
                                   {"1 2", "error: InvalidText"},
                                   {"+-1", "error: InvalidText"},
                                   {"99999999999999999999x", "error: InvalidText"}});
  EXPECT_EQ(from_text("99999", TypeKind::Int16).error().message(), "value \"99999\" is out of range for type smallint");
  EXPECT_EQ(from_text("abc", TypeKind::Int32).error().message(), "invalid input syntax for type integer: \"abc\"");
}

TEST(Text, of_doubles_is_the_shortest_that_reads_back) {
  expect_through(TypeKind::Float64, {{"1", "1"},
                                     {"0.1", "0.1"},
                                     {"-0", "-0"},
                                     {"100000000000000", "100000000000000"},
                                     {"1000000000000000", "1e+15"},
                                     {"1e20", "1e+20"},
                                     {"123456789012345678", "1.2345678901234568e+17"},
                                     {"0.0001", "0.0001"},
                                     {"0.00001", "1e-05"},
                                     {"1.5e-7", "1.5e-07"},
                                     {"1e-100", "1e-100"},
                                     {"1.7976931348623157e308", "1.7976931348623157e+308"},
                                     {"NaN", "NaN"},
                                     {"-inf", "-Infinity"},
                                     {" Infinity ", "Infinity"},
                                     {"+1.5", "1.5"},
                                     {"1234.5678", "1234.5678"},
                                     {"1e400", "error: NumericOutOfRange"},
                                     {"1e-400", "error: NumericOutOfRange"},
                                     {"", "error: InvalidText"},
                                     {"1.2.3", "error: InvalidText"},
                                     {"+-1", "error: InvalidText"},
                                     {"12abc", "error: InvalidText"}});
  expect_through(TypeKind::Float32, {{"0.1", "0.1"},
                                     {"123456", "123456"},
                                     {"1234567", "1.234567e+06"},
                                     {"1e6", "1e+06"},
                                     {"16777216", "1.6777216e+07"},
                                     {"3.5e38", "error: NumericOutOfRange"}});
}

TEST(Text, of_dates_is_iso) {
  expect_through(TypeKind::Date, {{"1970-01-01", "1970-01-01"},
                                  {"2000-02-29", "2000-02-29"},
                                  {"0001-01-01", "0001-01-01"},
                                  {"9999-12-31", "9999-12-31"},
                                  {"20240131", "2024-01-31"},
                                  {"2024/1/5", "2024-01-05"},
                                  {" 2024-1-5 ", "2024-01-05"},
                                  {"2024-01-31 23:59:59", "2024-01-31"},
                                  {"epoch", "1970-01-01"},
                                  {"1900-02-29", "error: DatetimeOverflow"},
                                  {"2024-13-01", "error: DatetimeOverflow"},
                                  {"2024-00-01", "error: DatetimeOverflow"},
                                  {"0000-01-01", "error: DatetimeOverflow"},
                                  {"10000-01-01", "error: InvalidDatetime"},
                                  {"24-01-01", "error: InvalidDatetime"},
                                  {"2024-01", "error: InvalidDatetime"},
                                  {"2024-01/01", "error: InvalidDatetime"},
                                  {"yesterday", "error: InvalidDatetime"},
                                  {"", "error: InvalidDatetime"},
                                  {"infinity", "error: InvalidDatetime"}});
  EXPECT_EQ(from_text("infinity", TypeKind::Date).error().message(), "infinite values of type date are not supported: \"infinity\"");
}

TEST(Text, of_timestamps_is_iso_with_a_space) {
  expect_through(TypeKind::Timestamp, {{"2001-01-01", "2001-01-01 00:00:00"},
                                       {"2001-01-01 12:34", "2001-01-01 12:34:00"},
                                       {"2001-01-01T12:34:56", "2001-01-01 12:34:56"},
                                       {"2001-01-01  1:02:03.5", "2001-01-01 01:02:03.5"},
                                       {"2001-01-01 00:00:00.1234564", "2001-01-01 00:00:00.123456"},
                                       {"2001-01-01 00:00:00.1234565", "2001-01-01 00:00:00.123457"},
                                       {"2001-12-31 23:59:59.9999999", "2002-01-01 00:00:00"},
                                       {"2001-01-01 24:00:00", "2001-01-02 00:00:00"},
                                       {"2001-01-01 23:59:60", "2001-01-02 00:00:00"},
                                       {"1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"},
                                       {"0001-01-01 00:00:00", "0001-01-01 00:00:00"},
                                       {"2001-01-01T00:00:00Z", "2001-01-01 00:00:00"},
                                       {"2001-01-01 00:00:00+05:30", "2001-01-01 00:00:00"},
                                       {"2001-01-01 00:00:00 -08", "2001-01-01 00:00:00"},
                                       {"2001-01-01 00:00:00 UTC", "2001-01-01 00:00:00"},
                                       {"2001-01-01 24:00:01", "error: DatetimeOverflow"},
                                       {"2001-01-01 12:60", "error: DatetimeOverflow"},
                                       {"9999-12-31 24:00:00", "error: DatetimeOverflow"},
                                       {"2001-01-01 12", "error: InvalidDatetime"},
                                       {"2001-01-01T", "error: InvalidDatetime"},
                                       {"2001-01-01x12:00", "error: InvalidDatetime"},
                                       {"2001-01-01 12:34:56 CET", "error: InvalidDatetime"},
                                       {"2001-01-01 12:34:567", "error: InvalidDatetime"},
                                       {"-infinity", "error: InvalidDatetime"}});
}

TEST(Text, of_timestamps_outside_of_what_can_be_read_is_still_printed) {
  EXPECT_EQ(to_text(int64_t{INT64_MIN}, TypeKind::Timestamp), "290309-12-21 19:59:05.224192 BC");
  EXPECT_EQ(to_text(int64_t{INT64_MAX}, TypeKind::Timestamp), "294247-01-10 04:00:54.775807");
  EXPECT_EQ(to_text(static_cast<int32_t>(days_from_civil(0, 12, 31)), TypeKind::Date), "0001-12-31 BC");
}

TEST(Calendar, counts_every_day_of_ten_thousand_years) {
  int64_t day = days_from_civil(-1, 1, 1);
  for (int64_t year = -1; year <= 9999; ++year) {
    for (int32_t month = 1; month <= 12; ++month) {
      for (int32_t d = 1; d <= days_in_month(year, month); ++d, ++day) {
        ASSERT_EQ(days_from_civil(year, month, d), day);
        ASSERT_EQ(civil_from_days(day), (CivilDate{year, month, d}));
      }
    }
  }
}

TEST(Text, of_numerics_is_brought_to_the_columns_scale) {
  expect_through(DataType(TypeKind::Numeric, 5, 2), {{"1.005", "1.01"}, {"7", "7.00"}, {"1000", "error: NumericOutOfRange"}});
  expect_through(TypeKind::Numeric, {{"1.00500", "1.00500"}});
}

TEST(Text, of_varchar_is_itself) { expect_through(TypeKind::Varchar, {{"", ""}, {"  a b ", "  a b "}}); }

TEST(Text, of_any_value_reads_back_as_that_value) {
  testing::RandomData random(5);
  for (const DataType type : testing::kAllTypes) {
    for (int step = 0; step < 2000; ++step) {
      Datum value = random.value(type.kind, 1'000'000);
      if (is_null(value)) continue;
      if (auto* days = std::get_if<int32_t>(&value); days != nullptr && type.kind == TypeKind::Date) *days %= 700'000;
      if (auto* micros = std::get_if<int64_t>(&value); micros != nullptr && type.kind == TypeKind::Timestamp)
        *micros %= 700'000 * kMicrosPerDay;
      const std::string text = to_text(value, type);
      EXPECT_EQ(through(text, type), text) << type.to_string();
      if (const auto* number = std::get_if<double>(&value); number != nullptr && !std::isnan(*number)) {
        EXPECT_EQ(std::get<double>(from_text(text, type).value()), *number);
      }
    }
  }
}

}  // namespace
}  // namespace penstock::data
