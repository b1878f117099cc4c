#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Comparison, orders_numbers_of_any_two_types) {
  run_table(R"(
    equal(1, 1)                                    => t
    equal(1, 2)                                    => f
    not_equal(1, 2)                                => t
    less_than(1::int2, 2::int8)                    => t
    less_than_or_equal(2, 2)                       => t
    greater_than(3000000000, 2)                    => t
    greater_than_or_equal(1, 2)                    => f
    equal(1, 1.0)                                  => t
    equal(1.10, 1.1)                               => t
    less_than(0.1::float8, 0.1)                    => f
    equal(0.1::float4, 0.1::float8)                => f
    equal(0.5::float4, 0.5::float8)                => t
    less_than(1, 1.5::float8)                      => t
    equal(9007199254740993, 9007199254740992.0)    => f
    greater_than(-9223372036854775808, -9223372036854775808.5) => t
  )");
}

TEST(Comparison, puts_nan_above_all_and_equal_to_itself) {
  run_table(R"(
    equal('NaN'::float8, 'NaN'::float8)            => t
    not_equal('NaN'::float8, 'NaN'::float8)        => f
    greater_than('NaN'::float8, 'Infinity'::float8) => t
    less_than('NaN'::float8, 1::float8)            => f
    less_than(1::float4, 'NaN'::float4)            => t
    less_than_or_equal('NaN'::float8, 'NaN'::float8) => t
    equal('-0'::float8, '0'::float8)               => t
    greater_than('NaN'::numeric, 'Infinity'::numeric) => t
    equal('NaN'::numeric, 'NaN'::numeric)          => t
  )");
}

TEST(Comparison, orders_text_bytewise) {
  run_table(R"(
    equal('abc', 'abc')                            => t
    less_than('abc', 'abd')                        => t
    less_than('abc', 'abcd')                       => t
    less_than('', 'a')                             => t
    less_than('B', 'a')                            => t
    less_than('zebra', 'äpfel')                    => t
    equal('a long text that lies in a buffer', 'a long text that lies in a buffer') => t
    equal('a long text that lies in a buffer', 'a long text that lies in a bufffr') => f
    less_than('a long text that lies in a buffer', 'a long text that lies in a bufffr') => t
    greater_than_or_equal('same prefix, then b', 'same prefix, then a') => t
    equal('abc', 'abc ')                           => f
  )");
}

TEST(Comparison, knows_dates_timestamps_intervals_and_booleans) {
  run_table(R"(
    less_than('2020-01-01'::date, '2020-01-02')    => t
    equal('2020-01-01'::date, '2020-01-01 00:00:00'::timestamp) => t
    less_than('2020-01-01'::date, '2020-01-01 00:00:01'::timestamp) => t
    greater_than('2020-01-01 00:00:00.000001'::timestamp, '2020-01-01 00:00:00'::timestamp) => t
    equal('1 month'::interval, '30 days'::interval) => t
    equal('1 day'::interval, '24:00:00'::interval) => t
    less_than('29 days'::interval, '1 month'::interval) => t
    less_than(false, true)                         => t
    equal(true, true)                              => t
  )");
}

TEST(Comparison, is_null_if_a_side_is) {
  run_table(R"(
    equal(1, null)                                 => NULL
    less_than(null, 'a')                           => NULL
    equal(null, null)                              => NULL
    not_equal('2020-01-01'::date, null)            => NULL
  )");
}

TEST(Comparison, is_null_and_is_distinct_from_are_never_null) {
  run_table(R"(
    is_null(1)                                     => f
    is_null(null)                                  => t
    is_not_null('a')                               => t
    is_not_null(null::int8)                        => f
    is_distinct_from(1, 1)                         => f
    is_distinct_from(1, 2)                         => t
    is_distinct_from(1, null)                      => t
    is_distinct_from(null::int4, null::int4)       => f
    is_not_distinct_from(null::int4, null::int4)   => t
    is_not_distinct_from('a', 'b')                 => f
    is_distinct_from(1, 1.0)                       => f
    is_distinct_from(0.5::float4, 0.5::float8)     => f
  )");
}

TEST(Comparison, in_is_unsure_about_nulls) {
  run_table(R"(
    in(1, 2, 1)                                    => t
    in(1, 2, 3)                                    => f
    in(1, 2, null)                                 => NULL
    in(1, null, 1)                                 => t
    in(null::int4, 1, 2)                           => NULL
    in('apple', 'pear', 'apple')                   => t
    in(1.0, 1, 2)                                  => t
    not_in(1, 2, 3)                                => t
    not_in(1, 2, 1)                                => f
    not_in(1, 2, null)                             => NULL
    not_in(null::int4, 1, 2)                       => NULL
    in('2020-01-01'::date, '2020-01-01')           => t
  )");
}

TEST(Comparison, refuses_what_does_not_compare) {
  run_table(R"(
    equal(1, 'x'::varchar)       => error 42883 operator does not exist: integer = character varying
    less_than(true, 1)           => error 42883 operator does not exist: boolean < integer
    equal(1, 'x')                => error 22P02 invalid input syntax for type integer: "x"
    in(1, true)                  => error 42804 IN types integer and boolean cannot be matched
  )");
}

TEST(Comparison, of_text_sees_embedded_zeros_and_prefixes) {
  const auto built = build(make_call("less_than", {make_input(0, data::TypeKind::Varchar), make_input(1, data::TypeKind::Varchar)}).value(),
                           std::vector<data::DataType>{data::TypeKind::Varchar, data::TypeKind::Varchar});
  data::ColumnBuilder<data::Text> left(data::TypeKind::Varchar, 2), right(data::TypeKind::Varchar, 2);
  left.append(std::string_view("a"));
  right.append(std::string_view("a\0", 2));
  left.append(std::string_view("\xff", 1));
  right.append(std::string_view("a"));
  const data::DataChunk chunk({left.finish(), right.finish()}, 2);
  EXPECT_EQ(evaluate_texts(*built.value(), chunk), (std::vector<std::string>{"t", "f"}));
}

}  // namespace
}  // namespace penstock::expr::testing
