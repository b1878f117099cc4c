#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/datetime.h"
#include "expr/text_arena.h"

namespace penstock::expr {

/// A compiled template of to_char(timestamp, …), with Postgres' patterns: years (YYYY YYY YY Y, IYYY …), Q, MM, Month MON …, Day DY …, DDD,
/// DD, D, ID, W, WW, IW, J, CC, HH24, HH12, HH, MI, SS, MS, US, FF1 to FF6, SSSS, AM, a.m., BC, RM, each with the prefix FM and the suffix
/// TH where Postgres has them; text in double quotes and everything else is copied. Zones (TZ, OF) are empty, as timestamps have none.
class DateFormat {
 public:
  explicit DateFormat(std::string_view pattern);
  /// Nothing, that is NULL, if the pattern is empty.
  [[nodiscard]] std::optional<data::Text> format(int64_t timestamp, TextArena& arena) const;

  /// Timestamps of one multiple of this many microseconds (since 1970) have one text.
  [[nodiscard]] int64_t resolution() const { return resolution_; }

  enum class Field : uint8_t {
    Literal,
    Year4,
    Year3,
    Year2,
    Year1,
    IsoYear4,
    IsoYear3,
    IsoYear2,
    IsoYear1,
    Quarter,
    Month,
    MonthName,
    MonthShort,
    MonthRoman,
    DayName,
    DayShort,
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Julian,
    Century,
    Hour24,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    Fraction,
    Meridiem,
    MeridiemDots,
    Era,
    EraDots,
    Zone,
  };
  enum class Style : uint8_t { Upper, Title, Lower };

 private:
  struct Token {
    Field field;
    Style style = Style::Upper;
    bool fill = true;    // FM was not there: pad with zeros or blanks
    uint8_t digits = 0;  // of Fraction
    char ordinal = 0;    // 'T' or 't': st, nd, rd, th follows
    std::string literal{};
  };
  class Writer;

  void add_literal(char c);

  std::vector<Token> tokens_;
  size_t longest_ = 0;
  int64_t resolution_ = data::kMicrosPerDay;
};

}  // namespace penstock::expr
