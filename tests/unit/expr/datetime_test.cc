#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

TEST(Datetime, adds_and_subtracts_days) {
  run_table(R"(
    add('2020-02-28'::date, 2)             => 2020-03-01
    add(1, '2020-12-31'::date)             => 2021-01-01
    subtract('2020-03-01'::date, 1)        => 2020-02-29
    subtract('2020-03-01'::date, '2020-02-01'::date) => 29
    subtract('2020-02-01'::date, '2020-03-01'::date) => -29
    add('2020-01-01'::date, 2147483647)    => error 22008 date out of range
    add('2020-01-01'::date, '1 month 12:00:00'::interval) => 2020-02-01 12:00:00
    add('1 day'::interval, '2020-01-01'::date) => 2020-01-02 00:00:00
    subtract('2020-03-31'::date, '1 month'::interval) => 2020-02-29 00:00:00
    add('2020-01-01'::date, null::int4)    => NULL
  )");
}

TEST(Datetime, adds_months_then_days_then_time) {
  run_table(R"(
    add('2020-01-31 10:00:00'::timestamp, '1 month'::interval) => 2020-02-29 10:00:00
    add('2021-01-31 10:00:00'::timestamp, '1 month'::interval) => 2021-02-28 10:00:00
    add('2020-01-31 00:00:00'::timestamp, '1 month 1 day'::interval) => 2020-03-01 00:00:00
    subtract('2020-03-31 00:00:00'::timestamp, '1 month'::interval) => 2020-02-29 00:00:00
    add('2020-11-30 00:00:00'::timestamp, '3 months'::interval) => 2021-02-28 00:00:00
    add('2020-02-29 00:00:00'::timestamp, '1 year'::interval) => 2021-02-28 00:00:00
    subtract('2020-01-15 00:00:00'::timestamp, '25 months'::interval) => 2017-12-15 00:00:00
    add('2020-01-01 23:59:59.999999'::timestamp, '00:00:00.000001'::interval) => 2020-01-02 00:00:00
    add('1969-12-31 23:59:59'::timestamp, '2 seconds'::interval) => 1970-01-01 00:00:01
    add('10 seconds'::interval, '2020-01-01 00:00:00'::timestamp) => 2020-01-01 00:00:10
    subtract('2020-01-01 00:00:00'::timestamp, '10 seconds'::interval) => 2019-12-31 23:59:50
    add('2020-01-01 00:00:00'::timestamp, '300000 years'::interval) => error 22008 timestamp out of range
    subtract('2020-01-01 00:00:00'::timestamp, '3000000 days'::interval) => error 22008 timestamp out of range
    add('2020-01-01 00:00:00'::timestamp, '1 day') => 2020-01-02 00:00:00
  )");
}

TEST(Datetime, subtracts_timestamps_into_days_and_time) {
  run_table(R"(
    subtract('2020-01-03 12:00:00'::timestamp, '2020-01-01 00:00:00'::timestamp) => 2 days 12:00:00
    subtract('2020-01-01 00:00:00'::timestamp, '2020-01-03 12:00:00'::timestamp) => -2 days -12:00:00
    subtract('2020-01-01 00:00:01'::timestamp, '2020-01-01 00:00:00.5'::timestamp) => 00:00:00.5
    subtract('2020-03-01 00:00:00'::timestamp, '2019-03-01 00:00:00'::timestamp) => 366 days
    subtract('2020-01-02'::date, '2020-01-01 12:00:00'::timestamp) => 12:00:00
  )");
}

TEST(Datetime, scales_intervals_letting_fractions_flow_down) {
  run_table(R"(
    add('1 day'::interval, '02:00:00'::interval) => 1 day 02:00:00
    subtract('1 month'::interval, '1 day'::interval) => 1 mon -1 days
    negate('1 day -02:00:00'::interval)    => -1 days +02:00:00
    multiply('1 day'::interval, 1.5)       => 1 day 12:00:00
    multiply(2, '1 month 3 days'::interval) => 2 mons 6 days
    multiply('1 month'::interval, 0.5)     => 15 days
    multiply('1 year 1 day'::interval, 0.1) => 1 mon 6 days 02:24:00
    multiply('1 mon 1 day 01:00:00'::interval, -1.5) => -1 mons -16 days -13:30:00
    divide('1 day'::interval, 4)           => 06:00:00
    divide('1 month'::interval, 2)         => 15 days
    divide('10 days'::interval, 3)         => 3 days 08:00:00
    divide('1 year'::interval, 7)          => 1 mon 21 days 10:17:08.5344
    divide('1 day'::interval, 0)           => error 22012 division by zero
    multiply('1 mon'::interval, 3000000000) => error 22008 interval out of range
    multiply('1 day'::interval, 'NaN'::float8) => error 22008 interval out of range
    justify_hours('27:30:00'::interval)    => 1 day 03:30:00
    justify_days('35 days'::interval)      => 1 mon 5 days
    justify_hours('1 day -01:00:00'::interval) => 23:00:00
  )");
}

TEST(Datetime, extracts_fields_of_timestamps) {
  run_table(R"(
    extract('year', '2001-02-16 20:38:40.123456'::timestamp)        => 2001
    extract('month', '2001-02-16 20:38:40.123456'::timestamp)       => 2
    extract('day', '2001-02-16 20:38:40.123456'::timestamp)         => 16
    extract('hour', '2001-02-16 20:38:40.123456'::timestamp)        => 20
    extract('minute', '2001-02-16 20:38:40.123456'::timestamp)      => 38
    extract('second', '2001-02-16 20:38:40.123456'::timestamp)      => 40.123456
    extract('second', '2001-02-16 20:38:40'::timestamp)             => 40.000000
    extract('milliseconds', '2001-02-16 20:38:40.123456'::timestamp) => 40123.456
    extract('microseconds', '2001-02-16 20:38:40.123456'::timestamp) => 40123456
    extract('quarter', '2001-02-16 20:38:40'::timestamp)            => 1
    extract('week', '2001-02-16 20:38:40'::timestamp)               => 7
    extract('week', '2005-01-01 00:00:00'::timestamp)               => 53
    extract('isoyear', '2005-01-01 00:00:00'::timestamp)            => 2004
    extract('week', '2012-12-31 00:00:00'::timestamp)               => 1
    extract('isoyear', '2012-12-31 00:00:00'::timestamp)            => 2013
    extract('dow', '2001-02-18 00:00:00'::timestamp)                => 0
    extract('isodow', '2001-02-18 00:00:00'::timestamp)             => 7
    extract('doy', '2000-12-31 00:00:00'::timestamp)                => 366
    extract('decade', '2001-02-16 20:38:40'::timestamp)             => 200
    extract('century', '2000-12-31 00:00:00'::timestamp)            => 20
    extract('century', '2001-01-01 00:00:00'::timestamp)            => 21
    extract('millennium', '2000-12-31 00:00:00'::timestamp)         => 2
    extract('millennium', '2001-01-01 00:00:00'::timestamp)         => 3
    extract('epoch', '2001-02-16 20:38:40.12'::timestamp)           => 982355920.120000
    extract('epoch', '1969-12-31 23:59:59.5'::timestamp)            => -0.500000
    extract('hour', '1969-12-31 23:59:59.5'::timestamp)             => 23
    extract('julian', '2001-02-16 12:00:00'::timestamp)             => 2451957.50000000000000000000
    extract('HOURS', '2001-02-16 20:38:40'::timestamp)              => 20
    extract('fortnight', '2001-02-16 20:38:40'::timestamp) => error 22023 unit "fortnight" not recognized for type timestamp without time zone
    extract('hour', null::timestamp)                                => NULL
  )");
}

TEST(Datetime, extracts_fields_of_dates_and_intervals) {
  run_table(R"(
    extract('day', '2001-02-16'::date)                              => 16
    extract('dow', '2001-02-16'::date)                              => 5
    extract('epoch', '2001-02-16'::date)                            => 982281600
    extract('julian', '2001-02-16'::date)                           => 2451957
    extract('hour', '2001-02-16'::date) => error 0A000 unit "hour" not supported for type date
    extract('day', '40 days 1 minute'::interval)                    => 40
    extract('hour', '40 days 25:01:02'::interval)                   => 25
    extract('minute', '-01:02:03'::interval)                        => -2
    extract('second', '-01:02:03.5'::interval)                      => -3.500000
    extract('year', '14 months'::interval)                          => 1
    extract('month', '14 months'::interval)                         => 2
    extract('month', '-14 months'::interval)                        => -2
    extract('quarter', '14 months'::interval)                       => 1
    extract('century', '1234 years'::interval)                      => 12
    extract('epoch', '1 year 2 mons 3 days 04:05:06.7'::interval)   => 37015506.700000
    extract('week', '1 day'::interval) => error 0A000 unit "week" not supported for type interval
    date_part('hour', '2001-02-16 20:38:40'::timestamp)             => 20
    date_part('second', '2001-02-16 20:38:40.5'::timestamp)         => 40.5
    date_part('epoch', '2001-02-16 20:38:40.12'::timestamp)         => 982355920.12
    date_part('hour', '2001-02-16'::date)                           => 0
    date_part('day', '3 days'::interval)                            => 3
    date_part('epoch', '1 day'::interval)                           => 86400
  )");
}

TEST(Datetime, truncates) {
  run_table(R"(
    date_trunc('microseconds', '2001-02-16 20:38:40.123456'::timestamp) => 2001-02-16 20:38:40.123456
    date_trunc('milliseconds', '2001-02-16 20:38:40.123456'::timestamp) => 2001-02-16 20:38:40.123
    date_trunc('second', '2001-02-16 20:38:40.9'::timestamp)        => 2001-02-16 20:38:40
    date_trunc('minute', '2001-02-16 20:38:40'::timestamp)          => 2001-02-16 20:38:00
    date_trunc('hour', '2001-02-16 20:38:40'::timestamp)            => 2001-02-16 20:00:00
    date_trunc('hour', '1960-02-16 20:38:40'::timestamp)            => 1960-02-16 20:00:00
    date_trunc('day', '1960-02-16 20:38:40'::timestamp)             => 1960-02-16 00:00:00
    date_trunc('week', '2001-02-16 20:38:40'::timestamp)            => 2001-02-12 00:00:00
    date_trunc('week', '1969-12-28 20:38:40'::timestamp)            => 1969-12-22 00:00:00
    date_trunc('month', '2001-02-16 20:38:40'::timestamp)           => 2001-02-01 00:00:00
    date_trunc('quarter', '2001-12-16 20:38:40'::timestamp)         => 2001-10-01 00:00:00
    date_trunc('year', '2001-02-16 20:38:40'::timestamp)            => 2001-01-01 00:00:00
    date_trunc('decade', '2009-02-16 20:38:40'::timestamp)          => 2000-01-01 00:00:00
    date_trunc('century', '2000-02-16 20:38:40'::timestamp)         => 1901-01-01 00:00:00
    date_trunc('millennium', '2001-02-16 20:38:40'::timestamp)      => 2001-01-01 00:00:00
    date_trunc('month', '2001-02-16'::date)                         => 2001-02-01 00:00:00
    date_trunc('dow', '2001-02-16 20:38:40'::timestamp) => error 22023 unit "dow" not recognized for type timestamp without time zone
    date_trunc('hour', '2 days 03:02:47'::interval)                 => 2 days 03:00:00
    date_trunc('month', '1 year 5 mons 3 days'::interval)           => 1 year 5 mons
    date_trunc('quarter', '1 year 5 mons 3 days'::interval)         => 1 year 3 mons
    date_trunc('day', '-1 days -05:00:00'::interval)                => -1 days
    date_trunc('hour', null::timestamp)                             => NULL
    date_trunc(null, '2001-02-16 20:38:40'::timestamp)              => NULL
  )");
}

TEST(Datetime, bins_timestamps) {
  run_table(R"(
    date_bin('15 minutes', '2020-02-11 15:44:17'::timestamp, '2001-01-01'::timestamp) => 2020-02-11 15:30:00
    date_bin('15 minutes', '2020-02-11 15:44:17'::timestamp, '2001-01-01 00:02:30'::timestamp) => 2020-02-11 15:32:30
    date_bin('1 month', '2020-02-11 15:44:17'::timestamp, '2001-01-01'::timestamp) => error 0A000 timestamps cannot be binned into intervals containing months or years
    date_bin('0 days', '2020-02-11 15:44:17'::timestamp, '2001-01-01'::timestamp) => error 22008 stride must be greater than zero
  )");
}

TEST(Datetime, tumbles) {
  run_table(R"(
    -- not in Postgres
    tumble_start('2020-02-11 15:44:17'::timestamp, '10 minutes'::interval) => 2020-02-11 15:40:00
    tumble_start('2020-02-11 15:44:17'::timestamp, '1 day'::interval)      => 2020-02-11 00:00:00
    tumble_start('1969-12-31 23:59:59'::timestamp, '10 seconds'::interval) => 1969-12-31 23:59:50
    tumble_start('2020-02-11 15:40:00'::timestamp, '10 minutes'::interval) => 2020-02-11 15:40:00
    tumble_start('2020-02-11 15:44:17'::timestamp, '10 minutes'::interval, '3 minutes'::interval) => 2020-02-11 15:43:00
    tumble_start('2020-02-11'::date, '7 days'::interval)                   => 2020-02-06 00:00:00
    tumble_start('2020-02-11 15:44:17'::timestamp, '1 month'::interval) => error 0A000 timestamps cannot be binned into intervals containing months or years
    tumble_start('2020-02-11 15:44:17'::timestamp, '-1 day'::interval) => error 22008 window size must be greater than zero
    tumble_start(null::timestamp, '1 day'::interval)                       => NULL
  )");
}

TEST(Datetime, makes_dates) {
  run_table(R"(
    make_date(2020, 2, 29)                 => 2020-02-29
    make_date(2021, 2, 29)                 => error 22008 date field value out of range: 2021-02-29
    make_date(-44, 3, 15)                  => 0044-03-15 BC
    make_timestamp(2020, 2, 29, 12, 34, 56.789) => 2020-02-29 12:34:56.789
    make_timestamp(2020, 2, 29, 25, 0, 0)  => error 22008 time field value out of range: 25:00:00
  )");
}

TEST(Datetime, formats) {
  run_table(R"(
    to_char('2002-04-20 17:31:12.66'::timestamp, 'YYYY-MM-DD HH24:MI:SS') => 2002-04-20 17:31:12
    to_char('2002-04-20 17:31:12.66'::timestamp, 'HH:MI:SS AM')           => 05:31:12 PM
    to_char('2002-04-20 00:31:12.66'::timestamp, 'HH12:MI p.m.')          => 12:31 a.m.
    to_char('2002-04-20 17:31:12.66'::timestamp, 'Month|MONTH|month|FMMonth') => April    |APRIL    |april    |April
    to_char('2002-04-20 17:31:12.66'::timestamp, 'Mon MON mon Dy DY dy')  => Apr APR apr Sat SAT sat
    to_char('2002-04-20 17:31:12.66'::timestamp, 'Day|FMDay|day')         => "Saturday |Saturday|saturday "
    to_char('2002-04-02 07:01:02.66'::timestamp, 'FMMM/FMDD FMHH24')      => 4/2 7
    to_char('2002-04-02 07:01:02.000660'::timestamp, 'MS US FF1 FF3 FF6') => 000 000660 0 000 000660
    to_char('2002-04-20 17:31:12'::timestamp, 'YYY YY Y IYYY IYY IY I')   => 002 02 2 2002 002 02 2
    to_char('2005-01-01 17:31:12'::timestamp, 'IYYY-IW-ID IDDD')          => 2004-53-6 370
    to_char('2002-04-20 17:31:12'::timestamp, 'DDD D ID W WW Q CC J')     => 110 7 6 3 16 2 21 2452385
    to_char('2002-04-20 17:31:12'::timestamp, 'SSSS SSSSS')               => 63072 63072
    to_char('2002-04-01 17:31:12'::timestamp, 'DDth DDTH FMDDth MMth')    => 01st 01ST 1st 04th
    to_char('2002-04-12 17:31:12'::timestamp, 'DDth')                     => 12th
    to_char('2002-04-23 17:31:12'::timestamp, 'DDth')                     => 23rd
    to_char('2002-04-20 17:31:12'::timestamp, '"Date: "YYYY"Y"')          => Date: 2002Y
    to_char('2002-04-20 17:31:12'::timestamp, 'yyyy/mm/dd hh24.mi.ss')    => 2002/04/20 17.31.12
    to_char('2002-04-20 17:31:12'::timestamp, 'RM rm FMRM')               => IV   iv   IV
    to_char('2002-04-20 17:31:12'::timestamp, 'BC A.D. TZ')               => "AD A.D. "
    to_char('2002-04-20 17:31:12'::timestamp, '')                         => NULL
    to_char('2002-04-20'::date, 'YYYYMMDD')                               => 20020420
    to_char(null::timestamp, 'YYYY')                                      => NULL
  )");
}

}  // namespace
}  // namespace penstock::expr::testing
