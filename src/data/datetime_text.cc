#include <array>
#include <charconv>
#include <optional>

#include "data/datetime.h"
#include "data/scan.h"
#include "data/text_io.h"

namespace penstock::data {
namespace {

// Why text is no date or timestamp.
enum class Fault { Syntax, Range };

Error datetime_error(Fault fault, std::string_view type, std::string_view text) {
  if (fault == Fault::Range) return error(Code::DatetimeOverflow, "date/time field value out of range: \"{}\"", text);
  const std::string_view word = trim(text);
  if (equals_ignoring_case(word, "infinity") || equals_ignoring_case(word, "-infinity")) {
    return error(Code::InvalidDatetime, "infinite values of type {} are not supported: \"{}\"", type, text)
        .with_hint("Years 0001 to 9999 can be stored.");
  }
  return error(Code::InvalidDatetime, "invalid input syntax for type {}: \"{}\"", type, text);
}

struct Clock {
  int64_t hour = 0, minute = 0, second = 0, micros = 0;
};

// The digits behind the point as microseconds, rounded half up: may come to a whole second. No digits are zero.
int64_t read_fraction(Scanner& in) {
  int64_t value = 0;
  int count = 0;
  bool round_up = false;
  for (; is_digit(in.peek()); in.rest.remove_prefix(1), ++count) {
    if (count < 6) value = value * 10 + (in.peek() - '0');
    if (count == 6) round_up = in.peek() >= '5';
  }
  for (; count < 6; ++count) value *= 10;
  return value + static_cast<int64_t>(round_up);
}

// YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD.
std::optional<Fault> read_date(Scanner& in, int64_t& days) {
  int64_t year = 0, month = 0, day = 0;
  if (!in.digits(4, 4, year)) return Fault::Syntax;
  const char separator = in.peek();
  if (separator == '-' || separator == '/') {
    in.take(separator);
    if (!in.digits(1, 2, month) || !in.take(separator) || !in.digits(1, 2, day)) return Fault::Syntax;
  } else if (!in.digits(2, 2, month) || !in.digits(2, 2, day)) {
    return Fault::Syntax;
  }
  if (is_digit(in.peek())) return Fault::Syntax;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, static_cast<int32_t>(month))) return Fault::Range;
  days = days_from_civil(year, static_cast<int32_t>(month), static_cast<int32_t>(day));
  return {};
}

// HH:MM[:SS[.fraction]], up to 24:00:00.
std::optional<Fault> read_clock(Scanner& in, int64_t& micros) {
  Clock clock;
  if (!in.digits(1, 2, clock.hour) || !in.take(':') || !in.digits(2, 2, clock.minute)) return Fault::Syntax;
  if (in.take(':')) {
    if (!in.digits(2, 2, clock.second)) return Fault::Syntax;
    if (in.take('.')) clock.micros = read_fraction(in);
  }
  if (is_digit(in.peek())) return Fault::Syntax;
  micros = clock.hour * kMicrosPerHour + clock.minute * kMicrosPerMinute + clock.second * kMicrosPerSecond + clock.micros;
  if (clock.minute > 59 || clock.second > 60 || micros > kMicrosPerDay) return Fault::Range;
  return {};
}

// Z, UTC, +HH, +HHMM, +HH:MM: read and ignored.
std::optional<Fault> read_zone(Scanner& in) {
  in.skip_spaces();
  if (in.empty()) return {};
  if (in.take('+') || in.take('-')) {
    int64_t hours = 0, minutes = 0;
    if (!in.digits(1, 2, hours)) return Fault::Syntax;
    if (in.take(':') || is_digit(in.peek())) {
      if (!in.digits(2, 2, minutes)) return Fault::Syntax;
    }
    return hours > 15 || minutes > 59 ? std::optional(Fault::Range) : std::nullopt;
  }
  const std::string_view name = in.word();
  if (equals_ignoring_case(name, "z") || equals_ignoring_case(name, "utc") || equals_ignoring_case(name, "gmt")) return {};
  return Fault::Syntax;
}

std::optional<Fault> read_timestamp(std::string_view text, int64_t& days, int64_t& micros) {
  Scanner in{trim(text)};
  if (equals_ignoring_case(in.rest, "epoch")) {
    days = micros = 0;
    return {};
  }
  if (const auto fault = read_date(in, days)) return fault;
  micros = 0;
  if (in.empty()) return {};
  if (!in.take('T') && !in.take('t')) {
    if (!is_space(in.peek())) return Fault::Syntax;
    in.skip_spaces();
  }
  if (const auto fault = read_clock(in, micros)) return fault;
  if (const auto fault = read_zone(in)) return fault;
  if (!in.empty()) return Fault::Syntax;
  return {};
}

// Text as it grows in a buffer that is large enough for any timestamp.
struct DateWriter {
  std::array<char, 64> text;
  char* at = text.data();

  void put(char c) { *at++ = c; }
  void two_digits(int64_t value) {
    put(static_cast<char>('0' + value / 10));
    put(static_cast<char>('0' + value % 10));
  }
  // Four digits at least.
  void year(int64_t value) {
    if (value > 9999) {
      at = std::to_chars(at, text.data() + text.size(), value).ptr;
      return;
    }
    two_digits(value / 100);
    two_digits(value % 100);
  }
  // Digits after the point without trailing zeros.
  void fraction(int64_t micros) {
    if (micros == 0) return;
    put('.');
    for (int64_t unit = 100'000; micros != 0; micros %= unit, unit /= 10) put(static_cast<char>('0' + micros / unit));
  }
  void clock(int64_t micros) {
    two_digits(micros / kMicrosPerHour);
    put(':');
    two_digits(micros / kMicrosPerMinute % 60);
    put(':');
    two_digits(micros / kMicrosPerSecond % 60);
    fraction(micros % kMicrosPerSecond);
  }
  void date(const CivilDate& date) {
    year(date.year <= 0 ? 1 - date.year : date.year);
    put('-');
    two_digits(date.month);
    put('-');
    two_digits(date.day);
  }
  void finish(std::string& out, bool before_christ) const {
    out.append(text.data(), static_cast<size_t>(at - text.data()));
    if (before_christ) out += " BC";
  }
};

}  // namespace

Result<int32_t> parse_date(std::string_view text) {
  int64_t days = 0, micros = 0;
  if (const auto fault = read_timestamp(text, days, micros)) return datetime_error(*fault, "date", text);
  return static_cast<int32_t>(days);
}

Result<int64_t> parse_timestamp(std::string_view text) {
  int64_t days = 0, micros = 0;
  if (const auto fault = read_timestamp(text, days, micros)) return datetime_error(*fault, "timestamp", text);
  // 9999-12-31 24:00:00 would be the year 10000.
  if (days == kLastDay && micros == kMicrosPerDay) return datetime_error(Fault::Range, "timestamp", text);
  return days * kMicrosPerDay + micros;
}

void append_date(std::string& out, int32_t days) {
  const CivilDate date = civil_from_days(days);
  DateWriter writer;
  writer.date(date);
  writer.finish(out, date.year <= 0);
}

void append_timestamp(std::string& out, int64_t micros) {
  const auto [days, time] = split_timestamp(micros);
  const CivilDate date = civil_from_days(days);
  DateWriter writer;
  writer.date(date);
  writer.put(' ');
  writer.clock(time);
  writer.finish(out, date.year <= 0);
}

}  // namespace penstock::data
