#include "data/key_codec.h"

#include <gtest/gtest.h>

#include "data/compare.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::all_of;
using testing::hex;
using testing::RandomData;

std::string key_hex(DataType type, std::string_view text, SortOrder order = {}) {
  std::string out;
  encode_key({text == "NULL" ? Datum() : from_text(text, type).value()}, {&type, 1}, {&order, 1}, out);
  return hex(out);
}

// The form on disk: it may never change.
TEST(KeyCodec, writes_the_same_bytes_for_ever) {
  EXPECT_EQ(key_hex(TypeKind::Boolean, "f"), "0100");
  EXPECT_EQ(key_hex(TypeKind::Boolean, "t"), "0101");
  EXPECT_EQ(key_hex(TypeKind::Int16, "1"), "018001");
  EXPECT_EQ(key_hex(TypeKind::Int32, "-1"), "017fffffff");
  EXPECT_EQ(key_hex(TypeKind::Int64, "258"), "018000000000000102");
  EXPECT_EQ(key_hex(TypeKind::Int64, "258", {.descending = true}), "017ffffffffffffefd");
  EXPECT_EQ(key_hex(TypeKind::Int64, "NULL"), "02");
  EXPECT_EQ(key_hex(TypeKind::Int64, "NULL", {.nulls_first = true}), "00");
  EXPECT_EQ(key_hex(TypeKind::Int64, "NULL", {.descending = true, .nulls_first = true}), "00");
  EXPECT_EQ(key_hex(TypeKind::Int64, "NULL", {.descending = true}), "02");
  EXPECT_EQ(key_hex(TypeKind::Float32, "1"), "01bf800000");
  EXPECT_EQ(key_hex(TypeKind::Float64, "-0"), "018000000000000000");
  EXPECT_EQ(key_hex(TypeKind::Float64, "-1.5"), "014007ffffffffffff");
  EXPECT_EQ(key_hex(TypeKind::Float64, "NaN"), "01fff8000000000000");
  EXPECT_EQ(key_hex(TypeKind::Varchar, ""), "0100");
  EXPECT_EQ(key_hex(TypeKind::Varchar, "abc"), "0161626300");
  EXPECT_EQ(key_hex(TypeKind::Varchar, std::string_view("a\0\1\2", 4)),
            "01610101010202"
            "00");
  EXPECT_EQ(key_hex(TypeKind::Varchar, "ab", {.descending = true}), "019e9dff");
  EXPECT_EQ(key_hex(TypeKind::Date, "1970-01-02"), "0180000001");
  EXPECT_EQ(key_hex(TypeKind::Timestamp, "1970-01-01 00:00:01"), "0180000000000f4240");
  EXPECT_EQ(key_hex(TypeKind::Interval, "00:00:01"),
            "01800000000000000"
            "f4240");
  EXPECT_EQ(key_hex(TypeKind::Interval, "-00:00:01"), "017ffffffffffffff0bdc0");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "0.00"), "0180");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "NaN"), "01ff");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "Infinity"), "01fe");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "-Infinity"), "0100");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "1"), "01a702c68af0bb140000");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "-1.00"), "0158fd39750f44ebffff");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "1234567890123456789.5"), "01b9036d36974c61e69d1a5e27eef13e0000");
  EXPECT_EQ(key_hex(TypeKind::Numeric, "12345678901234567890123456789012345678"), "01cc036d36974c61e69d1903a8210cc975814e");
}

struct Shape {
  std::vector<DataType> types;
  std::vector<SortOrder> orders;
};
Shape random_shape(RandomData& random) {
  Shape shape{random.types(4), {}};
  for (size_t i = 0; i < shape.types.size(); ++i) shape.orders.push_back({random.one_in(2), random.one_in(2)});
  return shape;
}

TEST(KeyCodec, orders_bytes_as_rows_and_gives_equal_rows_equal_bytes) {
  RandomData random(11);
  for (int step = 0; step < 600; ++step) {
    const Shape shape = random_shape(random);
    const DataChunk chunk = random.chunk(shape.types, 40, 4);
    const std::vector<uint32_t> columns = all_of(shape.types.size());
    std::vector<std::string> keys(chunk.rows());
    encode_keys(chunk, all_of(chunk.rows()), columns, shape.orders, keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      for (size_t j = 0; j < keys.size(); ++j) {
        const auto by_row = compare_rows(chunk, i, columns, chunk, j, columns, shape.orders);
        ASSERT_EQ(keys[i].compare(keys[j]) <=> 0, by_row)
            << testing::table_of(chunk.gather(std::vector<uint32_t>{uint32_t(i), uint32_t(j)}));
      }
    }
  }
}

TEST(KeyCodec, decodes_to_an_equal_row) {
  RandomData random(12);
  for (int step = 0; step < 3000; ++step) {
    const Shape shape = random_shape(random);
    const Row row = random.row(shape.types);
    std::string key;
    encode_key(row, shape.types, shape.orders, key);
    const auto decoded = decode_key(key, shape.types, shape.orders);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    std::string again;
    encode_key(decoded.value(), shape.types, shape.orders, again);
    ASSERT_EQ(hex(again), hex(key));
    for (size_t c = 0; c < row.size(); ++c) {
      ASSERT_EQ(is_null(row[c]), is_null(decoded.value()[c]));
      if (shape.types[c].kind == TypeKind::Varchar) {
        ASSERT_EQ(row[c], decoded.value()[c]);
      }
      if (const auto* number = std::get_if<Numeric>(&row[c])) {
        ASSERT_EQ(std::get<Numeric>(decoded.value()[c]).to_string(), number->normalized().to_string());
      }
    }
    std::vector<AnyColumnBuilder> builders;
    for (const DataType type : shape.types) builders.emplace_back(type, 1);
    ASSERT_TRUE(decode_key_into(key, shape.types, shape.orders, builders).has_value());
    for (size_t c = 0; c < row.size(); ++c) {
      const Column column = builders[c].finish();
      ASSERT_EQ(is_null(row[c]) ? "." : to_text(decoded.value()[c], shape.types[c]),
                column.is_null(0) ? "." : to_text(column.datum(0), shape.types[c]));
    }
  }
}

TEST(KeyCodec, encodes_a_prefix_of_the_columns_to_a_prefix_of_the_bytes) {
  RandomData random(13);
  for (int step = 0; step < 300; ++step) {
    const Shape shape = random_shape(random);
    const DataChunk chunk = random.chunk(shape.types, 1);
    const std::vector<uint32_t> columns = all_of(shape.types.size());
    std::string whole, prefix;
    encode_key(chunk, 0, columns, shape.orders, whole);
    const size_t count = random.below(columns.size() + 1);
    encode_key(chunk, 0, std::span(columns).first(count), std::span(shape.orders).first(count), prefix);
    ASSERT_TRUE(whole.starts_with(prefix));
  }
}

TEST(KeyCodec, encodes_rows_chunks_and_batches_alike) {
  RandomData random(14);
  for (int step = 0; step < 100; ++step) {
    const Shape shape = random_shape(random);
    DataChunk chunk = random.chunk(shape.types, 1 + random.below(700), random.one_in(2) ? 4 : 1'000'000);
    if (random.one_in(3)) {
      std::vector<Column> columns = chunk.columns();
      columns[0] = Column::constant(shape.types[0], random.value(shape.types[0].kind), chunk.rows());
      chunk = DataChunk(columns, chunk.rows());
    }
    const std::vector<uint32_t> columns = all_of(shape.types.size());
    std::vector<uint32_t> rows(random.below(600));
    std::vector<VNode> vnodes;
    for (uint32_t& row : rows) row = static_cast<uint32_t>(random.below(chunk.rows()));
    for (size_t i = 0; i < rows.size(); ++i) vnodes.push_back(static_cast<VNode>(i * 7));
    EncodedRows encoded;
    encoded.bytes = "before";
    encode_keys_into(chunk, rows, columns, shape.orders, encoded, {"pre", vnodes});
    encode_keys_into(chunk, rows, columns, shape.orders, encoded);
    ASSERT_EQ(encoded.size(), rows.size() * 2);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string by_row, by_cell;
      encode_key(chunk.row(rows[i]), shape.types, shape.orders, by_row);
      encode_key(chunk, rows[i], columns, shape.orders, by_cell);
      ASSERT_EQ(hex(by_row), hex(by_cell));
      const std::string vnode = {static_cast<char>(vnodes[i] >> 8), static_cast<char>(vnodes[i])};
      ASSERT_EQ(hex(encoded[i]), hex("pre" + vnode + by_row));
      ASSERT_EQ(hex(encoded[rows.size() + i]), hex(by_row));
    }
  }
}

TEST(KeyCodec, says_what_is_wrong_with_broken_bytes) {
  const std::vector<DataType> types = {TypeKind::Int32, TypeKind::Varchar};
  const std::vector<SortOrder> orders(2);
  const auto message = [&](std::string_view bytes) { return decode_key(bytes, types, orders).error().message(); };
  EXPECT_EQ(message(""), "key of 0 bytes: column 0 (integer) is missing at byte 0");
  EXPECT_EQ(message("\x05"), "key of 1 bytes: column 0 (integer) has a marker that means nothing at byte 1");
  EXPECT_EQ(message(std::string_view("\x01\x80\0\0", 4)), "key of 4 bytes: column 0 (integer) has no readable value before at byte 1");
  EXPECT_EQ(message(std::string_view("\x02\x01"
                                     "ab",
                                     4)),
            "key of 4 bytes: column 1 (character varying) has no readable value before at byte 4");
  EXPECT_EQ(message("\x02\x02\x02"), "key of 3 bytes: 1 are left behind its last column");
}

TEST(KeyCodec, survives_any_bytes) {
  RandomData random(15);
  size_t accepted = 0;
  for (int step = 0; step < 30000; ++step) {
    const Shape shape = random_shape(random);
    std::string key;
    encode_key(random.row(shape.types), shape.types, shape.orders, key);
    for (uint64_t changes = 1 + random.below(3); changes > 0 && !key.empty(); --changes) {
      key[random.below(key.size())] = static_cast<char>(random.one_in(3) ? random.below(3) : random.below(256));
      if (random.one_in(4)) key.resize(random.below(key.size() + 3));
    }
    const auto row = decode_key(key, shape.types, shape.orders);
    if (!row.has_value()) {
      ASSERT_EQ(row.error().code(), Code::Corruption);
      continue;
    }
    ++accepted;
    std::string again;  // what is accepted is exactly what encoding gives: no two keys mean one row
    encode_key(row.value(), shape.types, shape.orders, again);
    ASSERT_EQ(hex(again), hex(key));
  }
  EXPECT_GT(accepted, 100U);
}

}  // namespace
}  // namespace penstock::data
