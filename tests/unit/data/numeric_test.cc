#include "data/numeric.h"

#include <gtest/gtest.h>

#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

Numeric num(std::string_view text) { return Numeric::parse(text).value(); }

std::string show(const Result<Numeric>& result) {
  return result.has_value() ? result.value().to_string() : "error: " + std::string(code_name(result.error().code()));
}

// "a op b" as Postgres answers.
std::string compute(std::string_view expression) {
  const size_t left = expression.find(' ');
  const size_t right = expression.rfind(' ');
  const Numeric a = num(expression.substr(0, left));
  const Numeric b = num(expression.substr(right + 1));
  switch (expression[left + 1]) {
    case '+':
      return show(Numeric::add(a, b));
    case '-':
      return show(Numeric::subtract(a, b));
    case '*':
      return show(Numeric::multiply(a, b));
    case '/':
      return show(Numeric::divide(a, b));
    case '%':
      return show(Numeric::modulo(a, b));
    default:
      return a < b ? "<" : a > b ? ">" : "=";
  }
}

using Cases = std::vector<std::pair<std::string, std::string>>;
void expect_results(const Cases& cases) {
  for (const auto& [expression, result] : cases) EXPECT_EQ(compute(expression), result) << expression;
}

TEST(Numeric, prints_what_it_read) {
  for (const std::string text : {"0", "0.0", "0.00", "1", "-1", "1.50", "-0.05", "123456789012345678901234567890.12345678", "NaN",
                                 "Infinity", "-Infinity", "99999999999999999999999999999999999999",
                                 "-0.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001"}) {
    EXPECT_EQ(num(text).to_string(), text);
  }
}

TEST(Numeric, reads_all_of_postgres_forms) {
  const Cases cases = {{"  12  ", "12"},
                       {"+5", "5"},
                       {".5", "0.5"},
                       {"5.", "5"},
                       {"1e3", "1000"},
                       {"1.5e-3", "0.0015"},
                       {"1.2345E2", "123.45"},
                       {"-1.20e1", "-12.0"},
                       {"nan", "NaN"},
                       {"inf", "Infinity"},
                       {"-INFINITY", "-Infinity"},
                       {"+inf", "Infinity"},
                       {"0e99999", "0"},
                       {"-0", "0"},
                       {"0000000000000000000000000000000000000000000001", "1"},
                       {"0.1000000000000000000000000000000000000000000000", "0.10000000000000000000000000000000000000"},
                       {"1.0000000000000000000000000000000000000000000000", "1.0000000000000000000000000000000000000"},
                       {"1e37", "10000000000000000000000000000000000000"}};
  for (const auto& [text, printed] : cases) EXPECT_EQ(show(Numeric::parse(text)), printed) << text;
}

TEST(Numeric, refuses_what_is_no_number) {
  for (const std::string text : {"", " ", "abc", "1a", "1e", "1e+", ".", "-", "+-1", "1.2.3", "- 1", "infinit", "1 2", "0x10", "e5"}) {
    EXPECT_EQ(show(Numeric::parse(text)), "error: InvalidText") << text;
  }
  EXPECT_EQ(Numeric::parse("abc").error().message(), "invalid input syntax for type numeric: \"abc\"");
}

TEST(Numeric, refuses_more_than_38_digits) {
  for (const std::string text : {"1e38", "100000000000000000000000000000000000000", "1e-39", "0.123456789012345678901234567890123456789",
                                 "1234567890123456789.12345678901234567891", "1e999999999999"}) {
    EXPECT_EQ(show(Numeric::parse(text)), "error: NumericOutOfRange") << text;
  }
}

TEST(Numeric, adds_at_the_larger_scale) {
  expect_results({{"1.5 + 2.25", "3.75"},
                  {"0.1 + 0.2", "0.3"},
                  {"1.10 - 0.10", "1.00"},
                  {"-5 + 5.000", "0.000"},
                  {"99999999999999999999999999999999999999 + 1", "error: NumericOutOfRange"},
                  {"99999999999999999999999999999999999999 - -1", "error: NumericOutOfRange"},
                  {"-99999999999999999999999999999999999999 + 1", "-99999999999999999999999999999999999998"},
                  {"99999999999999999999999999999999999999 + 0.1", "error: NumericOutOfRange"},
                  {"99999999999999999999999999999999999999 + 0.0", "99999999999999999999999999999999999999"},
                  {"9999999999999999999999999999999999999.5 + 0.5", "10000000000000000000000000000000000000"},
                  {"99999999999999999999999999999999999.999 + 9999999999999999999999999999999999999.9", "error: NumericOutOfRange"}});
}

TEST(Numeric, multiplies_at_the_sum_of_scales) {
  expect_results({{"1.5 * 2.25", "3.375"},
                  {"0.00 * 5.0", "0.000"},
                  {"-3 * 7", "-21"},
                  {"9223372036854775807 * 9223372036854775807", "85070591730234615847396907784232501249"},
                  {"1e19 * 1e19", "error: NumericOutOfRange"},
                  {"10000000000000000000 * 1000000000000000000", "10000000000000000000000000000000000000"},
                  {"0.00000000000000000001 * 0.0000000000000000001", "error: NumericOutOfRange"},
                  {"0.00000000000000000010 * 0.0000000000000000010", "0.00000000000000000000000000000000000010"},
                  {"12345678901234567890.50 * 1000000000000000000.0", "12345678901234567890500000000000000000"}});
}

TEST(Numeric, divides_at_postgres_result_scale) {
  expect_results({{"1 / 3", "0.33333333333333333333"},
                  {"10 / 3", "3.3333333333333333"},
                  {"2 / 3", "0.66666666666666666667"},
                  {"1 / 2", "0.50000000000000000000"},
                  {"4 / 2", "2.0000000000000000"},
                  {"-7 / 2", "-3.5000000000000000"},
                  {"100000 / 3", "33333.333333333333"},
                  {"1 / 7.000", "0.14285714285714285714"},
                  {"1.0 / 3.0", "0.33333333333333333333"},
                  {"123456789 / 1000", "123456.789000000000"},
                  {"0 / 5", "0.00000000000000000000"},
                  {"1 / 10000", "0.000100000000000000000000"},
                  {"1 / 1", "1.00000000000000000000"},
                  {"5 / 0", "error: DivisionByZero"},
                  {"12345678901234567890 / 123456789012345678", "100.0000000000000007"},
                  {"1e20 / 3", "33333333333333333333"},
                  {"99999999999999999999999999999999999999 / 1", "99999999999999999999999999999999999999"},
                  {"99999999999999999999999999999999999999 / 0.1", "error: NumericOutOfRange"},
                  {"10000000000.000000000000000000000000000 / 0.0000000001", "100000000000000000000.00000000000000000"},
                  {"1e-30 / 3", "0.00000000000000000000000000000033333333"},
                  {"0.00000000000000000000000000000000000001 / 3", "0.00000000000000000000000000000000000000"}});
}

TEST(Numeric, takes_the_rest_with_the_sign_of_the_dividend) {
  expect_results(
      {{"7 % 3", "1"},
       {"-7 % 3", "-1"},
       {"7 % -3", "1"},
       {"7.5 % 2", "1.5"},
       {"1 % 0.3", "0.1"},
       {"5 % 0", "error: DivisionByZero"},
       {"0.00000000000000000000000000000000000001 % 99999999999999999999", "0.00000000000000000000000000000000000001"},
       {"99999999999999999999999999999999999999 % 0.00000000000000000000000000000000000007", "0.00000000000000000000000000000000000002"}});
}

TEST(Numeric, computes_with_infinity_and_nan_as_postgres) {
  expect_results({{"Infinity + 1", "Infinity"},
                  {"Infinity - Infinity", "NaN"},
                  {"-Infinity + -Infinity", "-Infinity"},
                  {"NaN + Infinity", "NaN"},
                  {"Infinity * -2", "-Infinity"},
                  {"Infinity * 0", "NaN"},
                  {"1 / Infinity", "0"},
                  {"Infinity / -3", "-Infinity"},
                  {"Infinity / Infinity", "NaN"},
                  {"NaN / 0", "NaN"},
                  {"Infinity / 0", "error: DivisionByZero"},
                  {"5 % Infinity", "5"},
                  {"Infinity % 5", "NaN"},
                  {"1 - Infinity", "-Infinity"}});
}

TEST(Numeric, orders_by_value_with_nan_greatest) {
  const std::vector<std::string> ascending = {"-Infinity", "-99999999999999999999999999999999999999",  "-1.5",     "-0.5",
                                              "0",         "0.00000000000000000000000000000000000001", "0.5",      "1",
                                              "10",        "99999999999999999999999999999999999999",   "Infinity", "NaN"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(compute(ascending[i] + " ? " + ascending[j]), i < j ? "<" : i > j ? ">" : "=") << ascending[i] << " " << ascending[j];
    }
  }
  EXPECT_EQ(num("1.0"), num("1.00"));
  EXPECT_EQ(num("0.0"), num("0"));
}

TEST(Numeric, hashes_equal_values_alike_whatever_their_scale) {
  for (const auto& [a, b] : Cases{{"1", "1.000"},
                                  {"100", "100.0"},
                                  {"1.5", "1.50"},
                                  {"0", "0.00"},
                                  {"-12.30", "-12.3"},
                                  {"1234567890123456789012345", "1234567890123456789012345.0000000"},
                                  {"NaN", "nan"}}) {
    EXPECT_EQ(num(a).hash(), num(b).hash()) << a;
  }
  EXPECT_NE(num("1").hash(), num("10").hash());
  EXPECT_NE(num("0.1").hash(), num("1").hash());
  EXPECT_NE(num("Infinity").hash(), num("-Infinity").hash());
}

TEST(Numeric, rounds_half_away_from_zero) {
  const auto round = [](std::string_view text, int scale) { return show(num(text).round(scale)); };
  EXPECT_EQ(round("1.5", 0), "2");
  EXPECT_EQ(round("-1.5", 0), "-2");
  EXPECT_EQ(round("2.5", 0), "3");
  EXPECT_EQ(round("1.4999", 0), "1");
  EXPECT_EQ(round("1.005", 2), "1.01");
  EXPECT_EQ(round("1.5", 4), "1.5000");
  EXPECT_EQ(round("1250", -2), "1300");
  EXPECT_EQ(round("1250", -5), "0");
  EXPECT_EQ(round("99999999999999999999999999999999999999", -1), "error: NumericOutOfRange");
  EXPECT_EQ(round("99999999999999999999999999999999999999", -100), "0");
  EXPECT_EQ(round("12345678901234567890123456789012345.678", 20), "12345678901234567890123456789012345.678");
  EXPECT_EQ(round("9.9999999999999999999999999999999999999", 0), "10");
  EXPECT_EQ(round("NaN", 2), "NaN");
}

TEST(Numeric, is_cast_to_precision_and_scale_as_a_column_would) {
  const auto cast = [](std::string_view text, int precision, int scale) { return show(num(text).rescale(precision, scale)); };
  EXPECT_EQ(cast("1.005", 5, 2), "1.01");
  EXPECT_EQ(cast("999.994", 5, 2), "999.99");
  EXPECT_EQ(cast("999.995", 5, 2), "error: NumericOutOfRange");
  EXPECT_EQ(cast("0.99", 2, 2), "0.99");
  EXPECT_EQ(cast("0.995", 2, 2), "error: NumericOutOfRange");
  EXPECT_EQ(cast("NaN", 2, 2), "NaN");
  EXPECT_EQ(cast("Infinity", 2, 2), "error: NumericOutOfRange");
  EXPECT_EQ(cast("0", 2, 2), "0.00");
  EXPECT_EQ(num("1000").rescale(5, 2).error().detail(),
            "A field with precision 5, scale 2 must round to an absolute value less than 10^3.");
  EXPECT_EQ(num("1").rescale(2, 2).error().detail(), "A field with precision 2, scale 2 must round to an absolute value less than 1.");
}

TEST(Numeric, becomes_a_bigint_by_rounding) {
  EXPECT_EQ(num("9223372036854775807.4").to_int64().value(), INT64_MAX);
  EXPECT_EQ(num("-9223372036854775808.4").to_int64().value(), INT64_MIN);
  EXPECT_EQ(num("-0.5").to_int64().value(), -1);
  EXPECT_EQ(num("0.49").to_int64().value(), 0);
  for (const std::string text : {"9223372036854775807.5", "-9223372036854775808.5", "1e30", "NaN", "Infinity"}) {
    EXPECT_EQ(num(text).to_int64().error().code(), Code::NumericOutOfRange) << text;
  }
}

TEST(Numeric, converts_from_and_to_double) {
  EXPECT_EQ(show(Numeric::from_double(0.1)), "0.1");
  EXPECT_EQ(show(Numeric::from_double(1.0 / 3)), "0.333333333333333");
  EXPECT_EQ(show(Numeric::from_double(1e20)), "100000000000000000000");
  EXPECT_EQ(show(Numeric::from_double(-1234.5)), "-1234.5");
  EXPECT_EQ(show(Numeric::from_double(1e300)), "error: NumericOutOfRange");
  EXPECT_EQ(show(Numeric::from_float(0.1F)), "0.1");
  EXPECT_EQ(show(Numeric::from_float(16777216.0F)), "16777200");
  EXPECT_EQ(num("0.1").to_double(), 0.1);
  EXPECT_EQ(num("123456789012345678901234567890").to_double(), 123456789012345678901234567890.0);
  EXPECT_EQ(num("0.333333333333333333333333333333").to_double(), 1.0 / 3);
  EXPECT_TRUE(std::isnan(num("NaN").to_double()));
  EXPECT_EQ(num("-Infinity").to_double(), -std::numeric_limits<double>::infinity());
}

// Random numbers of up to 12 digits, so that every product fits 128 bits, against plain integers.
struct Sample {
  Numeric value;
  __int128 coefficient;
  int scale;
};
Sample sample(testing::RandomData& random) {
  const auto limit = static_cast<uint64_t>(std::pow(10, random.below(13)));
  const __int128 coefficient = (random.one_in(2) ? 1 : -1) * static_cast<__int128>(random.below(limit));
  const int scale = static_cast<int>(random.below(9));
  return {Numeric::of(coefficient, static_cast<uint8_t>(scale)), coefficient, scale};
}
__int128 power_of_ten(int n) { return n == 0 ? 1 : 10 * power_of_ten(n - 1); }

TEST(Numeric, agrees_with_plain_integers) {
  testing::RandomData random(3);
  for (int step = 0; step < 20000; ++step) {
    const Sample a = sample(random);
    const Sample b = sample(random);
    const int scale = std::max(a.scale, b.scale);
    const __int128 x = a.coefficient * power_of_ten(scale - a.scale);
    const __int128 y = b.coefficient * power_of_ten(scale - b.scale);
    const auto is = [](const Result<Numeric>& result, __int128 coefficient, int at_scale) {
      return result.value().coefficient() == coefficient && result.value().scale() == at_scale;
    };
    ASSERT_TRUE(is(Numeric::add(a.value, b.value), x + y, scale));
    ASSERT_TRUE(is(Numeric::subtract(a.value, b.value), x - y, scale));
    ASSERT_TRUE(is(Numeric::multiply(a.value, b.value), a.coefficient * b.coefficient, a.scale + b.scale));
    ASSERT_EQ(a.value < b.value, x < y);
    ASSERT_EQ(a.value == b.value, x == y);
    if (x == y) {
      ASSERT_EQ(a.value.hash(), b.value.hash());
    }
    if (y == 0) continue;
    ASSERT_TRUE(is(Numeric::modulo(a.value, b.value), x % y, scale));
    // A quotient is right when it times the divisor misses the dividend by half the divisor at most.
    const Numeric q = Numeric::divide(a.value, b.value).value();
    if (q.scale() <= 16) {
      const __int128 miss = q.coefficient() * y - x * power_of_ten(q.scale());
      ASSERT_LE(2 * (miss < 0 ? -miss : miss), y < 0 ? -y : y) << a.value.to_string() << " / " << b.value.to_string();
    }
    ASSERT_EQ(num(a.value.to_string()).coefficient(), a.coefficient);
  }
}

TEST(Numeric, keeps_laws_where_no_plain_integer_can_follow) {
  testing::RandomData random(4);
  for (int step = 0; step < 20000; ++step) {
    const Numeric a = random.numeric();
    const Numeric b = random.numeric();
    EXPECT_EQ(num(a.to_string()).to_string(), a.to_string());
    EXPECT_EQ(a.normalized(), a);
    EXPECT_EQ(a.normalized().hash(), a.hash());
    EXPECT_EQ(a<b, b> a);
    const auto sum = Numeric::add(a, b);
    EXPECT_EQ(show(sum), show(Numeric::add(b, a)));
    if (sum.has_value() && a.is_finite() && b.is_finite()) {
      const auto back = Numeric::subtract(sum.value(), b);
      if (back.has_value()) {
        ASSERT_EQ(back.value(), a) << a.to_string() << " + " << b.to_string();
      }
    }
    EXPECT_EQ(show(Numeric::multiply(a, b)), show(Numeric::multiply(b, a)));
    const auto product = Numeric::multiply(a, b);
    if (product.has_value() && a.is_finite() && b.is_finite() && b != Numeric()) {
      const auto back = Numeric::divide(product.value(), b);
      if (back.has_value()) {
        // The quotient is exact up to half a unit of its last digit.
        const auto difference = Numeric::subtract(back.value(), a);
        const Numeric unit = Numeric::of(1, back.value().scale());
        if (difference.has_value()) {
          ASSERT_TRUE(difference.value() < unit && difference.value() > unit.negate()) << show(back) << " " << a.to_string();
        }
      }
    }
  }
}

}  // namespace
}  // namespace penstock::data
