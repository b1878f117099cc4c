#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Cast, between_numbers_checks_the_range) {
  run_table(R"(
    300::int2                              => 300
    70000::int2                            => error 22003 smallint out of range
    3000000000::int4                       => error 22003 integer out of range
    '-40000'::int8::int2                   => error 22003 smallint out of range
    1::int8                                => 1
    1.5::int4                              => 2
    2.5::int4                              => 3
    -2.5::int4                             => -3
    2.5::float8::int4                      => 2
    3.5::float8::int4                      => 4
    2147483647.5::float8::int4             => error 22003 integer out of range
    '1e19'::float8::int8                   => error 22003 bigint out of range
    '-9223372036854775808'::float8::int8   => -9223372036854775808
    '9223372036854775807'::float8::int8    => error 22003 bigint out of range
    'NaN'::float8::int4                    => error 22003 integer out of range
    99999999999.5::int4                    => error 22003 integer out of range
    'NaN'::numeric::int4                   => error 0A000 cannot convert NaN to integer
    'Infinity'::numeric::int8              => error 0A000 cannot convert infinity to bigint
    1::numeric                             => 1
    0.1::float8::numeric                   => 0.1
    0.1::float4::numeric                   => 0.1
    1.005::float8::numeric                 => 1.005
    1.25::float4                           => 1.25
    '1e300'::float8::float4                => error 22003 value out of range: overflow
    '1e-300'::float8::float4               => error 22003 value out of range: underflow
    16777217::float4                       => 1.6777216e+07
    12345.678::float8                      => 12345.678
    9007199254740993::float8               => 9.007199254740992e+15
    null::int4::int8                       => NULL
  )");
}

TEST(Cast, to_constrained_numeric_rounds_and_checks) {
  run_table(R"(
    1.005::numeric(10,2)                   => 1.01
    -1.005::numeric(10,2)                  => -1.01
    1::numeric(5,2)                        => 1.00
    123456::numeric(5,2)                   => error 22003 numeric field overflow
    999.995::numeric(5,2)                  => error 22003 numeric field overflow
    1234.5678::float8::numeric(8,3)        => 1234.568
    '12.345'::varchar::numeric(4,1)        => 12.3
    1.25::numeric(5,2)::numeric(5,1)       => 1.3
    'NaN'::numeric::numeric(5,2)           => NaN
  )");
}

TEST(Cast, from_text_reads_postgres_forms) {
  run_table(R"(
    ' 42 '::varchar::int4                  => 42
    'abc'::varchar::int4                   => error 22P02 invalid input syntax for type integer: "abc"
    ''::varchar::int8                      => error 22P02 invalid input syntax for type bigint: ""
    '99999999999'::varchar::int4           => error 22003 value "99999999999" is out of range for type integer
    '1.5e3'::varchar::float8               => 1500
    '1.5e3'::varchar::numeric              => 1500
    'x'::varchar::float8                   => error 22P02 invalid input syntax for type double precision: "x"
    'yes'::varchar::boolean                => t
    'off'::varchar::boolean                => f
    'maybe'::varchar::boolean              => error 22P02 invalid input syntax for type boolean: "maybe"
    '2020-02-29'::varchar::date            => 2020-02-29
    '2020-02-30'::varchar::date            => error 22008 date/time field value out of range: "2020-02-30"
    '2020-01-01 12:34:56.789'::varchar::timestamp => 2020-01-01 12:34:56.789
    'gestern'::varchar::date               => error 22007 invalid input syntax for type date: "gestern"
    '1 day 02:00:00'::varchar::interval    => 1 day 02:00:00
    null::varchar::int4                    => NULL
  )");
}

TEST(Cast, to_text_writes_postgres_forms) {
  run_table(R"(
    42::varchar                            => 42
    '-9223372036854775808'::int8::varchar  => -9223372036854775808
    1.50::varchar                          => 1.50
    true::varchar                          => true
    false::varchar                         => false
    0.1::float8::varchar                   => 0.1
    '1e20'::float8::varchar                => 1e+20
    '2020-01-01'::date::varchar            => 2020-01-01
    '2020-01-01 10:00:00.5'::timestamp::varchar => 2020-01-01 10:00:00.5
    '1 year 2 months 3 days 04:05:06'::interval::varchar => 1 year 2 mons 3 days 04:05:06
    null::int4::varchar                    => NULL
  )");
}

TEST(Cast, between_dates_and_timestamps) {
  run_table(R"(
    '2020-01-01'::date::timestamp          => 2020-01-01 00:00:00
    '2020-01-01 23:59:59'::timestamp::date => 2020-01-01
    '1969-12-31 23:00:00'::timestamp::date => 1969-12-31
    '1960-05-05 00:00:00'::timestamp::date => 1960-05-05
  )");
}

TEST(Cast, between_booleans_and_integers) {
  run_table(R"(
    true::int4                             => 1
    0::boolean                             => f
    7::boolean                             => t
  )");
}

TEST(Cast, refuses_what_does_not_go_together) {
  run_table(R"(
    true::date                  => error 42804 cannot cast type boolean to date
    1::date                     => error 42804 cannot cast type integer to date
    '1 day'::interval::int4     => error 42804 cannot cast type interval to integer
    true::int8                  => error 42804 cannot cast type boolean to bigint
  )");
}

TEST(Cast, levels_are_those_of_postgres) {
  using data::TypeKind;
  EXPECT_TRUE(can_cast(TypeKind::Int16, TypeKind::Int64, CastKind::Implicit));
  EXPECT_TRUE(can_cast(TypeKind::Int64, TypeKind::Float32, CastKind::Implicit));
  EXPECT_TRUE(can_cast(TypeKind::Numeric, TypeKind::Float64, CastKind::Implicit));
  EXPECT_TRUE(can_cast(TypeKind::Date, TypeKind::Timestamp, CastKind::Implicit));
  EXPECT_FALSE(can_cast(TypeKind::Int64, TypeKind::Int32, CastKind::Implicit));
  EXPECT_TRUE(can_cast(TypeKind::Int64, TypeKind::Int32, CastKind::Assignment));
  EXPECT_TRUE(can_cast(TypeKind::Float64, TypeKind::Numeric, CastKind::Assignment));
  EXPECT_FALSE(can_cast(TypeKind::Float64, TypeKind::Numeric, CastKind::Implicit));
  EXPECT_TRUE(can_cast(TypeKind::Int32, TypeKind::Varchar, CastKind::Assignment));
  EXPECT_FALSE(can_cast(TypeKind::Int32, TypeKind::Varchar, CastKind::Implicit));
  EXPECT_FALSE(can_cast(TypeKind::Varchar, TypeKind::Int32, CastKind::Assignment));
  EXPECT_TRUE(can_cast(TypeKind::Varchar, TypeKind::Int32, CastKind::Explicit));
  EXPECT_TRUE(can_cast(TypeKind::Timestamp, TypeKind::Date, CastKind::Assignment));
  EXPECT_FALSE(can_cast(TypeKind::Boolean, TypeKind::Int64, CastKind::Explicit));
  EXPECT_FALSE(can_cast(TypeKind::Interval, TypeKind::Timestamp, CastKind::Explicit));
}

}  // namespace
}  // namespace penstock::expr::testing
