#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Math, rounds_as_postgres) {
  run_table(R"(
    round(2.5)                             => 3
    round(-2.5)                            => -3
    round(2.5::float8)                     => 2
    round(3.5::float8)                     => 4
    round(7)                               => 7
    round(1.2345, 2)                       => 1.23
    round(1.235, 2)                        => 1.24
    round(1234.5, -2)                      => 1200
    round(1.5, 3)                          => 1.500
    round(7, 2)                            => 7.00
    trunc(2.7)                             => 2
    trunc(-2.7)                            => -2
    trunc(1.239, 2)                        => 1.23
    trunc(1299.5, -2)                      => 1200
    trunc(1.5, 3)                          => 1.500
    trunc(-2.7::float8)                    => -2
    floor(2.7)                             => 2
    floor(-2.1)                            => -3
    floor(-2.0)                            => -2
    ceil(2.1)                              => 3
    ceil(-2.7)                             => -2
    ceiling(2.0)                           => 2
    floor(-2.1::float8)                    => -3
    ceil(2.1::float8)                      => 3
    round('NaN'::numeric)                  => NaN
    floor('Infinity'::numeric)             => Infinity
  )");
}

TEST(Math, takes_magnitude_and_sign) {
  run_table(R"(
    abs(-5)                                => 5
    abs(-5::int2)                          => 5
    abs('-2147483648'::int4)               => error 22003 integer out of range
    abs('-32768'::int2)                    => error 22003 smallint out of range
    abs('-9223372036854775808'::int8)      => error 22003 bigint out of range
    abs(-1.50)                             => 1.50
    abs('-1.5'::float8)                    => 1.5
    abs('-1.5'::float4)                    => 1.5
    abs('-Infinity'::numeric)              => Infinity
    sign(-3.7)                             => -1
    sign(0.0)                              => 0
    sign(3)                                => 1
    sign('-2'::float8)                     => -1
    gcd(12, 18)                            => 6
    gcd(0, 0)                              => 0
    gcd('-2147483648'::int4, 0)            => error 22003 integer out of range
    lcm(4, 6)                              => 12
    lcm(0, 5)                              => 0
    lcm(2147483647, 2147483646)            => error 22003 integer out of range
  )");
}

TEST(Math, computes_powers_roots_and_logarithms) {
  run_table(R"(
    sqrt(16)                               => 4
    sqrt(2::float8)                        => 1.4142135623730951
    sqrt(-1)                               => error 22023 cannot take square root of a negative number
    cbrt(8)                                => 2
    power(2, 10)                           => 1024
    pow(2::float8, 0.5::float8)            => 1.4142135623730951
    power(0, -1)                           => error 22023 zero raised to a negative power is undefined
    power(-1, 0.5::float8)                 => error 22023 a negative number raised to a non-integer power yields a complex result
    power(10::float8, 400)                 => error 22003 value out of range: overflow
    power(10::float8, -400)                => error 22003 value out of range: underflow
    exp(0::float8)                         => 1
    exp(1000::float8)                      => error 22003 value out of range: overflow
    exp('-Infinity'::float8)               => 0
    ln(1::float8)                          => 0
    ln(0::float8)                          => error 22023 cannot take logarithm of zero
    ln(-1::float8)                         => error 22023 cannot take logarithm of a negative number
    log(100::float8)                       => 2
    log10(1000::float8)                    => 3
    pi()                                   => 3.141592653589793
    degrees(pi())                          => 180
    sin(0::float8)                         => 0
    acos(2::float8)                        => error 22003 input is out of range
    atan2(1::float8, 1::float8)            => 0.7853981633974483
  )");
}

}  // namespace
}  // namespace penstock::expr::testing
