#include "data/hash.h"

#include <gtest/gtest.h>

#include "data/chunk.h"
#include "data/compare.h"
#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

using testing::all_of;
using testing::RandomData;

uint64_t hash_of(DataType type, std::string_view text) {
  std::vector<uint64_t> out(1);
  hash_column(Column::constant(type, from_text(text, type).value(), 1), out, true);
  return out[0];
}

// vnodes of rows on disk depend on these: they may never change.
TEST(Hash, is_the_same_for_ever) {
  EXPECT_EQ(hash_of(TypeKind::Boolean, "t"), 0xb456bcfc34c2cb2cULL);
  EXPECT_EQ(hash_of(TypeKind::Int64, "1"), 0xb456bcfc34c2cb2cULL);
  EXPECT_EQ(hash_of(TypeKind::Int64, "-1"), 0x64b5720b4b825f21ULL);
  EXPECT_EQ(hash_of(TypeKind::Float64, "1.5"), 0x885dcc874e75b6f0ULL);
  EXPECT_EQ(hash_of(TypeKind::Numeric, "1.5"), 0x2f8520b858a8e112ULL);
  EXPECT_EQ(hash_of(TypeKind::Varchar, ""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(hash_of(TypeKind::Varchar, "penstock"), 0xfb5a0b813e4c7327ULL);
  EXPECT_EQ(hash_of(TypeKind::Interval, "1 mon"), 0xda8b853e26be6b35ULL);
  const DataChunk chunk = chunk_from_table("I64 T\n+ 1 a\n+ . .\n+ 7 b").data();
  std::vector<uint64_t> hashes;
  hash_rows(chunk, std::vector<uint32_t>{0, 1}, hashes);
  EXPECT_EQ(hashes, (std::vector<uint64_t>{0x9f5f811b110206c9ULL, 0xced0508ae651ee29ULL, 0x3ea0cd4ec0d77981ULL}));
  EXPECT_EQ(vnodes_of(chunk, std::vector<uint32_t>{0}), (std::vector<VNode>{44, 47, 221}));
}

TEST(Hash, of_equal_values_is_equal_across_widths) {
  for (const std::string text : {"0", "1", "-1", "32767", "-32768"}) {
    EXPECT_EQ(hash_of(TypeKind::Int16, text), hash_of(TypeKind::Int64, text));
    EXPECT_EQ(hash_of(TypeKind::Int32, text), hash_of(TypeKind::Int64, text));
    EXPECT_EQ(hash_of(TypeKind::Numeric, text), hash_of(TypeKind::Int64, text));
    EXPECT_EQ(hash_of(TypeKind::Float32, text), hash_of(TypeKind::Float64, text));
  }
  EXPECT_EQ(hash_of(TypeKind::Float64, "-0"), hash_of(TypeKind::Float64, "0"));
  EXPECT_EQ(hash_of(TypeKind::Float32, "NaN"), hash_of(TypeKind::Float64, "-NaN"));
  EXPECT_EQ(hash_of(TypeKind::Interval, "1 mon"), hash_of(TypeKind::Interval, "720:00:00"));
}

TEST(Hash, of_rows_that_are_equal_is_equal) {
  RandomData random(8);
  for (int step = 0; step < 300; ++step) {
    const std::vector<DataType> types = random.types(3);
    const DataChunk chunk = random.chunk(types, 60, 3);
    const std::vector<uint32_t> keys = all_of(types.size());
    std::vector<uint64_t> hashes;
    hash_rows(chunk, keys, hashes);
    for (size_t i = 0; i < chunk.rows(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (rows_equal(chunk, i, keys, chunk, j, keys)) {
          ASSERT_EQ(hashes[i], hashes[j]);
        }
      }
    }
  }
}

TEST(Hash, of_a_constant_column_is_that_of_its_rows) {
  RandomData random(9);
  for (const DataType type : testing::kAllTypes) {
    const Column other = random.chunk({TypeKind::Int64}, 5).column(0);
    const Column constant = Column::constant(type, random.value(type.kind), 5);
    std::vector<uint64_t> a, b;
    hash_rows(DataChunk({other, constant}, 5), all_of(2), a);
    hash_rows(DataChunk({other, constant.flatten()}, 5), all_of(2), b);
    EXPECT_EQ(a, b);
  }
}

TEST(Hash, depends_on_the_order_of_the_columns) {
  const DataChunk chunk = chunk_from_table("I64 I64\n+ 1 2\n+ 2 1\n+ 1 1").data();
  std::vector<uint64_t> hashes;
  hash_rows(chunk, all_of(2), hashes);
  EXPECT_NE(hashes[0], hashes[1]);
  EXPECT_NE(hashes[0], hashes[2]);
}

TEST(VNodes, of_sequential_keys_are_spread_evenly) {
  for (const uint32_t count : {256U, 100U, 32768U}) {
    constexpr size_t kRows = 1 << 20;
    std::vector<uint32_t> loads(count);
    ColumnBuilder<int64_t> builder(TypeKind::Int64, kRows);
    for (size_t i = 0; i < kRows; ++i) builder.append(static_cast<int64_t>(i * 1000));
    for (const VNode vnode : vnodes_of(DataChunk({builder.finish()}, kRows), std::vector<uint32_t>{0}, count)) ++loads[vnode];
    const double mean = static_cast<double>(kRows) / count;
    for (const uint32_t load : loads) ASSERT_NEAR(load, mean, 6 * std::sqrt(mean));
  }
}

TEST(VNodes, without_keys_are_all_zero) { EXPECT_EQ(vnodes_of(chunk_from_table("I64\n+ 1\n+ 2").data(), {}), (std::vector<VNode>{0, 0})); }

}  // namespace
}  // namespace penstock::data
