#include "data/column.h"

#include <gtest/gtest.h>

#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::RandomData;

// The values of a column as text, NULL as a dot: "1 . 3".
std::string show(const Column& column) {
  std::string out;
  for (size_t i = 0; i < column.size(); ++i) {
    if (i > 0) out += ' ';
    const Datum value = column.datum(i);
    out += is_null(value) ? "." : to_text(value, column.type());
  }
  return out;
}

Column ints(std::initializer_list<int> values) {
  ColumnBuilder<int64_t> builder(TypeKind::Int64, values.size());
  for (const int value : values) value < 0 ? builder.append_null() : builder.append(value);
  return builder.finish();
}

TEST(Column, without_null_has_no_validity) {
  EXPECT_EQ(ints({1, 2}).validity(), nullptr);
  EXPECT_EQ(show(ints({1, -1, 3})), "1 . 3");
  EXPECT_EQ(ints({1, -1, 3}).gather(std::vector<uint32_t>{0, 2}).validity(), nullptr);
  EXPECT_EQ(ints({1, -1, 3}).slice(2, 1).validity(), nullptr);
}

TEST(Column, that_is_constant_stays_so_until_flattened) {
  const Column seven = Column::constant(TypeKind::Int64, int64_t{7}, 3);
  EXPECT_EQ(show(seven), "7 7 7");
  EXPECT_EQ(show(seven.gather(std::vector<uint32_t>{0, 1, 1, 2})), "7 7 7 7");
  EXPECT_EQ(show(seven.slice(1, 1)), "7");
  EXPECT_TRUE(seven.gather({}).is_constant());
  EXPECT_FALSE(seven.flatten().is_constant());
  EXPECT_EQ(show(seven.flatten()), "7 7 7");
  const Column null = Column::constant(TypeKind::Varchar, {}, 2);
  EXPECT_EQ(show(null), ". .");
  EXPECT_EQ(show(null.flatten()), ". .");
  EXPECT_EQ(show(Column::constant(TypeKind::Varchar, std::string("longer than twelve bytes"), 1)), "longer than twelve bytes");
  EXPECT_EQ(show(Column::constant(TypeKind::Varchar, std::string(), 1)), "");
  EXPECT_EQ(Column::constant(TypeKind::Int64, {}, 0).flatten().size(), 0U);
}

TEST(Column, keeps_the_text_alive_that_it_points_at) {
  Column picked;
  {
    ColumnBuilder<Text> builder(TypeKind::Varchar, 2);
    builder.append(std::string(100, 'x'));
    builder.append("short");
    builder.append_null();
    picked = concat(std::vector<Column>{builder.finish().gather(std::vector<uint32_t>{0}),
                                        Column::constant(TypeKind::Varchar, std::string(20, 'y'), 2)});
  }
  EXPECT_EQ(show(picked), std::string(100, 'x') + " " + std::string(20, 'y') + " " + std::string(20, 'y'));
}

TEST(Column, counts_values_and_long_text_as_memory) {
  ColumnBuilder<Text> builder(TypeKind::Varchar, 2);
  builder.append(std::string(100, 'x'));
  builder.append("short");
  EXPECT_EQ(builder.finish().memory_bytes(), 2 * sizeof(Text) + 100);
  EXPECT_EQ(Column().memory_bytes(), 0U);
}

TEST(Column, of_dates_may_be_seen_as_integers) {
  const Column day = Column::constant(TypeKind::Date, int32_t{1}, 1);
  EXPECT_EQ(show(day), "1970-01-02");
  EXPECT_EQ(show(day.with_type(TypeKind::Int32)), "1");
}

TEST(Column, gathers_slices_flattens_and_joins_like_a_list_of_datums) {
  RandomData random(6);
  for (int step = 0; step < 400; ++step) {
    const DataType type = testing::kAllTypes[random.below(testing::kAllTypes.size())];
    std::vector<Column> parts;
    std::vector<std::string> model;
    const auto text_of = [&](const Datum& value) { return is_null(value) ? "." : to_text(value, type); };
    for (size_t part = 0; part < 1 + random.below(4); ++part) {
      const size_t rows = random.below(100);
      if (random.one_in(3)) {
        const Datum value = random.value(type.kind);
        parts.push_back(Column::constant(type, value, rows));
        model.insert(model.end(), rows, text_of(value));
        continue;
      }
      const Column column = random.chunk({type}, rows, random.one_in(2) ? 3 : 1'000'000).column(0);
      for (size_t i = 0; i < rows; ++i) model.push_back(text_of(column.datum(i)));
      parts.push_back(column);
    }
    const Column joined = concat(parts);
    ASSERT_EQ(joined.size(), model.size());
    std::vector<uint32_t> picks(model.empty() ? 0 : random.below(50));
    for (uint32_t& pick : picks) pick = static_cast<uint32_t>(random.below(model.size()));
    const Column gathered = joined.gather(picks);
    for (size_t i = 0; i < picks.size(); ++i) ASSERT_EQ(text_of(gathered.datum(i)), model[picks[i]]);
    const size_t begin = random.below(model.size() + 1);
    const Column sliced = joined.slice(begin, model.size() - begin);
    for (size_t i = begin; i < model.size(); ++i) ASSERT_EQ(text_of(sliced.datum(i - begin)), model[i]);
    ASSERT_EQ(show(joined.flatten()), show(joined));
  }
}

TEST(ColumnBuilder, is_empty_and_usable_after_finish) {
  ColumnBuilder<int64_t> builder(TypeKind::Int64, 4);
  builder.append(1);
  builder.append_null();
  EXPECT_EQ(show(builder.finish()), "1 .");
  EXPECT_EQ(builder.size(), 0U);
  EXPECT_EQ(builder.finish().size(), 0U);
  builder.append(2);
  EXPECT_EQ(show(builder.finish()), "2");
}

TEST(ColumnBuilder, gives_a_few_rows_without_its_large_array) {
  ColumnBuilder<int64_t> builder(TypeKind::Int64, 4096);
  builder.append(1);
  const Column first = builder.finish();
  builder.append(2);
  EXPECT_EQ(show(first), "1");  // the array went on to serve the builder, not the column
  EXPECT_EQ(show(builder.finish()), "2");
}

TEST(ColumnBuilder, grows_beyond_its_capacity_with_nulls_anywhere) {
  for (const size_t null_at : {0U, 1U, 63U, 64U, 500U}) {
    ColumnBuilder<int64_t> builder(TypeKind::Int64, 1);
    for (size_t i = 0; i < 600; ++i) i == null_at ? builder.append_null() : builder.append(static_cast<int64_t>(i));
    const Column column = builder.finish();
    for (size_t i = 0; i < 600; ++i) {
      ASSERT_EQ(column.is_null(i), i == null_at);
      if (i != null_at) {
        ASSERT_EQ(column.value<int64_t>(i), static_cast<int64_t>(i));
      }
    }
    EXPECT_EQ(column.validity()->size(), 600U);
    EXPECT_EQ(column.validity()->count(), 599U);
  }
}

TEST(ColumnBuilder, takes_rows_and_uninitialized_space_in_bulk) {
  ColumnBuilder<int64_t> builder(TypeKind::Int64, 2);
  builder.append(9);
  builder.append_rows(ints({1, -1, 3}), std::vector<uint32_t>{2, 1, 0});
  int64_t* const space = builder.append_uninitialized(2);
  space[0] = 10;
  space[1] = 11;
  builder.append_rows(Column::constant(TypeKind::Int64, {}, 5), std::vector<uint32_t>{4});
  EXPECT_EQ(show(builder.finish()), "9 3 . 1 10 11 .");
}

TEST(ColumnBuilder, copies_text_larger_than_any_arena_block) {
  ColumnBuilder<Text> builder(TypeKind::Varchar, 2);
  const std::string large(3 << 20, 'z');
  builder.append("before, longer than twelve");
  builder.append(large);
  builder.append("behind, longer than twelve");
  const Column column = builder.finish();
  EXPECT_EQ(column.value<Text>(0).view(), "before, longer than twelve");
  EXPECT_EQ(column.value<Text>(1).view(), large);
  EXPECT_EQ(column.value<Text>(2).view(), "behind, longer than twelve");
}

TEST(AnyColumnBuilder, copies_values_of_other_columns) {
  RandomData random(7);
  for (const DataType type : testing::kAllTypes) {
    Column source = random.chunk({type}, 100).column(0);
    AnyColumnBuilder builder(type, 10);
    for (size_t i = 0; i < 100; ++i) builder.append_from(source, i);
    const std::string expected = show(source);
    source = Column();
    EXPECT_EQ(show(builder.finish()), expected);
  }
}

}  // namespace
}  // namespace penstock::data
