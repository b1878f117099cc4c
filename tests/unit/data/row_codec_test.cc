#include "data/row_codec.h"

#include <gtest/gtest.h>

#include "data/key_codec.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::all_of;
using testing::hex;
using testing::RandomData;

const std::vector<DataType> kBorn = {TypeKind::Int64, TypeKind::Varchar};
const std::vector<DataType> kOneMore = {TypeKind::Int64, TypeKind::Varchar, TypeKind::Int16};
const std::vector<DataType> kTwoMore = {TypeKind::Int64, TypeKind::Varchar, TypeKind::Int16, TypeKind::Varchar};

const RowCodec& born() {
  static const RowCodec codec(kBorn);
  return codec;
}
const RowCodec& one_more() {
  static const RowCodec codec(kOneMore, {Datum(int16_t{7})});
  return codec;
}
const RowCodec& two_more() {
  static const RowCodec codec(kTwoMore, {Datum(int16_t{7}), Datum()});
  return codec;
}

std::string encoded(const RowCodec& codec, const Row& row) {
  std::string out;
  codec.encode(row, out);
  return out;
}
std::string decoded(const RowCodec& codec, std::string_view bytes) {
  const auto row = codec.decode(bytes);
  if (row.has_error()) return row.error().message();
  std::string out;
  for (size_t c = 0; c < row.value().size(); ++c) {
    out += (c == 0 ? "" : " ") + (is_null(row.value()[c]) ? std::string(".") : to_text(row.value()[c], codec.types()[c]));
  }
  return out;
}

// The form on disk: it may never change.
TEST(RowCodec, writes_the_same_bytes_for_ever) {
  EXPECT_EQ(hex(encoded(born(), {int64_t{258}, std::string("abc")})), "0100020100000000000003616263");
  EXPECT_EQ(hex(encoded(one_more(), {int64_t{258}, std::string("abc"), int16_t{-2}})),
            "0201"
            "040100feff"
            "0100020100000000000003616263");
  EXPECT_EQ(hex(encoded(two_more(), {int64_t{258}, Datum(), Datum(), std::string("x")})),
            "0202"
            "020101"
            "0401000178"
            "01020201000000000000");
}

TEST(RowCodec, reads_rows_from_before_a_column_with_the_value_that_old_rows_have) {
  const std::string oldest = encoded(born(), {int64_t{1}, std::string("a")});
  const std::string older = encoded(one_more(), {int64_t{2}, std::string("b"), Datum()});
  const std::string now = encoded(two_more(), {int64_t{3}, std::string("c"), int16_t{9}, std::string("d")});
  EXPECT_EQ(decoded(two_more(), oldest), "1 a 7 .");
  EXPECT_EQ(decoded(two_more(), older), "2 b . .");
  EXPECT_EQ(decoded(two_more(), now), "3 c 9 d");
}

TEST(RowCodec, does_not_show_columns_to_a_reader_from_before_them) {
  const std::string now = encoded(two_more(), {int64_t{3}, std::string("c"), int16_t{9}, std::string("d")});
  EXPECT_EQ(decoded(one_more(), now), "3 c 9");
  EXPECT_EQ(decoded(born(), now), "3 c");
}

TEST(RowCodec, takes_a_row_that_is_short_anywhere_else_for_corrupt) {
  const std::string plain = encoded(born(), {int64_t{1}, std::string("abc")});
  const std::string wide = encoded(two_more(), {int64_t{1}, std::string("abc"), int16_t{1}, std::string("d")});
  for (const RowCodec* codec : {&born(), &one_more(), &two_more()}) {
    for (const std::string* whole : {&plain, &wide}) {
      for (size_t size = 0; size < whole->size(); ++size) {
        EXPECT_EQ(codec->decode(std::string_view(*whole).substr(0, size)).error().code(), Code::Corruption) << size;
      }
      EXPECT_EQ(codec->decode(*whole + "x").error().code(), Code::Corruption);
    }
  }
  EXPECT_EQ(decoded(born(), std::string_view("\x02\x00", 2)), "stored row of 2 bytes: no number of added columns");
  EXPECT_EQ(decoded(born(), "\x02\xff\xff\xff\xff\x0f"), "stored row of 6 bytes: it cannot have 4294967295 added columns");
  EXPECT_EQ(decoded(born(), "\x02\x01\x05\x01"), "stored row of 4 bytes: it ends within added column 0 of 1");
  EXPECT_EQ(decoded(born(), "\x03"), "stored value of 1 bytes for 2 columns: version 3 is not known, only 1");
}

TEST(RowCodec, encodes_and_decodes_rows_and_chunks_alike_whatever_the_columns) {
  RandomData random(18);
  for (int step = 0; step < 300; ++step) {
    const std::vector<DataType> types = random.types(8);
    const DataChunk chunk = random.chunk(types, 1 + random.below(50), 4);
    const RowCodec codec(types, std::vector<Datum>(random.below(types.size() + 1)));
    std::vector<uint32_t> rows(random.below(60));
    for (uint32_t& row : rows) row = static_cast<uint32_t>(random.below(chunk.rows()));
    EncodedRows encoded_rows;
    encoded_rows.bytes = "before";
    codec.encode_into(chunk, rows, encoded_rows);
    ASSERT_EQ(encoded_rows.size(), rows.size());
    std::vector<AnyColumnBuilder> builders;
    for (const DataType type : types) builders.emplace_back(type, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const Row row = chunk.row(rows[i]);
      ASSERT_EQ(hex(encoded_rows[i]), hex(encoded(codec, row)));
      ASSERT_TRUE(codec.decode_into(encoded_rows[i], builders).has_value());
      const auto back = codec.decode(encoded_rows[i]);
      ASSERT_TRUE(back.has_value()) << back.error().message();
      ASSERT_EQ(hex(encoded(codec, back.value())), hex(encoded_rows[i]));
    }
    std::vector<Column> columns;
    for (AnyColumnBuilder& builder : builders) columns.push_back(builder.finish());
    ASSERT_EQ(testing::table_of(DataChunk(columns, rows.size())), testing::table_of(chunk.gather(rows)));
  }
}

}  // namespace
}  // namespace penstock::data
