#include <array>
#include <cmath>
#include <iterator>
#include <limits>

#include "data/datetime.h"
#include "data/scan.h"
#include "data/text_io.h"

namespace penstock::data {
namespace {

enum class UnitField : uint8_t { Micros, Days, Months };
struct Unit {
  UnitField field;
  int64_t factor;
};
struct UnitName {
  std::string_view name;  // without a plural's s
  Unit unit;
};
constexpr std::array kUnitNames = {
    UnitName{"microsecond", {UnitField::Micros, 1}},
    UnitName{"usecond", {UnitField::Micros, 1}},
    UnitName{"usec", {UnitField::Micros, 1}},
    UnitName{"us", {UnitField::Micros, 1}},
    UnitName{"millisecond", {UnitField::Micros, 1'000}},
    UnitName{"msecond", {UnitField::Micros, 1'000}},
    UnitName{"msec", {UnitField::Micros, 1'000}},
    UnitName{"ms", {UnitField::Micros, 1'000}},
    UnitName{"second", {UnitField::Micros, kMicrosPerSecond}},
    UnitName{"sec", {UnitField::Micros, kMicrosPerSecond}},
    UnitName{"s", {UnitField::Micros, kMicrosPerSecond}},
    UnitName{"minute", {UnitField::Micros, kMicrosPerMinute}},
    UnitName{"min", {UnitField::Micros, kMicrosPerMinute}},
    UnitName{"m", {UnitField::Micros, kMicrosPerMinute}},
    UnitName{"hour", {UnitField::Micros, kMicrosPerHour}},
    UnitName{"hr", {UnitField::Micros, kMicrosPerHour}},
    UnitName{"h", {UnitField::Micros, kMicrosPerHour}},
    UnitName{"day", {UnitField::Days, 1}},
    UnitName{"d", {UnitField::Days, 1}},
    UnitName{"week", {UnitField::Days, 7}},
    UnitName{"w", {UnitField::Days, 7}},
    UnitName{"month", {UnitField::Months, 1}},
    UnitName{"mon", {UnitField::Months, 1}},
    UnitName{"year", {UnitField::Months, 12}},
    UnitName{"yr", {UnitField::Months, 12}},
    UnitName{"y", {UnitField::Months, 12}},
    UnitName{"decade", {UnitField::Months, 120}},
    UnitName{"dec", {UnitField::Months, 120}},
    UnitName{"century", {UnitField::Months, 1'200}},
    UnitName{"centurie", {UnitField::Months, 1'200}},
    UnitName{"cent", {UnitField::Months, 1'200}},
    UnitName{"c", {UnitField::Months, 1'200}},
    UnitName{"millennium", {UnitField::Months, 12'000}},
    UnitName{"millennia", {UnitField::Months, 12'000}},
    UnitName{"mil", {UnitField::Months, 12'000}},
};

const Unit* find_unit(std::string_view word) {
  const std::string_view singular = word.size() > 2 && to_lower(word.back()) == 's' ? word.substr(0, word.size() - 1) : word;
  for (const UnitName& known : kUnitNames) {
    if (equals_ignoring_case(word, known.name) || equals_ignoring_case(singular, known.name)) return &known.unit;
  }
  return nullptr;
}

struct Quantity {
  bool negative = false;
  int64_t whole = 0;
  double fraction = 0;  // of one, not negative
};

// What was read so far; remembers whether a field went out of range.
class IntervalSum {
 public:
  void add(const Quantity& quantity, const Unit& unit) {
    const int64_t sign = quantity.negative ? -1 : 1;
    add_to(unit.field, sign * quantity.whole, unit.factor);
    if (quantity.fraction != 0) add_fraction(static_cast<double>(sign) * quantity.fraction * static_cast<double>(unit.factor), unit);
  }
  void negate() {
    for (int64_t* const field : {&months_, &days_, &micros_}) overflow_ |= __builtin_sub_overflow(int64_t{0}, *field, field);
  }
  [[nodiscard]] bool in_range() const {
    const auto is_int32 = [](int64_t x) { return x == static_cast<int32_t>(x); };
    return !overflow_ && is_int32(months_) && is_int32(days_);
  }
  [[nodiscard]] Interval get() const { return {static_cast<int32_t>(months_), static_cast<int32_t>(days_), micros_}; }

 private:
  int64_t& field(UnitField f) { return f == UnitField::Micros ? micros_ : f == UnitField::Days ? days_ : months_; }
  void add_to(UnitField f, int64_t value, int64_t factor) {
    int64_t product = 0;
    overflow_ |= __builtin_mul_overflow(value, factor, &product);
    overflow_ |= __builtin_add_overflow(field(f), product, &field(f));
  }
  // As Postgres: a part of a year goes to months, of a month (of 30 days) to days, of a day to time.
  void add_fraction(double amount, const Unit& unit) {
    if (unit.field == UnitField::Micros) return add_to(UnitField::Micros, std::llrint(amount), 1);
    if (unit.field == UnitField::Months && unit.factor > 1) return add_to(UnitField::Months, std::llrint(amount), 1);
    double days = unit.field == UnitField::Months ? amount * 30 : amount;
    add_to(UnitField::Days, static_cast<int64_t>(days), 1);
    days -= std::trunc(days);
    add_to(UnitField::Micros, std::llrint(days * static_cast<double>(kMicrosPerDay)), 1);
  }

  int64_t months_ = 0, days_ = 0, micros_ = 0;
  bool overflow_ = false;
};

// The digits behind a point as a part of one; those beyond any microsecond of a year are read over.
double read_decimal_fraction(Scanner& in) {
  constexpr int64_t kFinest = 1'000'000'000'000'000;
  int64_t value = 0;
  int64_t unit = 1;
  for (; is_digit(in.peek()); in.rest.remove_prefix(1)) {
    if (unit == kFinest) continue;
    value = value * 10 + (in.peek() - '0');
    unit *= 10;
  }
  return static_cast<double>(value) / static_cast<double>(unit);
}

// [+-]digits[.digits] or [+-].digits
bool read_quantity(Scanner& in, Quantity& out) {
  out.negative = in.take('-');
  if (!out.negative) in.take('+');
  const bool whole = in.digits(1, 18, out.whole);
  if (is_digit(in.peek())) return false;
  if (!in.take('.')) return whole;
  const bool fraction = is_digit(in.peek());
  out.fraction = read_decimal_fraction(in);
  return whole || fraction;
}

// What follows the first number of HH:MM, HH:MM:SS[.fraction] or, with a fraction, MM:SS.fraction.
bool read_clock_rest(Scanner& in, const Quantity& first, IntervalSum& sum) {
  if (first.fraction != 0) return false;
  Quantity second{first.negative}, third{first.negative};
  if (!in.take(':') || !in.digits(1, 2, second.whole)) return false;
  const Unit hour{UnitField::Micros, kMicrosPerHour}, minute{UnitField::Micros, kMicrosPerMinute},
      seconds{UnitField::Micros, kMicrosPerSecond};
  if (in.take('.')) {
    second.fraction = read_decimal_fraction(in);
    sum.add(first, minute);
    sum.add(second, seconds);
    return second.whole < 60;
  }
  if (in.take(':')) {
    if (!in.digits(1, 2, third.whole)) return false;
    if (in.take('.')) third.fraction = read_decimal_fraction(in);
  }
  sum.add(first, hour);
  sum.add(second, minute);
  sum.add(third, seconds);
  return second.whole < 60 && third.whole < 60;
}

// One "3 days", "02:03:04", "1-2" or bare number of Postgres' and SQL's forms.
bool read_term(Scanner& in, IntervalSum& sum) {
  constexpr Unit kSecond{UnitField::Micros, kMicrosPerSecond};
  constexpr Unit kDay{UnitField::Days, 1};
  Quantity quantity;
  if (!read_quantity(in, quantity)) return false;
  if (in.peek() == ':') return read_clock_rest(in, quantity, sum);
  if (in.peek() == '-' && quantity.fraction == 0) {  // years-months
    Quantity months{quantity.negative};
    in.take('-');
    if (!in.digits(1, 2, months.whole) || months.whole > 11) return false;
    sum.add(quantity, {UnitField::Months, 12});
    sum.add(months, {UnitField::Months, 1});
    return !is_digit(in.peek());
  }
  in.skip_spaces();
  if (in.empty()) {
    sum.add(quantity, kSecond);
    return true;
  }
  if (!is_letter(in.peek())) {  // "1 02:03:04": days before a time
    sum.add(quantity, kDay);
    Quantity hours;
    return read_quantity(in, hours) && in.peek() == ':' && read_clock_rest(in, hours, sum);
  }
  const Unit* const unit = find_unit(in.word());
  if (unit == nullptr) return false;
  sum.add(quantity, *unit);
  return true;
}

bool read_postgres_style(Scanner in, IntervalSum& sum) {
  in.take('@');
  bool any = false;
  for (in.skip_spaces(); !in.empty(); in.skip_spaces()) {
    if (any && is_letter(in.peek())) {
      if (!equals_ignoring_case(in.word(), "ago") || !in.empty()) return false;
      sum.negate();
      return true;
    }
    if (!read_term(in, sum)) return false;
    any = true;
  }
  return any;
}

// P1Y2M3W4DT5H6M7.8S
bool read_iso_style(Scanner in, IntervalSum& sum) {
  in.rest.remove_prefix(1);
  bool time = false;
  bool any = false;
  while (!in.empty()) {
    if (!time && in.take('T')) {
      time = true;
      any = false;
      continue;
    }
    Quantity quantity;
    if (!read_quantity(in, quantity) || in.empty()) return false;
    const char designator = in.peek();
    in.rest.remove_prefix(1);
    switch (designator) {
      case 'Y':
        sum.add(quantity, {UnitField::Months, 12});
        break;
      case 'W':
        sum.add(quantity, {UnitField::Days, 7});
        break;
      case 'D':
        sum.add(quantity, {UnitField::Days, 1});
        break;
      case 'H':
        sum.add(quantity, {UnitField::Micros, kMicrosPerHour});
        break;
      case 'S':
        sum.add(quantity, {UnitField::Micros, kMicrosPerSecond});
        break;
      case 'M':
        sum.add(quantity, time ? Unit{UnitField::Micros, kMicrosPerMinute} : Unit{UnitField::Months, 1});
        break;
      default:
        return false;
    }
    if (time != (designator == 'H' || designator == 'S' || (designator == 'M' && time))) return false;
    any = true;
  }
  return any;
}

// Writes the parts of an interval as Postgres' EncodeInterval does.
class IntervalWriter {
 public:
  explicit IntervalWriter(std::string& out) : out_(out) {}
  void part(int64_t value, std::string_view unit) {
    if (value == 0) return;
    if (!first_) out_ += ' ';
    if (after_negative_ && value > 0) out_ += '+';
    append_integer(out_, value);
    out_ += ' ';
    out_ += unit;
    if (value != 1) out_ += 's';
    after_negative_ = value < 0;
    first_ = false;
  }
  void time(int64_t micros) {
    if (micros == 0 && !first_) return;
    if (!first_) out_ += ' ';
    if (micros < 0) {
      out_ += '-';
    } else if (after_negative_) {
      out_ += '+';
    }
    const uint64_t size = micros < 0 ? -static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
    fmt::format_to(std::back_inserter(out_), "{:02}:{:02}:{:02}", size / kMicrosPerHour, size / kMicrosPerMinute % 60,
                   size / kMicrosPerSecond % 60);
    if (size % kMicrosPerSecond == 0) return;
    fmt::format_to(std::back_inserter(out_), ".{:06}", size % kMicrosPerSecond);
    while (out_.back() == '0') out_.pop_back();
  }

 private:
  std::string& out_;
  bool first_ = true;
  bool after_negative_ = false;
};

}  // namespace

Result<Interval> parse_interval(std::string_view text) {
  IntervalSum sum;
  const Scanner in{trim(text)};
  const bool read = in.peek() == 'P' ? read_iso_style(in, sum) : read_postgres_style(in, sum);
  if (!read) return error(Code::InvalidDatetime, "invalid input syntax for type interval: \"{}\"", text);
  if (!sum.in_range()) return error(Code::DatetimeOverflow, "interval field value out of range: \"{}\"", text);
  return sum.get();
}

void append_interval(std::string& out, const Interval& value) {
  IntervalWriter writer(out);
  writer.part(value.months / 12, "year");
  writer.part(value.months % 12, "mon");
  writer.part(value.days, "day");
  writer.time(value.micros);
}

}  // namespace penstock::data
