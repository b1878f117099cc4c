#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

using data::TypeKind;

TEST(Conditional, case_takes_the_first_condition_that_holds) {
  run_table(R"(
    case(true, 'a', true, 'b', 'c')                         => a
    case(false, 'a', true, 'b', 'c')                        => b
    case(false, 'a', null, 'b', 'c')                        => c
    case(false, 'a')                                        => NULL
    case(true, null, 'x')                                   => NULL
    case(equal(1, 2), 1, 2.5)                               => 2.5
    case(equal(1, 1), 1, 2.5)                               => 1
    case(true, 1::int2, 2::float8)                          => 1
    case(true, '2020-01-01'::date, '2020-01-01 10:00:00'::timestamp) => 2020-01-01 00:00:00
    case(true, 'a text that does not fit into its view', 'b') => a text that does not fit into its view
    case(true, 1, 'x'::varchar)      => error 42804 CASE types character varying and integer cannot be matched
    case(1, 2, 3)                    => error 42804 argument of CASE/WHEN must be type boolean, not type integer
  )");
}

TEST(Conditional, case_never_computes_a_branch_for_other_rows) {
  run_table(R"(
    case(not_equal(0, 0), divide(1, 0), -1)                 => -1
    case(equal(0, 0), -1, divide(1, 0))                     => -1
    case(equal(0, 0), -1, equal(divide(1, 0), 1), 2, 3)     => -1
    case(not_equal(1, 0), divide(1, 0), -1)                 => error 22012 division by zero
  )");
  const std::vector<data::DataType> types = {TypeKind::Int32};
  const auto expr = build(parse("case(not_equal($0, 0), divide(10, $0))", types).value(), types);
  const auto chunk = data::chunk_from_table("I32\n+ 0\n+ 2\n+ .\n+ 5\n+ 0\n");
  RowErrors errors;
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data(), nullptr, &errors), (std::vector<std::string>{"NULL", "5", "NULL", "2", "NULL"}));
  EXPECT_EQ(errors.count, 0U);
}

TEST(Conditional, case_puts_rows_of_all_branches_together) {
  const std::vector<data::DataType> types = {TypeKind::Int64, TypeKind::Varchar};
  const auto expr = build(parse("case(less_than($0, 2), $1, less_than($0, 4), 'constant', null)", types).value(), types);
  const auto chunk = data::chunk_from_table(R"(
    I64 T
    + 1 "a text that does not fit into its view"
    + 2 x
    + 4 x
    + 0 .
    + . x
  )");
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data()),
            (std::vector<std::string>{"a text that does not fit into its view", "constant", "NULL", "NULL", "NULL"}));
}

TEST(Conditional, coalesce_stops_at_the_first_value) {
  run_table(R"(
    coalesce(1, 2)                         => 1
    coalesce(null, 2)                      => 2
    coalesce(null, null, 3.5, 1)           => 3.5
    coalesce(null, null)                   => NULL
    coalesce('a', 'b')                     => a
    coalesce(1, divide(1, 0))              => 1
    coalesce(null, divide(1, 0))           => error 22012 division by zero
    coalesce(1, true)                      => error 42804 COALESCE types integer and boolean cannot be matched
  )");
  const std::vector<data::DataType> types = {TypeKind::Int32, TypeKind::Int32};
  const auto expr = build(parse("coalesce($0, $1, -1)", types).value(), types);
  const auto chunk = data::chunk_from_table("I32 I32\n+ 1 2\n+ . 2\n+ . .\n+ 4 .\n");
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data()), (std::vector<std::string>{"1", "2", "-1", "4"}));
}

TEST(Conditional, nullif_is_null_where_both_are_equal) {
  run_table(R"(
    nullif(1, 1)                           => NULL
    nullif(1, 2)                           => 1
    nullif(1, null)                        => 1
    nullif(null, 1)                        => NULL
    nullif('a', 'b')                       => a
    nullif('', '')                         => NULL
    nullif(2, 2.0)                         => NULL
    nullif('a text that does not fit into its view', 'x') => a text that does not fit into its view
  )");
}

TEST(Conditional, greatest_and_least_ignore_nulls) {
  run_table(R"(
    greatest(1, 3, 2)                      => 3
    least(1, 3, 2)                         => 1
    greatest(1, null, 2)                   => 2
    least(null, null)                      => NULL
    greatest(1, 2.5)                       => 2.5
    greatest('a', 'B', 'b')                => b
    least('a text that does not fit into its view', 'b') => a text that does not fit into its view
    greatest('NaN'::float8, 1::float8)     => NaN
    least('2020-01-02'::date, '2020-01-01')  => 2020-01-01
  )");
}

}  // namespace
}  // namespace penstock::expr::testing
