#include "data/interval.h"

#include <gtest/gtest.h>

#include "data/text_io.h"

namespace penstock::data {
namespace {

std::string through(std::string_view text) {
  const auto value = parse_interval(text);
  if (!value.has_value()) return "error: " + std::string(code_name(value.error().code()));
  std::string out;
  append_interval(out, value.value());
  return out;
}

TEST(Interval, is_read_and_printed_as_postgres_does) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1 day 02:03:04", "1 day 02:03:04"},
      {"1 mon", "1 mon"},
      {"3 hours", "03:00:00"},
      {"-1 day", "-1 days"},
      {"@ 1 minute ago", "-00:01:00"},
      {"1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds", "1 year 2 mons 3 days 04:05:06.7"},
      {"1 year -2 days +03:00", "1 year -2 days +03:00:00"},
      {"-1 mon 2 days", "-1 mons +2 days"},
      {"1 day ago", "-1 days"},
      {"2 weeks", "14 days"},
      {"14 months", "1 year 2 mons"},
      {"-14 months", "-1 years -2 mons"},
      {"1.5 days", "1 day 12:00:00"},
      {"1.5 months", "1 mon 15 days"},
      {"1.5 years", "1 year 6 mons"},
      {"0.5 weeks", "3 days 12:00:00"},
      {"1.5 hours", "01:30:00"},
      {"-1.5 days", "-1 days -12:00:00"},
      {"90", "00:01:30"},
      {"90 seconds", "00:01:30"},
      {"1500 ms", "00:00:01.5"},
      {"1 us", "00:00:00.000001"},
      {"0", "00:00:00"},
      {"0 days", "00:00:00"},
      {"100:00:00", "100:00:00"},
      {"-00:00:01.5", "-00:00:01.5"},
      {"04:05", "04:05:00"},
      {"04:05.5", "00:04:05.5"},
      {"1 02:03:04", "1 day 02:03:04"},
      {"1-2", "1 year 2 mons"},
      {"-1-2", "-1 years -2 mons"},
      {"1day2hours", "1 day 02:00:00"},
      {"1 century 1 decade", "110 years"},
      {"2 DAYS", "2 days"},
      {"P1DT2H", "1 day 02:00:00"},
      {"P1Y2M3W4DT5H6M7.8S", "1 year 2 mons 25 days 05:06:07.8"},
      {"PT0.5S", "00:00:00.5"},
      {"P-1D", "-1 days"},
      {"PT10M", "00:10:00"},
      {"00:00:00.0000015", "00:00:00.000002"},
  };
  for (const auto& [text, printed] : cases) EXPECT_EQ(through(text), printed) << text;
}

TEST(Interval, refuses_what_is_none) {
  for (const std::string text : {"", "day", "1 fortnight", "1 day ago 2 hours", "P", "PT", "P1", "P1H", "PT1D", "P1DT", "1:2:3:4",
                                 "1 day 2", "abc", "01:99:00", "1--2", "@"}) {
    const std::string result = through(text);
    if (text == "1 day 2") {
      EXPECT_EQ(result, "1 day 00:00:02");  // a bare number at the end is seconds
    } else {
      EXPECT_EQ(result, "error: InvalidDatetime") << text;
    }
  }
}

TEST(Interval, out_of_range_is_an_overflow) {
  for (const std::string text : {"3000000000 days", "200000000 years", "999999999999999999 hours",
                                 "1000000000000000 seconds 9223372036854775 ms 99999999999999999 us x"}) {
    EXPECT_NE(through(text).find("error: "), std::string::npos) << text;
  }
  EXPECT_EQ(through("3000000000 days"), "error: DatetimeOverflow");
  EXPECT_EQ(through("999999999999999999 hours"), "error: DatetimeOverflow");
}

TEST(Interval, compares_months_as_thirty_days) {
  EXPECT_EQ((Interval{1, 0, 0}), (Interval{0, 30, 0}));
  EXPECT_EQ((Interval{0, 1, 0}), (Interval{0, 0, 86'400'000'000}));
  EXPECT_LT((Interval{0, 29, 0}), (Interval{1, 0, 0}));
}

}  // namespace
}  // namespace penstock::data
