#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

using data::TypeKind;

TEST(Arithmetic, of_integers_overflows_with_an_error) {
  run_table(R"(
    add(1, 2)                              => 3
    add(1::int2, 2::int2)                  => 3
    add(1::int2, 2::int8)                  => 3
    subtract(1, 2)                         => -1
    multiply(-3, 4)                        => -12
    add(32767::int2, 1::int2)              => error 22003 smallint out of range
    add(2147483647, 1)                     => error 22003 integer out of range
    add(2147483647, 1::int8)               => 2147483648
    add(9223372036854775807, 1)            => error 22003 bigint out of range
    add(-9223372036854775807, -1)          => -9223372036854775808
    subtract(-2147483648, 1)               => error 22003 integer out of range
    subtract(-1, -2147483648)              => 2147483647
    subtract(0, '-9223372036854775808'::int8) => error 22003 bigint out of range
    subtract('-32768'::int2, 1::int2)      => error 22003 smallint out of range
    multiply(65536, 32768)                 => error 22003 integer out of range
    multiply(65536, -32768)                => -2147483648
    multiply(200::int2, 200::int2)         => error 22003 smallint out of range
    multiply(4294967296, 2147483648)       => error 22003 bigint out of range
    multiply(-1, '-9223372036854775808'::int8) => error 22003 bigint out of range
    negate(5)                              => -5
    negate('-32768'::int2)                 => error 22003 smallint out of range
    negate('-2147483648'::int4)            => error 22003 integer out of range
    negate('-9223372036854775808'::int8)   => error 22003 bigint out of range
    plus(7)                                => 7
    add(1, null)                           => NULL
    add(null::int8, null::int8)            => NULL
  )");
}

TEST(Arithmetic, of_integers_divides_toward_zero) {
  run_table(R"(
    divide(7, 2)                           => 3
    divide(-7, 2)                          => -3
    divide(7, -2)                          => -3
    divide(1, 0)                           => error 22012 division by zero
    divide(1::int2, 0::int2)               => error 22012 division by zero
    divide('-2147483648'::int4, -1)        => error 22003 integer out of range
    divide('-32768'::int2, '-1'::int2)     => error 22003 smallint out of range
    divide('-9223372036854775808'::int8, -1) => error 22003 bigint out of range
    divide(null::int4, 0)                  => NULL
    mod(7, 3)                              => 1
    mod(-7, 3)                             => -1
    mod(7, -3)                             => 1
    mod(7, 0)                              => error 22012 division by zero
    mod('-9223372036854775808'::int8, -1)  => 0
  )");
}

TEST(Arithmetic, of_floats_knows_overflow_and_underflow) {
  run_table(R"(
    add(0.1::float8, 0.2::float8)          => 0.30000000000000004
    add(1::float4, 2::float8)              => 3
    multiply(1.5::float4, 2::float4)       => 3
    multiply(1.1::float4, 1)               => 1.100000023841858
    divide(1::float8, 3)                   => 0.3333333333333333
    add('1e308'::float8, '1e308'::float8)  => error 22003 value out of range: overflow
    subtract('-1e308'::float8, '1e308'::float8) => error 22003 value out of range: overflow
    multiply('1e200'::float8, '1e200'::float8) => error 22003 value out of range: overflow
    multiply('1e-200'::float8, '1e-200'::float8) => error 22003 value out of range: underflow
    multiply('1e30'::float4, '1e30'::float4) => error 22003 value out of range: overflow
    divide('1e-200'::float8, '1e200'::float8) => error 22003 value out of range: underflow
    divide('1e200'::float8, '1e-200'::float8) => error 22003 value out of range: overflow
    divide(1::float8, 0::float8)           => error 22012 division by zero
    divide('NaN'::float8, 0::float8)       => NaN
    divide(1::float8, 'Infinity'::float8)  => 0
    add('Infinity'::float8, 1)             => Infinity
    subtract('Infinity'::float8, 'Infinity'::float8) => NaN
    negate(1.5::float8)                    => -1.5
    add(null::float8, 1)                   => NULL
  )");
}

TEST(Arithmetic, of_numerics_is_exact) {
  run_table(R"(
    add(1.10, 2.205)                       => 3.305
    subtract(1, 0.1)                       => 0.9
    multiply(1.10, 2.20)                   => 2.4200
    multiply(0.908, 1000)                  => 908.000
    divide(1.0, 3)                         => 0.33333333333333333333
    divide(10, 4.0)                        => 2.5000000000000000
    divide(1.5, 0)                         => error 22012 division by zero
    mod(7.5, 2)                            => 1.5
    mod(-7.5, 2)                           => -1.5
    mod(7.5, 0)                            => error 22012 division by zero
    negate(1.50)                           => -1.50
    add('NaN'::numeric, 1)                 => NaN
    add('Infinity'::numeric, '-Infinity'::numeric) => NaN
    add(1.5, null)                         => NULL
    add(1.5, 1::float8)                    => 2.5
    add(9223372036854775807, 1.0)          => 9223372036854775808.0
  )");
}

TEST(Arithmetic, of_bits) {
  run_table(R"(
    bitwise_and(12, 10)                    => 8
    bitwise_or(12, 10)                     => 14
    bitwise_xor(12, 10)                    => 6
    bitwise_not(0)                         => -1
    shift_left(1, 4)                       => 16
    shift_left(1::int8, 40)                => 1099511627776
    shift_right(-16, 2)                    => -4
    shift_right(256::int2, 4)              => 16
  )");
}

TEST(Arithmetic, takes_the_type_of_the_known_side_for_a_literal) {
  run_table(R"(
    add(1, '2')                            => 3
    add('1.5', 2.5)                        => 4.0
    add(1, 'x')                            => error 22P02 invalid input syntax for type integer: "x"
    multiply(2::int8, '3')                 => 6
  )");
}

TEST(Arithmetic, refuses_what_has_no_sum) {
  run_table(R"(
    add(1, true)              => error 42883 operator does not exist: integer + boolean
    add('a'::varchar, 1)      => error 42883 operator does not exist: character varying + integer
    negate(true)              => error 42883 operator does not exist: - boolean
    mod(1::float8, 2::float8) => error 42883 operator does not exist: double precision % double precision
  )");
}

TEST(Arithmetic, marks_only_the_rows_that_overflow) {
  const std::vector<data::DataType> types = {TypeKind::Int32, TypeKind::Int32};
  const auto expr = build(parse("add($0, $1)", types).value(), types);
  const auto chunk = data::chunk_from_table(R"(
    I32 I32
    + 1 1
    + 2147483647 1
    + 2147483647 .
    + -2147483648 -1
    + 5 6
  )");
  RowErrors errors;
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data(), nullptr, &errors), (std::vector<std::string>{"2", "NULL", "NULL", "NULL", "11"}));
  EXPECT_EQ(errors.count, 2U);
  EXPECT_EQ(errors.first->message(), "integer out of range");
  data::Bitmap active(5, true);
  active.set(1, false);
  active.set(3, false);
  RowErrors none;
  (void)evaluate_texts(*expr.value(), chunk.data(), &active, &none);
  EXPECT_EQ(none.count, 0U);
}

}  // namespace
}  // namespace penstock::expr::testing
