#include <gtest/gtest.h>

#include "data/chunk.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::hex;
using testing::RandomData;

std::string encoded(const StreamChunk& chunk) {
  std::string out;
  encode_chunk(chunk, out);
  return out;
}

StreamChunk random_chunk(RandomData& random) {
  const std::vector<DataType> types = random.types(6);
  const size_t rows = random.one_in(10) ? 0 : random.below(150);
  std::vector<Column> columns = random.chunk(types, rows, random.one_in(2) ? 4 : 1'000'000).columns();
  for (Column& column : columns) {
    if (random.one_in(5)) column = Column::constant(column.type(), random.value(column.type().kind), rows);
  }
  std::vector<Op> ops(rows);
  Bitmap visibility;
  for (Op& op : ops) {
    op = static_cast<Op>(1 + random.below(4));
    visibility.push_back(random.one_in(2));
  }
  return {DataChunk(columns, rows), random.one_in(2) ? nullptr : std::make_shared<const std::vector<Op>>(ops),
          random.one_in(2) ? nullptr : std::make_shared<const Bitmap>(visibility)};
}

// Two versions of the program may talk: the form may only change with its version.
TEST(ChunkCodec, writes_the_same_bytes_for_this_version) {
  EXPECT_EQ(hex(encoded(chunk_from_table("I64 T\n+ 1 ab\n- . \"\" D"))),
            "0103020002000000"  // version, flags, 2 columns, 2 rows
            "0401"              // Insert, Delete; the first is visible
            "0402ffffffff01"
            "0100000000000000"
            "0000000000000000"
            "0800ffffffff"
            "0200000000000000"
            "6162");
  EXPECT_EQ(hex(encoded(StreamChunk(
                DataChunk({Column::constant(DataType(TypeKind::Numeric, 10, 2), from_text("1.50", TypeKind::Numeric).value(), 5)}, 5)))),
            "0100010005000000"
            "07010a000200"
            "029600000000000000");
}

TEST(ChunkCodec, decodes_what_it_encoded) {
  RandomData random(19);
  for (int step = 0; step < 1000; ++step) {
    const StreamChunk chunk = random_chunk(random);
    const std::string bytes = encoded(chunk);
    const auto decoded = decode_chunk(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    ASSERT_EQ(to_table(decoded.value()), to_table(chunk));
    ASSERT_EQ(decoded.value().insert_only(), chunk.insert_only());
    for (size_t c = 0; c < chunk.width(); ++c) {
      ASSERT_EQ(decoded.value().column(c).is_constant(), chunk.column(c).is_constant());
      ASSERT_EQ(decoded.value().column(c).type(), chunk.column(c).type());
    }
    ASSERT_EQ(encoded(decoded.value()), bytes);
  }
}

TEST(ChunkCodec, gives_text_that_outlives_the_bytes) {
  std::string bytes = encoded(chunk_from_table("T\n+ \"longer than twelve bytes\"\n+ short"));
  const StreamChunk chunk = decode_chunk(bytes).value();
  std::fill(bytes.begin(), bytes.end(), '?');
  EXPECT_EQ(to_table(chunk), "T\n+  \"longer than twelve bytes\"\n+  short\n");
}

TEST(ChunkCodec, sends_chunks_without_columns) {
  const StreamChunk chunk(DataChunk({}, 5));
  EXPECT_EQ(decode_chunk(encoded(chunk)).value().rows(), 5U);
}

TEST(ChunkCodec, writes_nothing_of_values_behind_nulls) {
  auto texts = make_values<Text>(1);
  texts[0] = Text("left over from a kernel");
  auto null = std::make_shared<const Bitmap>(1, false);
  const Column column(TypeKind::Varchar, 1, std::shared_ptr<const Text[]>(texts), null);
  EXPECT_EQ(to_table(decode_chunk(encoded(StreamChunk(DataChunk({column}, 1)))).value()), "T\n+  .\n");
}

TEST(ChunkCodec, says_what_is_wrong_with_broken_bytes) {
  const std::string good = encoded(chunk_from_table("B T\n+ t ab"));
  const auto message = [&](size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return decode_chunk(bytes).error().message();
  };
  EXPECT_EQ(decode_chunk("").error().message(), "chunk of 0 bytes, at byte 0: version of 1 bytes, but 0 are left");
  EXPECT_EQ(message(0, 2), "chunk of 27 bytes, at byte 1: version 2 is not known, only 1");
  EXPECT_EQ(message(1, 4), "chunk of 27 bytes, at byte 8: flags 0x4");
  EXPECT_EQ(message(7, 1), "chunk of 27 bytes, at byte 8: 16777217 rows, more than 1048576");
  EXPECT_EQ(message(8, 99), "chunk of 27 bytes, at byte 14: type 99 is not known");
  EXPECT_EQ(message(9, 4), "chunk of 27 bytes, at byte 14: column flags 0x4");
  EXPECT_EQ(message(10, -2), "chunk of 27 bytes, at byte 14: type modifiers -2, -1");
  EXPECT_EQ(message(14, 2), "chunk of 27 bytes, at byte 15: a boolean above 1");
  EXPECT_EQ(message(21, 9), "chunk of 27 bytes, at byte 25: text of 9 bytes, but 2 are left");
  EXPECT_EQ(message(21, 1), "chunk of 27 bytes, at byte 26: 1 bytes are left behind the last column");
  EXPECT_EQ(decode_chunk("").error().code(), Code::Corruption);
}

TEST(ChunkCodec, survives_any_bytes) {
  RandomData random(20);
  size_t accepted = 0;
  for (int step = 0; step < 20000; ++step) {
    std::string bytes = encoded(random_chunk(random));
    for (uint64_t changes = 1 + random.below(3); changes > 0 && !bytes.empty(); --changes) {
      bytes[random.below(random.one_in(2) ? std::min<size_t>(bytes.size(), 30) : bytes.size())] = static_cast<char>(random.below(256));
      if (random.one_in(10)) bytes.resize(random.below(bytes.size() + 3));
    }
    const auto chunk = decode_chunk(bytes);
    if (chunk.has_value()) {
      ++accepted;
      (void)to_table(chunk.value().compact());
    } else {
      ASSERT_EQ(chunk.error().code(), Code::Corruption);
    }
  }
  EXPECT_GT(accepted, 100U);
}

}  // namespace
}  // namespace penstock::data
