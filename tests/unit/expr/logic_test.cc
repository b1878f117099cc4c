#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

using data::TypeKind;

TEST(Logic, follows_the_three_valued_tables) {
  run_table(R"(
    and(true, true)      => t
    and(true, false)     => f
    and(true, null)      => NULL
    and(false, null)     => f
    and(null, false)     => f
    and(null, null)      => NULL
    or(false, false)     => f
    or(false, true)      => t
    or(true, null)       => t
    or(null, true)       => t
    or(false, null)      => NULL
    not(true)            => f
    not(null)            => NULL
    and(true, true, true, false) => f
    or(false, null, true) => t
    and(true)            => t
  )");
}

TEST(Logic, tests_of_truth_are_never_null) {
  run_table(R"(
    is_true(true)        => t
    is_true(false)       => f
    is_true(null)        => f
    is_not_true(null)    => t
    is_not_true(true)    => f
    is_false(false)      => t
    is_false(null)       => f
    is_not_false(null)   => t
    is_unknown(null)     => t
    is_unknown(false)    => f
    is_not_unknown(true) => t
  )");
}

TEST(Logic, refuses_what_is_not_boolean) {
  run_table(R"(
    and(true, 1)         => error 42804 argument of AND must be type boolean, not type integer
    or('x'::varchar, true) => error 42804 argument of OR must be type boolean, not type character varying
    not(1)               => error 42804 argument of NOT must be type boolean, not type integer
    and(true, 'maybe')   => error 22P02 invalid input syntax for type boolean: "maybe"
  )");
}

TEST(Logic, does_not_evaluate_what_an_earlier_argument_has_decided) {
  run_table(R"(
    and(not_equal(0, 0), greater_than(divide(1, 0), 1))     => f
    or(equal(0, 0), greater_than(divide(1, 0), 1))          => t
    and(not_equal(1, 0), greater_than(divide(1, 0), 1))     => error 22012 division by zero
    or(and(false, equal(divide(1, 0), 1)), true)            => t
  )");
}

TEST(Logic, decides_row_by_row_and_counts_only_the_rows_that_fail) {
  const std::vector<data::DataType> types = {TypeKind::Int32};
  const auto expr = build(parse("and(not_equal($0, 0), greater_than(divide(10, subtract($0, 1)), 2))", types).value(), types);
  const auto chunk = data::chunk_from_table(R"(
    I32
    + 0
    + 1
    + 2
    + .
    + 6
  )");
  RowErrors errors;
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data(), nullptr, &errors), (std::vector<std::string>{"f", "NULL", "t", "NULL", "f"}));
  EXPECT_EQ(errors.count, 1U);
}

TEST(Logic, predicate_takes_only_true_among_the_active) {
  const std::vector<data::DataType> types = {TypeKind::Int64};
  const auto expr = build(parse("greater_than($0, 2)", types).value(), types);
  const auto chunk = data::chunk_from_table(R"(
    I64
    + 1
    + 3
    + .
    + 5
    + 7
  )");
  data::Bitmap active(5, true);
  active.set(4, false);
  RowErrors errors;
  EXPECT_EQ(evaluate_predicate(*expr.value(), chunk.data(), &active, errors).indices(), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(evaluate_predicate(*expr.value(), chunk.data(), nullptr, errors).indices(), (std::vector<uint32_t>{1, 3, 4}));
  EXPECT_EQ(errors.count, 0U);
}

TEST(Logic, takes_chains_longer_than_a_tree_may_be_deep) {
  const std::vector<data::DataType> types = {TypeKind::Int32};
  pb::Expr chain = parse("equal($0, 0)", types).value();
  for (int i = 1; i < 5000; ++i) {
    std::vector<pb::Expr> args;
    args.push_back(std::move(chain));
    args.push_back(parse(fmt::format("equal($0, {})", i), types).value());
    chain = make_call("or", std::move(args)).value();
  }
  const auto expr = build(chain, types);
  ASSERT_TRUE(expr.has_value()) << expr.error().to_string();
  const auto chunk = data::chunk_from_table("I32\n+ 4999\n+ 5000\n");
  EXPECT_EQ(evaluate_texts(*expr.value(), chunk.data()), (std::vector<std::string>{"t", "f"}));
}

}  // namespace
}  // namespace penstock::expr::testing
