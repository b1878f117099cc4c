#include "data/compare.h"

#include <gtest/gtest.h>

#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::all_of;

std::string sorted(std::string_view table, std::vector<SortOrder> orders) {
  const DataChunk chunk = chunk_from_table(table).data();
  return testing::table_of(chunk.gather(sorted_rows(chunk, all_of(orders.size()), orders)));
}

TEST(Compare, sorts_as_postgres_orders) {
  EXPECT_EQ(sorted("F64\n+ 1\n+ NaN\n+ .\n+ -Infinity\n+ Infinity", {{}}), "F64\n+  -Infinity\n+  1\n+  Infinity\n+  NaN\n+  .\n");
  EXPECT_EQ(sorted("F64\n+ 1\n+ NaN\n+ .", {{.descending = true, .nulls_first = true}}), "F64\n+  .\n+  NaN\n+  1\n");
  EXPECT_EQ(sorted("T\n+ b\n+ a\n+ ab\n+ \"\"\n+ B", {{}}), "T\n+  \"\"\n+  B\n+  a\n+  ab\n+  b\n");
  EXPECT_EQ(sorted("I64 T\n+ 1 a\n+ 2 b\n+ 1 c\n+ 2 a", {{.descending = true}, {}}), "I64 T\n+  2 a\n+  2 b\n+  1 a\n+  1 c\n");
  EXPECT_EQ(sorted("N T\n+ 1.00 a\n+ 1 b\n+ 0.5 c", {{}}), "N T\n+  0.5 c\n+  1.00 a\n+  1 b\n");
}

TEST(Compare, holds_null_equal_to_null_in_keys) {
  const DataChunk chunk = chunk_from_table("I64 N\n+ . 1\n+ . 1.0\n+ 1 1\n+ . .").data();
  const auto equal = [&](size_t i, size_t j) { return rows_equal(chunk, i, all_of(2), chunk, j, all_of(2)); };
  EXPECT_TRUE(equal(0, 1));
  EXPECT_FALSE(equal(0, 2));
  EXPECT_FALSE(equal(0, 3));
  EXPECT_TRUE(equal(3, 3));
}

TEST(Compare, clears_pairs_that_differ) {
  const Column a = chunk_from_table("T\n+ x\n+ .\n+ \"longer than twelve\"\n+ y").column(0);
  const Column b = chunk_from_table("T\n+ \"longer than twelve\"\n+ x\n+ .").column(0);
  std::vector<uint8_t> equal = {1, 1, 1, 1, 0};
  clear_unequal(a, std::vector<uint32_t>{0, 1, 2, 3, 0}, b, std::vector<uint32_t>{1, 2, 0, 1, 1}, equal);
  EXPECT_EQ(equal, (std::vector<uint8_t>{1, 1, 1, 0, 0}));
}

TEST(Compare, of_many_pairs_agrees_with_one_by_one) {
  testing::RandomData random(10);
  for (int step = 0; step < 200; ++step) {
    const DataType type = testing::kAllTypes[random.below(testing::kAllTypes.size())];
    const uint64_t nulls = random.one_in(2) ? 3 : 1'000'000;
    const DataChunk a = random.chunk({type}, 30, nulls);
    const DataChunk b =
        random.one_in(4) ? DataChunk({Column::constant(type, random.value(type.kind), 30)}, 30) : random.chunk({type}, 30, nulls);
    std::vector<uint32_t> x, y;
    for (int i = 0; i < 100; ++i) {
      x.push_back(static_cast<uint32_t>(random.below(30)));
      y.push_back(static_cast<uint32_t>(random.below(30)));
    }
    std::vector<uint8_t> equal(100, 1);
    clear_unequal(a.column(0), x, b.column(0), y, equal);
    for (size_t i = 0; i < 100; ++i) {
      ASSERT_EQ(equal[i] != 0, rows_equal(a, x[i], all_of(1), b, y[i], all_of(1)));
      const SortOrder order;
      ASSERT_EQ(equal[i] != 0, compare_rows(a, x[i], all_of(1), b, y[i], all_of(1), {&order, 1}) == 0);
    }
  }
}

}  // namespace
}  // namespace penstock::data
