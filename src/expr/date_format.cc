#include "expr/date_format.h"

#include <array>
#include <charconv>

#include "expr/datetime_units.h"

namespace penstock::expr {

namespace {

using Field = DateFormat::Field;
using Style = DateFormat::Style;

struct Keyword {
  std::string_view text;
  Field field;
  Style style = Style::Upper;
  uint8_t digits = 0;
  bool any_case = true;
};

// Longer ones before those they begin with. Names are told apart by their case.
constexpr std::array kKeywords = {
    Keyword{"IYYY", Field::IsoYear4},
    Keyword{"IYY", Field::IsoYear3},
    Keyword{"IY", Field::IsoYear2},
    Keyword{"IDDD", Field::IsoDayOfYear},
    Keyword{"ID", Field::IsoDayOfWeek},
    Keyword{"IW", Field::IsoWeek},
    Keyword{"I", Field::IsoYear1},
    Keyword{"YYYY", Field::Year4},
    Keyword{"YYY", Field::Year3},
    Keyword{"YY", Field::Year2},
    Keyword{"Y", Field::Year1},
    Keyword{"Q", Field::Quarter},
    Keyword{"MONTH", Field::MonthName, Style::Upper, 0, false},
    Keyword{"Month", Field::MonthName, Style::Title, 0, false},
    Keyword{"month", Field::MonthName, Style::Lower, 0, false},
    Keyword{"MON", Field::MonthShort, Style::Upper, 0, false},
    Keyword{"Mon", Field::MonthShort, Style::Title, 0, false},
    Keyword{"mon", Field::MonthShort, Style::Lower, 0, false},
    Keyword{"MM", Field::Month},
    Keyword{"MI", Field::Minute},
    Keyword{"MS", Field::Fraction, Style::Upper, 3},
    Keyword{"DAY", Field::DayName, Style::Upper, 0, false},
    Keyword{"Day", Field::DayName, Style::Title, 0, false},
    Keyword{"day", Field::DayName, Style::Lower, 0, false},
    Keyword{"DY", Field::DayShort, Style::Upper, 0, false},
    Keyword{"Dy", Field::DayShort, Style::Title, 0, false},
    Keyword{"dy", Field::DayShort, Style::Lower, 0, false},
    Keyword{"DDD", Field::DayOfYear},
    Keyword{"DD", Field::Day},
    Keyword{"D", Field::DayOfWeek},
    Keyword{"WW", Field::WeekOfYear},
    Keyword{"W", Field::WeekOfMonth},
    Keyword{"J", Field::Julian},
    Keyword{"CC", Field::Century},
    Keyword{"HH24", Field::Hour24},
    Keyword{"HH12", Field::Hour12},
    Keyword{"HH", Field::Hour12},
    Keyword{"SSSSS", Field::SecondOfDay},
    Keyword{"SSSS", Field::SecondOfDay},
    Keyword{"SS", Field::Second},
    Keyword{"US", Field::Fraction, Style::Upper, 6},
    Keyword{"FF1", Field::Fraction, Style::Upper, 1},
    Keyword{"FF2", Field::Fraction, Style::Upper, 2},
    Keyword{"FF3", Field::Fraction, Style::Upper, 3},
    Keyword{"FF4", Field::Fraction, Style::Upper, 4},
    Keyword{"FF5", Field::Fraction, Style::Upper, 5},
    Keyword{"FF6", Field::Fraction, Style::Upper, 6},
    Keyword{"A.M.", Field::MeridiemDots, Style::Upper, 0, false},
    Keyword{"P.M.", Field::MeridiemDots, Style::Upper, 0, false},
    Keyword{"a.m.", Field::MeridiemDots, Style::Lower, 0, false},
    Keyword{"p.m.", Field::MeridiemDots, Style::Lower, 0, false},
    Keyword{"AM", Field::Meridiem, Style::Upper, 0, false},
    Keyword{"PM", Field::Meridiem, Style::Upper, 0, false},
    Keyword{"am", Field::Meridiem, Style::Lower, 0, false},
    Keyword{"pm", Field::Meridiem, Style::Lower, 0, false},
    Keyword{"A.D.", Field::EraDots, Style::Upper, 0, false},
    Keyword{"B.C.", Field::EraDots, Style::Upper, 0, false},
    Keyword{"a.d.", Field::EraDots, Style::Lower, 0, false},
    Keyword{"b.c.", Field::EraDots, Style::Lower, 0, false},
    Keyword{"AD", Field::Era, Style::Upper, 0, false},
    Keyword{"BC", Field::Era, Style::Upper, 0, false},
    Keyword{"ad", Field::Era, Style::Lower, 0, false},
    Keyword{"bc", Field::Era, Style::Lower, 0, false},
    Keyword{"RM", Field::MonthRoman, Style::Upper, 0, false},
    Keyword{"rm", Field::MonthRoman, Style::Lower, 0, false},
    Keyword{"TZH", Field::Zone},
    Keyword{"TZM", Field::Zone},
    Keyword{"TZ", Field::Zone},
    Keyword{"OF", Field::Zone},
};

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kRoman = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool begins_with(std::string_view text, const Keyword& keyword) {
  if (text.size() < keyword.text.size()) return false;
  if (!keyword.any_case) return text.starts_with(keyword.text);
  for (size_t i = 0; i < keyword.text.size(); ++i) {
    if (upper(text[i]) != keyword.text[i]) return false;
  }
  return true;
}
const Keyword* find_keyword(std::string_view text) {
  for (const Keyword& keyword : kKeywords) {
    if (begins_with(text, keyword)) return &keyword;
  }
  return nullptr;
}

bool is_name(Field field) {
  switch (field) {
    case Field::MonthName:
    case Field::MonthShort:
    case Field::MonthRoman:
    case Field::DayName:
    case Field::DayShort:
    case Field::Meridiem:
    case Field::MeridiemDots:
    case Field::Era:
    case Field::EraDots:
    case Field::Zone:
    case Field::Literal:
      return true;
    default:
      return false;
  }
}

int64_t resolution_of(Field field) {
  switch (field) {
    case Field::Fraction:
      return 1;
    case Field::Second:
    case Field::SecondOfDay:
      return data::kMicrosPerSecond;
    case Field::Minute:
      return data::kMicrosPerMinute;
    case Field::Hour24:
    case Field::Hour12:
    case Field::Meridiem:
    case Field::MeridiemDots:
      return data::kMicrosPerHour;
    default:
      return data::kMicrosPerDay;
  }
}

}  // namespace

void DateFormat::add_literal(char c) {
  if (tokens_.empty() || tokens_.back().field != Field::Literal) tokens_.push_back({Field::Literal});
  tokens_.back().literal += c;
}

DateFormat::DateFormat(std::string_view pattern) {
  constexpr size_t kLongestField = 24;
  while (!pattern.empty()) {
    const bool no_fill =
        pattern.size() > 2 && upper(pattern[0]) == 'F' && upper(pattern[1]) == 'M' && find_keyword(pattern.substr(2)) != nullptr;
    if (no_fill) pattern.remove_prefix(2);
    if (const Keyword* const keyword = find_keyword(pattern)) {
      Token token{keyword->field, keyword->style, !no_fill, keyword->digits};
      pattern.remove_prefix(keyword->text.size());
      if (pattern.size() >= 2 && upper(pattern[0]) == 'T' && upper(pattern[1]) == 'H' && !is_name(token.field)) {
        token.ordinal = pattern[0] == 'T' && pattern[1] == 'H' ? 'T' : 't';
        pattern.remove_prefix(2);
      }
      tokens_.push_back(std::move(token));
      longest_ += kLongestField;
      continue;
    }
    char c = pattern.front();
    pattern.remove_prefix(1);
    if (c == '"') {
      for (; !pattern.empty() && pattern.front() != '"'; pattern.remove_prefix(1)) {
        if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
        add_literal(pattern.front());
      }
      if (!pattern.empty()) pattern.remove_prefix(1);
      continue;
    }
    if (c == '\\' && pattern.starts_with('"')) {
      c = '"';
      pattern.remove_prefix(1);
    }
    add_literal(c);
  }
  for (const Token& token : tokens_) {
    longest_ += token.literal.size();
    resolution_ = std::min(resolution_, resolution_of(token.field));
  }
}

/// Writes the fields of one timestamp.
class DateFormat::Writer {
 public:
  Writer(int64_t timestamp, char* out) : out_(out) {
    const auto split = data::split_timestamp(timestamp);
    days_ = split.days;
    micros_ = split.micros;
    date_ = data::civil_from_days(days_);
  }
  [[nodiscard]] char* end() const { return out_; }

  void write(const Token& token) {
    switch (token.field) {
      case Field::Literal:
        return text(token.literal);
      case Field::MonthName:
        return name(token, kMonths[month_index()], 9);
      case Field::MonthShort:
        return name(token, kMonths[month_index()].substr(0, 3), 0);
      case Field::MonthRoman:
        return name(token, kRoman[month_index()], 4);
      case Field::DayName:
        return name(token, kDays[weekday()], 9);
      case Field::DayShort:
        return name(token, kDays[weekday()].substr(0, 3), 0);
      case Field::Meridiem:
        return name(token, hour() < 12 ? "AM" : "PM", 0);
      case Field::MeridiemDots:
        return name(token, hour() < 12 ? "A.M." : "P.M.", 0);
      case Field::Era:
        return name(token, date_.year > 0 ? "AD" : "BC", 0);
      case Field::EraDots:
        return name(token, date_.year > 0 ? "A.D." : "B.C.", 0);
      case Field::Zone:
        return;
      default:
        return number(token);
    }
  }

 private:
  struct Number {
    int64_t value;
    int width;  // of leading zeros
  };

  [[nodiscard]] size_t month_index() const { return static_cast<size_t>(date_.month - 1); }
  [[nodiscard]] size_t weekday() const { return static_cast<size_t>(weekday_from_monday(days_)); }
  [[nodiscard]] int64_t hour() const { return micros_ / data::kMicrosPerHour; }
  static int64_t positive_year(int64_t year) { return year > 0 ? year : 1 - year; }

  [[nodiscard]] Number number_of(const Token& token) const {
    switch (token.field) {
      case Field::Year4:
        return {positive_year(date_.year), 4};
      case Field::Year3:
        return {positive_year(date_.year) % 1000, 3};
      case Field::Year2:
        return {positive_year(date_.year) % 100, 2};
      case Field::Year1:
        return {positive_year(date_.year) % 10, 1};
      case Field::IsoYear4:
        return {positive_year(iso_year(days_)), 4};
      case Field::IsoYear3:
        return {positive_year(iso_year(days_)) % 1000, 3};
      case Field::IsoYear2:
        return {positive_year(iso_year(days_)) % 100, 2};
      case Field::IsoYear1:
        return {positive_year(iso_year(days_)) % 10, 1};
      case Field::Quarter:
        return {(date_.month - 1) / 3 + 1, 1};
      case Field::Month:
        return {date_.month, 2};
      case Field::DayOfYear:
        return {day_of_year(days_), 3};
      case Field::IsoDayOfYear:
        return {(iso_week(days_) - 1) * 7 + weekday_from_monday(days_) + 1, 3};
      case Field::Day:
        return {date_.day, 2};
      case Field::DayOfWeek:
        return {floor_mod(days_ + 4, 7) + 1, 1};
      case Field::IsoDayOfWeek:
        return {weekday_from_monday(days_) + 1, 1};
      case Field::WeekOfMonth:
        return {(date_.day - 1) / 7 + 1, 1};
      case Field::WeekOfYear:
        return {(day_of_year(days_) - 1) / 7 + 1, 2};
      case Field::IsoWeek:
        return {iso_week(days_), 2};
      case Field::Julian:
        return {julian_day(days_), 1};
      case Field::Century:
        return {century_of(date_.year, 100), 2};
      case Field::Hour24:
        return {hour(), 2};
      case Field::Hour12:
        return {hour() % 12 == 0 ? 12 : hour() % 12, 2};
      case Field::Minute:
        return {micros_ / data::kMicrosPerMinute % 60, 2};
      case Field::Second:
        return {micros_ / data::kMicrosPerSecond % 60, 2};
      case Field::SecondOfDay:
        return {micros_ / data::kMicrosPerSecond, 1};
      default:
        return {0, 1};
    }
  }

  void number(const Token& token) {
    char* const begin = out_;
    if (token.field == Field::Fraction) {  // never without its zeros
      int64_t fraction = micros_ % data::kMicrosPerSecond;
      for (int digit = 6; digit > token.digits; --digit) fraction /= 10;
      digits(fraction, token.digits);
    } else {
      const Number n = number_of(token);
      digits(n.value, token.fill ? n.width : 1);
    }
    if (token.ordinal != 0) text(ordinal({begin, static_cast<size_t>(out_ - begin)}, token.ordinal == 'T'));
  }

  void digits(int64_t value, int width) {
    if (value < 0) {
      *out_++ = '-';
      value = -value;
    }
    std::array<char, 20> buffer;
    const char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    for (int64_t missing = width - (end - buffer.data()); missing > 0; --missing) *out_++ = '0';
    text({buffer.data(), end});
  }

  static std::string_view ordinal(std::string_view number, bool large) {
    const char last = number.back();
    const bool teen = number.size() > 1 && number[number.size() - 2] == '1';
    if (teen || last == '0' || last > '3') return large ? "TH" : "th";
    if (last == '1') return large ? "ST" : "st";
    if (last == '2') return large ? "ND" : "nd";
    return large ? "RD" : "rd";
  }

  void name(const Token& token, std::string_view name, size_t width) {
    for (size_t i = 0; i < name.size(); ++i)
      *out_++ = token.style == Style::Upper ? upper(name[i]) : token.style == Style::Lower ? lower(name[i]) : name[i];
    for (size_t i = name.size(); token.fill && i < width; ++i) *out_++ = ' ';
  }
  void text(std::string_view text) { out_ = std::copy(text.begin(), text.end(), out_); }

  char* out_;
  int64_t days_;
  int64_t micros_;
  data::CivilDate date_;
};

std::optional<data::Text> DateFormat::format(int64_t timestamp, TextArena& arena) const {
  if (tokens_.empty()) return std::nullopt;
  char* const out = arena.reserve(longest_);
  Writer writer(timestamp, out);
  for (const Token& token : tokens_) writer.write(token);
  return arena.commit(static_cast<size_t>(writer.end() - out));
}

}  // namespace penstock::expr
