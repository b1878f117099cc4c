#include <gtest/gtest.h>

#include "data/key_codec.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::all_of;
using testing::hex;
using testing::RandomData;

std::string value_hex(std::string_view table) {
  const DataChunk chunk = chunk_from_table(table).data();
  std::string out;
  encode_value(chunk, 0, all_of(chunk.width()), out);
  return hex(out);
}

// The form on disk: it may never change.
TEST(ValueCodec, writes_the_same_bytes_for_ever) {
  EXPECT_EQ(value_hex("I64\n+ 258"),
            "0100"
            "0201000000000000");
  EXPECT_EQ(value_hex("B I16 I32 F32\n+ t -2 3 1.5"),
            "0100"
            "01"
            "feff"
            "03000000"
            "0000c03f");
  EXPECT_EQ(value_hex("T I64 T\n+ abc 1 \"\""),
            "0100"
            "0100000000000000"
            "03616263"
            "00");
  EXPECT_EQ(value_hex("T I64 T\n+ . . x"),
            "0103"
            "0178");
  EXPECT_EQ(value_hex("D TS\n+ 1970-01-02 1970-01-01T00:00:01"),
            "0100"
            "01000000"
            "40420f0000000000");
  EXPECT_EQ(value_hex("IV\n+ \"1 mon 2 days 00:00:00.000003\""),
            "0100"
            "01000000"
            "02000000"
            "0300000000000000");
  EXPECT_EQ(value_hex("N\n+ -1.50"),
            "0100"
            "026affffffffffffff");
  EXPECT_EQ(value_hex("N\n+ 36893488147419103232.0"),
            "0100"
            "4100000000000000001400000000000000");
  EXPECT_EQ(value_hex("N N N\n+ NaN Infinity -Infinity"),
            "0100"
            "808182");
  EXPECT_EQ(value_hex("I16 I16 I16 I16 I16 I16 I16 I16 I16\n+ . . . . . . . . ."), "01ff01");
  EXPECT_EQ(value_hex("T\n+ " + std::string(200, 'x')).substr(0, 10), "0100c80178");
  EXPECT_EQ(value_hex("()\n+"), "01");
}

TEST(ValueCodec, decodes_what_it_encoded) {
  RandomData random(16);
  for (int step = 0; step < 3000; ++step) {
    const std::vector<DataType> types = random.types(12);
    const Row row = random.row(types);
    std::string value;
    encode_value(row, types, value);
    const auto decoded = decode_value(value, types);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    for (size_t c = 0; c < row.size(); ++c) {
      ASSERT_EQ(is_null(row[c]), is_null(decoded.value()[c]));
      if (!is_null(row[c])) {
        ASSERT_EQ(to_text(row[c], types[c]), to_text(decoded.value()[c], types[c]));
      }
    }
  }
}

TEST(ValueCodec, encodes_rows_chunks_and_batches_alike_and_decodes_whole_columns) {
  RandomData random(17);
  for (int step = 0; step < 100; ++step) {
    const std::vector<DataType> types = random.types(6);
    DataChunk chunk = random.chunk(types, 1 + random.below(700), random.one_in(2) ? 4 : 1'000'000);
    if (random.one_in(3)) {
      std::vector<Column> columns = chunk.columns();
      columns[0] = Column::constant(types[0], random.value(types[0].kind), chunk.rows());
      chunk = DataChunk(columns, chunk.rows());
    }
    std::vector<uint32_t> rows(random.below(600));
    for (uint32_t& row : rows) row = static_cast<uint32_t>(random.below(chunk.rows()));
    EncodedRows encoded;
    encode_values_into(chunk, rows, all_of(types.size()), encoded);
    ASSERT_EQ(encoded.size(), rows.size());
    std::vector<std::string_view> values;
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string by_row, by_cell;
      encode_value(chunk.row(rows[i]), types, by_row);
      encode_value(chunk, rows[i], all_of(types.size()), by_cell);
      ASSERT_EQ(hex(by_row), hex(by_cell));
      ASSERT_EQ(hex(encoded[i]), hex(by_row));
      values.push_back(encoded[i]);
    }
    std::vector<AnyColumnBuilder> builders;
    for (const DataType type : types) builders.emplace_back(type, rows.size());
    ASSERT_TRUE(decode_values_into(values, types, builders).has_value());
    std::vector<Column> columns;
    for (AnyColumnBuilder& builder : builders) columns.push_back(builder.finish());
    ASSERT_EQ(testing::table_of(DataChunk(columns, rows.size())), testing::table_of(chunk.gather(rows)));
  }
}

TEST(ValueCodec, says_what_is_wrong_with_broken_bytes) {
  const std::vector<DataType> types = {TypeKind::Int32, TypeKind::Varchar};
  const auto message = [&](std::string_view bytes) { return decode_value(bytes, types).error().message(); };
  EXPECT_EQ(message(""), "stored value of 0 bytes for 2 columns: it ends within its header");
  EXPECT_EQ(message("\x02\x03"), "stored value of 2 bytes for 2 columns: version 2 is not known, only 1");
  EXPECT_EQ(message("\x01\x07"), "stored value of 2 bytes for 2 columns: NULL bits beyond its columns");
  EXPECT_EQ(message("\x01\x02xx"), "stored value of 4 bytes for 2 columns: no readable value of column 0 (integer)");
  EXPECT_EQ(message("\x01\x01\x05"
                    "ab"),
            "stored value of 5 bytes for 2 columns: no readable value of column 1 (character varying)");
  EXPECT_EQ(message("\x01\x03z"), "stored value of 3 bytes for 2 columns: 1 bytes are left behind its last column");
  EXPECT_EQ(decode_value("", types).error().code(), Code::Corruption);
}

TEST(ValueCodec, survives_any_bytes) {
  RandomData random(18);
  for (int step = 0; step < 30000; ++step) {
    const std::vector<DataType> types = random.types(6);
    std::string value;
    encode_value(random.row(types), types, value);
    for (uint64_t changes = 1 + random.below(3); changes > 0 && !value.empty(); --changes) {
      value[random.below(value.size())] = static_cast<char>(random.below(256));
      if (random.one_in(4)) value.resize(random.below(value.size() + 3));
    }
    const auto row = decode_value(value, types);
    if (row.has_value()) {
      for (size_t c = 0; c < types.size(); ++c) {
        if (!is_null(row.value()[c])) (void)to_text(row.value()[c], types[c]);
      }
    } else {
      ASSERT_EQ(row.error().code(), Code::Corruption);
    }
  }
}

}  // namespace
}  // namespace penstock::data
