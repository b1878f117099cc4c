#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

using data::DataType;
using data::TypeKind;

std::string failure(const pb::Expr& node, const std::vector<DataType>& input) {
  const auto built = build(node, input);
  if (built.has_value()) return "built";
  const auto position = built.error().position();
  return fmt::format("{} {} at {}", sqlstate(built.error().code()), built.error().message(), position.value_or(0));
}

TEST(Build, refuses_a_column_out_of_range) {
  EXPECT_EQ(failure(make_input(2, TypeKind::Int32, 17), {TypeKind::Int32}), "08P01 column 2 of an input with 1 at 17");
}

TEST(Build, refuses_a_column_of_another_type) {
  EXPECT_EQ(failure(make_input(0, TypeKind::Int32, 3), {TypeKind::Varchar}),
            "42804 column 0 is of type character varying, not of kind 3 at 3");
}

TEST(Build, refuses_nodes_of_no_kind_and_types_of_no_number) {
  EXPECT_EQ(failure(pb::Expr(), {}), "08P01 an expression that is neither column, literal nor call at 0");
  pb::Expr literal;
  literal.mutable_literal()->mutable_type()->set_kind(99);
  literal.set_position(5);
  EXPECT_EQ(failure(literal, {}), "08P01 99 is no type at 5");
}

TEST(Build, names_the_innermost_position) {
  pb::Expr outer = make_call("add", {make_literal(1, TypeKind::Int32, 2), make_literal(1, TypeKind::Int32, 6)}, 4).value();
  outer.mutable_call()->mutable_args(1)->mutable_literal()->set_text("x");
  EXPECT_EQ(failure(outer, {}), "22P02 invalid input syntax for type integer: \"x\" at 6");
}

TEST(Build, casts_arguments_that_nobody_cast) {
  pb::Expr sum;
  sum.mutable_call()->set_function("add");
  *sum.mutable_call()->add_args() = make_literal(int16_t{1}, TypeKind::Int16);
  *sum.mutable_call()->add_args() = make_literal(int64_t{2}, TypeKind::Int64);
  EXPECT_EQ(build(sum, {}).value()->type().kind, TypeKind::Int64);
  EXPECT_EQ(evaluate_constant(sum).value(), data::Datum(int64_t{3}));
}

TEST(Build, refuses_a_result_of_another_type_than_was_said) {
  pb::Expr sum = parse("add(1, 2)").value();
  sum.mutable_type()->set_kind(static_cast<uint32_t>(TypeKind::Varchar));
  EXPECT_EQ(failure(sum, {}), "42804 add returns integer, not a value of kind 8 at 0");
}

TEST(Build, refuses_trees_that_are_too_deep) {
  pb::Expr node = make_input(0, TypeKind::Int32);
  for (int i = 0; i < 1200; ++i) {
    std::vector<pb::Expr> args;
    args.push_back(std::move(node));
    node = make_call("negate", std::move(args)).value();
  }
  EXPECT_EQ(failure(node, {TypeKind::Int32}), "54001 expression is nested more than 1000 levels deep at 0");
}

TEST(Build, leaves_a_constant_that_fails_to_fail_row_by_row) {
  const auto built = build(make_call("divide", {make_literal(1, TypeKind::Int32), make_literal(0, TypeKind::Int32)}, 9).value(), {});
  ASSERT_TRUE(built.has_value());
  RowErrors errors;
  const auto column = built.value()->evaluate(data::DataChunk({}, 5), nullptr, errors);
  EXPECT_EQ(errors.count, 5U);
  EXPECT_EQ(errors.first->position(), 9U);
  EXPECT_TRUE(column.is_null(3));
  RowErrors none;
  (void)built.value()->evaluate(data::DataChunk({}, 0), nullptr, none);
  EXPECT_EQ(none.count, 0U);
}

TEST(Build, keeps_constants_constant) {
  const std::vector<DataType> types = {TypeKind::Int32};
  const auto constant = build(parse("add(1, 2)").value(), {});
  RowErrors errors;
  EXPECT_TRUE(constant.value()->evaluate(data::DataChunk({}, 7), nullptr, errors).is_constant());
  const auto sum = build(parse("add($0, 1)", types).value(), types);
  const data::DataChunk chunk({data::Column::constant(TypeKind::Int32, 41, 9)}, 9);
  const auto column = sum.value()->evaluate(chunk, nullptr, errors);
  EXPECT_TRUE(column.is_constant());
  EXPECT_EQ(column.size(), 9U);
  EXPECT_EQ(column.datum(8), data::Datum(42));
}

TEST(Build, computes_what_stands_in_several_places_once_a_chunk) {
  // Each computation of 1 / $0 counts its failing rows again.
  const std::vector<DataType> types = {TypeKind::Int32};
  const auto chunk = data::chunk_from_table("I32\n+ 0\n+ 1\n+ 0\n");
  const auto errors_of = [&](std::string_view text) {
    RowErrors errors;
    const auto built = build(parse(text, types).value(), types);
    (void)evaluate_texts(*built.value(), chunk.data(), nullptr, &errors);
    return errors.count;
  };
  EXPECT_EQ(errors_of("divide(1, $0)"), 2U);
  EXPECT_EQ(errors_of("add(divide(1, $0), divide(1, $0))"), 2U);
  EXPECT_EQ(errors_of("add(divide(1, $0), divide(2, $0))"), 4U);
  EXPECT_EQ(errors_of("and(greater_than(divide(1, $0), -5), less_than(divide(1, $0), 5))"), 2U);
  EXPECT_EQ(errors_of("add(multiply(divide(1, $0), 2), multiply(divide(1, $0), 2))"), 2U);
}

TEST(Build, computes_again_for_rows_that_were_not_active_before) {
  const std::vector<DataType> types = {TypeKind::Int32};
  const auto chunk = data::chunk_from_table("I32\n+ 1\n+ 2\n+ 3\n+ .\n");
  const auto built = build(parse("add(case(equal($0, 2), multiply($0, 10), 0), multiply($0, 10))", types).value(), types);
  EXPECT_EQ(evaluate_texts(*built.value(), chunk.data()), (std::vector<std::string>{"10", "40", "30", "NULL"}));
  // Another chunk, another time: nothing is left from before.
  const auto other = data::chunk_from_table("I32\n+ 7\n");
  EXPECT_EQ(evaluate_texts(*built.value(), other.data()), (std::vector<std::string>{"70"}));
}

TEST(Build, evaluates_over_no_rows) {
  const std::vector<DataType> types = {TypeKind::Int32, TypeKind::Varchar};
  for (const auto* const text : {"add($0, 1)", "case(equal($0, 1), $1, 'x')", "and(equal($0, 1), equal($1, 'a'))", "coalesce($1, 'a')",
                                 "is_null($0)", "in($0, 1, 2)", "$0::varchar", "greatest($0, 3)", "nullif($0, 3)"}) {
    const auto built = build(parse(text, types).value(), types);
    const data::DataChunk chunk({data::AnyColumnBuilder(types[0], 0).finish(), data::AnyColumnBuilder(types[1], 0).finish()}, 0);
    RowErrors errors;
    EXPECT_EQ(built.value()->evaluate(chunk, nullptr, errors).size(), 0U) << text;
    EXPECT_EQ(errors.count, 0U) << text;
  }
}

TEST(BuildHelpers, unknown_literals_take_their_type_where_they_stand) {
  EXPECT_EQ(arg_type_of(make_unknown("x")).unknown, true);
  EXPECT_EQ(evaluate_constant(make_unknown("x")).value(), data::Datum(std::string("x")));
  const auto cast = make_cast(make_unknown("2020-01-01"), TypeKind::Date, CastKind::Implicit);
  EXPECT_EQ(arg_type_of(cast.value()).type, DataType(TypeKind::Date));
  EXPECT_TRUE(cast.value().has_literal());
  EXPECT_EQ(make_cast(make_unknown("x", 8), TypeKind::Date, CastKind::Implicit).error().position(), 8U);
  EXPECT_EQ(arg_type_of(settle(make_unknown_null())).type, DataType(TypeKind::Varchar));
}

TEST(BuildHelpers, refuse_casts_of_a_higher_level) {
  const pb::Expr text = make_literal(std::string("1"), TypeKind::Varchar, 12);
  const auto failed = make_cast(text, TypeKind::Int32, CastKind::Assignment);
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().message(), "cannot cast type character varying to integer");
  EXPECT_EQ(failed.error().position(), 12U);
  EXPECT_TRUE(make_cast(text, TypeKind::Int32, CastKind::Explicit).has_value());
}

TEST(BuildHelpers, know_what_is_constant) {
  const std::vector<DataType> types = {TypeKind::Int32};
  EXPECT_TRUE(is_constant(parse("add(1, divide(1, 0))").value()));
  EXPECT_FALSE(is_constant(parse("add(1, negate($0))", types).value()));
}

TEST(BuildHelpers, pass_literals_of_all_types_through) {
  run_table(R"(
    '-0'::float8                => -0
    'NaN'::float4               => NaN
    '-Infinity'::float8         => -Infinity
    '123456789012345678901234567890.12345678'::numeric => 123456789012345678901234567890.12345678
    ''                          => ""
    '1 mon -1 day'::interval    => 1 mon -1 days
  )");
}

}  // namespace
}  // namespace penstock::expr::testing
