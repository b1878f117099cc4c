#include "expr/pb_types.h"
#include "expr/registry.h"
#include "proto/expr.pb.h"
#include "unit/batch/batch_text.h"

namespace penstock::batch::testing {
namespace {

using data::DataType;
using data::TypeKind;

const std::vector<DataType> kColumns = {TypeKind::Varchar, TypeKind::Int64, TypeKind::Boolean};
constexpr std::string_view kGroups = "a 1 t\nb 2 f\na 1 f\n. 7 t\nb . t\n. 3 .";

AggCall call_of(std::string_view function, std::optional<uint32_t> column) {
  pb::AggCall call;
  call.set_function(std::string(function));
  std::vector<expr::ArgType> types;
  AggCall out;
  if (column) {
    call.add_args(0);
    expr::type_to_pb(kColumns[*column], *call.add_arg_types());
    types.push_back({kColumns[*column]});
    out.args.push_back(*column);
  }
  expr::type_to_pb(expr::resolve_aggregate(function, types).value().return_type, *call.mutable_return_type());
  out.aggregate = expr::build_aggregate(call, true).value();
  return out;
}

std::string aggregate(std::string_view rows, std::vector<uint32_t> keys, std::vector<AggCall> calls) {
  return text_of(*make_aggregate(rows_of(rows, kColumns), kColumns, std::move(keys), std::move(calls)));
}

std::vector<AggCall> count_and_sum() {
  std::vector<AggCall> calls;
  calls.push_back(call_of("count", std::nullopt));
  calls.push_back(call_of("count", 1));
  calls.push_back(call_of("sum", 1));
  return calls;
}

TEST(Aggregate, groups_nulls_together_and_counts_values_without_them) {
  EXPECT_EQ(aggregate(kGroups, {0}, count_and_sum()), "a 2 2 2 | b 2 1 2 | . 2 2 10");
}

TEST(Aggregate, of_nothing_is_one_row_without_keys_and_none_with) {
  EXPECT_EQ(aggregate("", {}, count_and_sum()), "0 0 .");
  EXPECT_EQ(aggregate("", {0}, count_and_sum()), "");
}

TEST(Aggregate, takes_each_value_once_with_distinct_and_only_true_rows_with_filter) {
  std::vector<AggCall> calls;
  calls.push_back(call_of("count", 1));
  calls.back().distinct = true;
  calls.push_back(call_of("count", std::nullopt));
  calls.back().filter = 2;
  EXPECT_EQ(aggregate(kGroups, {0}, std::move(calls)), "a 1 1 | b 1 1 | . 2 1");
}

TEST(Aggregate, averages_what_does_not_fit_into_the_type_when_added_up) {
  std::vector<AggCall> calls;
  calls.push_back(call_of("avg", 1));
  EXPECT_EQ(aggregate("a 9223372036854775807 t\na 9223372036854775807 t", {}, std::move(calls)), "9223372036854775807");
}

TEST(Aggregate, gives_more_groups_than_a_chunk_holds) {
  std::string rows;
  for (int i = 0; i < 10'000; ++i) rows += fmt::format("k{} 1 t\n", i % 5'000);
  std::vector<AggCall> calls;
  calls.push_back(call_of("sum", 1));
  const auto op = make_aggregate(rows_of(rows, kColumns, 777), kColumns, {0}, std::move(calls));
  size_t groups = 0;
  const std::vector<data::DataChunk> chunks = drain(*op).value();
  for (const data::DataChunk& chunk : chunks) {
    EXPECT_LE(chunk.rows(), data::kChunkRows);
    for (size_t row = 0; row < chunk.rows(); ++row) {
      EXPECT_EQ(data::to_text(chunk.column(1).datum(row), chunk.column(1).type()), "2");
      ++groups;
    }
  }
  EXPECT_EQ(groups, 5'000U);
}

}  // namespace
}  // namespace penstock::batch::testing
