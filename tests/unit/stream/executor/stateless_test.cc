// Operators without state of their own: filter, project, hop, union, row ids.
#include <gtest/gtest.h>

#include "stream/executor/row_id_gen.h"
#include "stream/executor/sink/blackhole.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

class StatelessTest : public ::testing::Test {
 protected:
  OperatorDriver driver(pb::StreamNode plan) { return {node_, from_plan(std::move(plan))}; }
  OperatorDriver filter(const Types& input, pb::Expr predicate) {
    pb::StreamNode plan = node_over({input});
    *plan.mutable_filter()->mutable_predicate() = std::move(predicate);
    add_fields(*plan.mutable_fields(), input);
    return driver(plan);
  }
  OperatorDriver hop(int64_t slide_minutes, int64_t size_minutes, std::string_view letters = "I64 TS") {
    pb::StreamNode plan = node_over({types(letters)});
    pb::HopNode& body = *plan.mutable_hop();
    body.set_time_column(1);
    body.set_slide_micros(slide_minutes * 60'000'000);
    body.set_size_micros(size_minutes * 60'000'000);
    for (const uint32_t column : {0U, 2U, 3U}) body.add_output(column);
    add_fields(*plan.mutable_fields(), types("I64 TS TS"));
    return driver(plan);
  }

  OperatorNode node_;
};

TEST_F(StatelessTest, filter_passes_rows_whose_predicate_is_true) {
  auto op = filter(types("I64 T"), call("greater_than", {column(0, data::TypeKind::Int64), literal(2)}));
  expect_changes_in_order(op.push(R"(
    I64 T
    + 1 a
    + 3 b
    - 4 c
    + . d
    + 5 e D
  )"),
                          R"(
    + 3 b
    - 4 c
  )");
}

TEST_F(StatelessTest, filter_makes_halves_of_updates_inserts_and_deletes) {
  auto op = filter(types("I64"), call("greater_than", {column(0, data::TypeKind::Int64), literal(2)}));
  expect_changes_in_order(op.push(R"(
    I64
    U- 1
    U+ 3
    U- 3
    U+ 4
    U- 4
    U+ 0
    U- 0
    U+ 1
  )"),
                          R"(
    + 3
    U- 3
    U+ 4
    - 4
  )");
}

TEST_F(StatelessTest, filter_copies_rows_together_when_few_are_left) {
  auto op = filter(types("I64"), call("equal", {column(0, data::TypeKind::Int64), literal(7)}));
  std::string table = "I64\n";
  for (int i = 0; i < 100; ++i) table += fmt::format("+ {}\n", i);
  const Output out = op.push(table);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].rows(), 1U);
}

TEST_F(StatelessTest, project_computes_columns_and_counts_rows_that_fail) {
  pb::StreamNode plan = node_over({types("I64 I64")});
  const auto a = column(0, data::TypeKind::Int64), b = column(1, data::TypeKind::Int64);
  *plan.mutable_project()->add_exprs() = call("divide", {a, b});
  *plan.mutable_project()->add_exprs() = a;
  add_fields(*plan.mutable_fields(), types("I64 I64"));
  auto op = driver(plan);
  expect_changes_in_order(op.push(R"(
    I64 I64
    +  6 2
    +  7 0
    -  8 0 D
    U- 9 3
    U+ 9 1
  )"),
                          R"(
    +  3 6
    +  . 7
    U- 3 9
    U+ 9 9
  )");
  op.barrier();
  EXPECT_EQ(node_.reports.expression_errors[node_.running().prev].count, 1U);
  EXPECT_EQ(node_.reports.expression_errors[node_.running().prev].first, "division by zero");
  op.barrier();
  EXPECT_FALSE(node_.reports.expression_errors.contains(node_.running().prev));
}

TEST_F(StatelessTest, project_hides_updates_that_change_none_of_its_columns) {
  pb::StreamNode plan = node_over({types("I64 N")});
  *plan.mutable_project()->add_exprs() = column(1, data::TypeKind::Numeric);
  add_fields(*plan.mutable_fields(), types("N"));
  auto op = driver(plan);
  expect_changes_in_order(op.push(R"(
    I64 N
    U- 1 5
    U+ 2 5
    U- 1 5
    U+ 1 5.0
    U- 1 .
    U+ 2 .
    +  3 5
  )"),
                          R"(
    U- 5
    U+ 5.0
    +  5
  )");
  EXPECT_TRUE(op.push("I64 N\nU- 1 5\nU+ 2 5").empty());
}

TEST_F(StatelessTest, tumbling_windows_share_columns_and_drop_null_times) {
  auto op = hop(10, 10);
  expect_changes_in_order(op.push(R"(
    I64 TS
    + 1 "2024-01-01 00:09:59.999999"
    + 2 "2024-01-01 00:10:00"
    + 3 .
    + 4 "1969-12-31 23:59:59"
  )"),
                          R"(
    + 1 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    + 2 "2024-01-01 00:10:00" "2024-01-01 00:20:00"
    + 4 "1969-12-31 23:50:00" "1970-01-01 00:00:00"
  )");
}

TEST_F(StatelessTest, tumbling_an_update_that_changes_its_window_gives_delete_and_insert) {
  auto op = hop(10, 10);
  expect_changes_in_order(op.push(R"(
    I64 TS
    U- 1 "2024-01-01 00:01:00"
    U+ 1 "2024-01-01 00:02:00"
    U- 1 "2024-01-01 00:02:00"
    U+ 1 "2024-01-01 00:12:00"
    U- 1 "2024-01-01 00:12:00"
    U+ 1 .
  )"),
                          R"(
    U- 1 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    U+ 1 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    -  1 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    +  1 "2024-01-01 00:10:00" "2024-01-01 00:20:00"
    -  1 "2024-01-01 00:10:00" "2024-01-01 00:20:00"
  )");
}

TEST_F(StatelessTest, hopping_windows_give_a_row_once_a_window) {
  auto op = hop(5, 10);
  expect_changes_in_order(op.push(R"(
    I64 TS
    + 1 "2024-01-01 00:07:00"
    U- 2 "2024-01-01 00:01:00"
    U+ 3 "2024-01-01 00:02:00"
  )"),
                          R"(
    + 1  "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    + 1  "2024-01-01 00:05:00" "2024-01-01 00:15:00"
    U- 2 "2023-12-31 23:55:00" "2024-01-01 00:05:00"
    U+ 3 "2023-12-31 23:55:00" "2024-01-01 00:05:00"
    U- 2 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
    U+ 3 "2024-01-01 00:00:00" "2024-01-01 00:10:00"
  )");
}

TEST_F(StatelessTest, windows_with_gaps_lose_the_rows_between) {
  auto op = hop(10, 4);
  expect_changes_in_order(op.push(R"(
    I64 TS
    + 1 "2024-01-01 00:03:59"
    + 2 "2024-01-01 00:04:00"
  )"),
                          R"(
    + 1 "2024-01-01 00:00:00" "2024-01-01 00:04:00"
  )");
}

TEST_F(StatelessTest, a_row_in_very_many_windows_comes_out_in_bounded_chunks) {
  auto op = hop(1, 10'000);
  const Output out = op.push(R"(
    I64 TS
    + 1 "2024-01-01 00:03:59"
  )");
  size_t rows = 0;
  for (const auto& chunk : out) {
    EXPECT_LE(chunk.rows(), data::kChunkRows);
    rows += chunk.rows();
  }
  EXPECT_EQ(rows, 10'000U);
}

TEST_F(StatelessTest, windows_beyond_the_range_of_time_are_errors_of_their_rows) {
  auto op = hop(153'000'000'000, 153'000'000'000);
  const Output out = op.push(R"(
    I64 TS
    + 1 "1970-01-02 00:00:00"
    + 2 "9999-12-31 00:00:00"
  )");
  ASSERT_EQ(lines_of(out).size(), 1U);
  EXPECT_EQ(out[0].column(1).value<int64_t>(0), 0);
  op.barrier();
  EXPECT_EQ(node_.reports.expression_errors[node_.running().prev].count, 1U);
}

TEST_F(StatelessTest, windows_over_dates_begin_at_midnight) {
  auto op = hop(60 * 12, 60 * 12, "I64 D");
  expect_changes_in_order(op.push("I64 D\n+ 1 2024-01-02"), R"(+ 1 "2024-01-02 00:00:00" "2024-01-02 12:00:00")");
}

TEST_F(StatelessTest, union_passes_what_comes) {
  pb::StreamNode plan = node_over({types("I64"), types("I64")});
  plan.mutable_union_();
  add_fields(*plan.mutable_fields(), types("I64"));
  auto op = driver(plan);
  expect_changes(op.push(0, "I64\n+ 1"), "+ 1");
  expect_changes(op.push(1, "I64\n- 1"), "- 1");
}

TEST_F(StatelessTest, blackhole_counts_visible_rows) {
  pb::StreamNode plan = node_over({types("I64")});
  (*plan.mutable_sink()->mutable_properties())["connector"] = "blackhole";
  add_fields(*plan.mutable_fields(), types("I64"));
  auto op = driver(plan);
  EXPECT_TRUE(op.push("I64\n+ 1\n- 1\n+ 2 D").empty());
  EXPECT_EQ(dynamic_cast<BlackholeSink&>(op.root()).rows(), 2U);
}

TEST_F(StatelessTest, row_ids_fill_nulls_of_inserted_rows_only) {
  pb::StreamNode plan = node_over({types("I64 T")});
  plan.mutable_row_id_gen()->set_column(0);
  add_fields(*plan.mutable_fields(), types("I64 T"));
  auto op = driver(plan);
  const Output out = op.push(R"(
    I64 T
    + . a
    + 5 b
    - 6 c
    + . d
  )");
  ASSERT_EQ(out.size(), 1U);
  const auto& ids = out[0].column(0);
  EXPECT_FALSE(ids.is_null(0));
  EXPECT_EQ(ids.value<int64_t>(1), 5);
  EXPECT_EQ(ids.value<int64_t>(2), 6);
  EXPECT_GT(ids.value<int64_t>(3), ids.value<int64_t>(0));
}

TEST(RowIdSequence, gives_each_number_once_among_actors_and_restarts) {
  VNodeBitmap first(256), second(256);
  for (uint32_t v = 0; v < 256; ++v) (v % 2 == 0 ? first : second).add(static_cast<VNode>(v));
  std::set<int64_t> seen;
  const auto run = [&](const VNodeBitmap& vnodes, uint64_t milli) {
    RowIdSequence ids(vnodes);
    ids.start_epoch(Epoch{milli << 16});
    int64_t last = -1;
    for (int i = 0; i < 20'000; ++i) {
      const int64_t id = ids.next();
      EXPECT_GT(id >> 22, 0);
      EXPECT_GE(id, 0);
      EXPECT_TRUE(seen.insert(id).second);
      EXPECT_GE(id >> 22, last >> 22);
      last = id;
    }
  };
  run(first, 1000);
  run(second, 1000);
  run(first, 1001);  // restarted in the next epoch
}

TEST(RowIdSequence, begins_each_epoch_no_lower_than_its_time) {
  RowIdSequence ids(VNodeBitmap::all());
  ids.start_epoch(Epoch{uint64_t{5000} << 16});
  EXPECT_EQ(ids.next() >> 22, 5000);
  ids.start_epoch(Epoch{uint64_t{4000} << 16});
  EXPECT_EQ(ids.next() >> 22, 5000);
  ids.start_epoch(Epoch{uint64_t{6000} << 16});
  EXPECT_EQ(ids.next() >> 22, 6000);
}

}  // namespace
}  // namespace penstock::stream
