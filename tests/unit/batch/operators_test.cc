#include "expr/build_helpers.h"
#include "expr/pb_types.h"
#include "proto/expr.pb.h"
#include "unit/batch/batch_text.h"

namespace penstock::batch::testing {
namespace {

using data::DataType;
using data::TypeKind;

const std::vector<DataType> kNumberAndText = {TypeKind::Int32, TypeKind::Varchar};
constexpr std::string_view kRows = "3 c\n1 a\n. n\n2 .\n1 b";

expr::ExpressionPtr call(std::string_view name, std::vector<pb::Expr> args, const std::vector<DataType>& input) {
  return expr::build(expr::make_call(name, std::move(args)).value(), input).value();
}

expr::ExpressionPtr greater_than(uint32_t column, int32_t value, const std::vector<DataType>& input) {
  std::vector<pb::Expr> args;
  args.push_back(expr::make_input(column, input[column]));
  args.push_back(expr::make_literal(value, TypeKind::Int32));
  return call("greater_than", std::move(args), input);
}

expr::ExpressionPtr twelve_by(uint32_t column, const std::vector<DataType>& input) {
  std::vector<pb::Expr> args;
  args.push_back(expr::make_literal(int32_t{12}, TypeKind::Int32));
  args.push_back(expr::make_input(column, input[column]));
  return call("divide", std::move(args), input);
}

TEST(Filter, keeps_what_is_true_and_neither_false_nor_null) {
  EXPECT_EQ(text_of(*make_filter(rows_of(kRows, kNumberAndText), greater_than(0, 1, kNumberAndText), false)), "3 c | 2 .");
}

TEST(Filter, of_nothing_is_nothing) {
  EXPECT_EQ(text_of(*make_filter(rows_of("", kNumberAndText), greater_than(0, 1, kNumberAndText), false)), "");
}

TEST(Project, is_strict_in_a_select_and_null_where_a_view_would_be) {
  const auto project = [](bool lenient) {
    std::vector<expr::ExpressionPtr> exprs;
    exprs.push_back(twelve_by(0, kNumberAndText));
    return text_of(*make_project(rows_of("3 a\n0 b\n4 c", kNumberAndText), std::move(exprs), lenient));
  };
  EXPECT_EQ(project(false), "22012 division by zero");
  EXPECT_EQ(project(true), "4 | . | 3");
}

TEST(Union, reads_its_inputs_one_after_the_other) {
  std::vector<OperatorPtr> inputs;
  inputs.push_back(rows_of("1 a\n2 b\n3 c", kNumberAndText));
  inputs.push_back(rows_of("", kNumberAndText));
  inputs.push_back(rows_of("1 a", kNumberAndText));
  EXPECT_EQ(text_of(*make_union(std::move(inputs))), "1 a | 2 b | 3 c | 1 a");
}

TEST(Limit, counts_across_chunks) {
  const auto limit = [](std::optional<uint64_t> count, uint64_t offset) {
    return text_of(*make_limit(rows_of("1 a\n2 b\n3 c\n4 d\n5 e", kNumberAndText), count, offset));
  };
  EXPECT_EQ(limit(2, 0), "1 a | 2 b");
  EXPECT_EQ(limit(2, 1), "2 b | 3 c");
  EXPECT_EQ(limit(3, 4), "5 e");
  EXPECT_EQ(limit(std::nullopt, 3), "4 d | 5 e");
  EXPECT_EQ(limit(0, 0), "");
  EXPECT_EQ(limit(9, 9), "");
}

TEST(Sort, puts_nulls_last_unless_told_otherwise_and_keeps_the_order_of_equals) {
  const auto sort = [](std::vector<SortColumn> keys, std::optional<uint64_t> limit) {
    return text_of(*make_sort(rows_of(kRows, kNumberAndText), std::move(keys), limit));
  };
  EXPECT_EQ(sort({{0, {}}}, std::nullopt), "1 a | 1 b | 2 . | 3 c | . n");
  EXPECT_EQ(sort({{0, {.descending = true, .nulls_first = true}}}, std::nullopt), ". n | 3 c | 2 . | 1 a | 1 b");
  EXPECT_EQ(sort({{0, {}}, {1, {.descending = true}}}, 2), "1 b | 1 a");
  EXPECT_EQ(sort({{0, {}}}, 0), "");
}

TEST(Window, gives_a_row_to_every_window_it_is_in) {
  const std::vector<DataType> types = {TypeKind::Timestamp, TypeKind::Int32};
  constexpr int64_t kHour = 3'600'000'000;
  const auto window = [&](std::string_view rows, int64_t slide, int64_t size, std::vector<uint32_t> output) {
    return text_of(*make_window(rows_of(rows, types), 0, slide, size, std::move(output)));
  };
  EXPECT_EQ(window("2020-01-01T05:30:00 1\n. 2\n2020-01-01T06:00:00 3", kHour, kHour, {1, 2, 3}),
            "1 2020-01-01 05:00:00 2020-01-01 06:00:00 | 3 2020-01-01 06:00:00 2020-01-01 07:00:00");
  EXPECT_EQ(window("2020-01-01T05:30:00 1", kHour, 2 * kHour, {2}), "2020-01-01 05:00:00 | 2020-01-01 04:00:00");
  EXPECT_EQ(window("1969-12-31T23:30:00 1", kHour, kHour, {2}), "1969-12-31 23:00:00");  // before the epoch, rounded down
}

}  // namespace
}  // namespace penstock::batch::testing
