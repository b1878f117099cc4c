#include "stream/exchange/hash_split.h"

#include <gtest/gtest.h>

namespace penstock::stream {
namespace {

using data::chunk_from_table;
using data::StreamChunk;

constexpr uint32_t kVnodes = 16;

/// Each vnode has a destination of its own, so that the test can say where a key goes.
class HashSplitTest : public ::testing::Test {
 protected:
  static uint16_t vnode_of(int64_t key) {
    const StreamChunk one = chunk_from_table(fmt::format("I64\n+ {}", key));
    return data::vnodes_of(one.data(), std::vector<uint32_t>{0}, kVnodes)[0];
  }
  /// The first key from `after` on whose vnode is (not) that of `key`.
  static int64_t other(int64_t key, bool same) {
    int64_t found = key + 1;
    while ((vnode_of(found) == vnode_of(key)) != same) ++found;
    return found;
  }
  static std::vector<uint16_t> identity() {
    std::vector<uint16_t> mapping(kVnodes);
    for (uint16_t v = 0; v < kVnodes; ++v) mapping[v] = v;
    return mapping;
  }
  /// Rows by destination, as text tables.
  std::map<uint32_t, std::string> split(const StreamChunk& chunk, std::vector<uint32_t> output = {0, 1}) {
    HashSplit hash({0}, identity(), kVnodes);
    std::map<uint32_t, std::string> out;
    for (const HashSplit::Piece& piece : hash.split(chunk, output)) {
      EXPECT_EQ(piece.chunk.visibility(), nullptr);
      out[piece.destination] = data::to_table(piece.chunk);
    }
    return out;
  }
  static std::string table(std::string_view text) { return data::to_table(chunk_from_table(text)); }
};

TEST_F(HashSplitTest, sends_each_row_to_the_owner_of_its_vnode_in_order) {
  const int64_t a = 1;
  const int64_t b = other(a, false);
  const auto pieces = split(chunk_from_table(fmt::format("I64 T\n+ {0} x\n+ {1} y\n- {0} z", a, b)));
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces.at(vnode_of(a)), table(fmt::format("I64 T\n+ {0} x\n- {0} z", a)));
  EXPECT_EQ(pieces.at(vnode_of(b)), table(fmt::format("I64 T\n+ {} y", b)));
}

TEST_F(HashSplitTest, keeps_an_update_pair_of_one_vnode) {
  const int64_t a = 1;
  const int64_t same = other(a, true);
  const auto pieces = split(chunk_from_table(fmt::format("I64 T\nU- {} x\nU+ {} y", a, same)));
  EXPECT_EQ(pieces.at(vnode_of(a)), table(fmt::format("I64 T\nU- {} x\nU+ {} y", a, same)));
}

TEST_F(HashSplitTest, makes_a_delete_and_an_insert_of_a_pair_across_vnodes) {
  const int64_t a = 1;
  const int64_t b = other(a, false);
  const auto pieces = split(chunk_from_table(fmt::format("I64 T\nU- {0} x\nU+ {1} y\nU- {0} p\nU+ {0} q", a, b)));
  EXPECT_EQ(pieces.at(vnode_of(a)), table(fmt::format("I64 T\n- {0} x\nU- {0} p\nU+ {0} q", a)));
  EXPECT_EQ(pieces.at(vnode_of(b)), table(fmt::format("I64 T\n+ {} y", b)));
}

TEST_F(HashSplitTest, makes_a_delete_or_an_insert_of_half_a_pair) {
  const auto pieces = split(chunk_from_table("I64 T\nU- 1 x\nU+ 1 y D\nU- 1 p D\nU+ 1 q"));
  EXPECT_EQ(pieces.at(vnode_of(1)), table("I64 T\n- 1 x\n+ 1 q"));
}

TEST_F(HashSplitTest, leaves_invisible_rows_out) {
  const auto pieces = split(chunk_from_table("I64 T\n+ 1 x D\n+ 1 y\n+ 1 z D"));
  EXPECT_EQ(pieces.at(vnode_of(1)), table("I64 T\n+ 1 y"));
  EXPECT_TRUE(split(chunk_from_table("I64 T\n+ 1 x D")).empty());
}

TEST_F(HashSplitTest, sends_only_the_output_columns_in_their_order) {
  const auto pieces = split(chunk_from_table("I64 T\n+ 1 x"), {1, 0});
  EXPECT_EQ(pieces.at(vnode_of(1)), table("T I64\n+ x 1"));
  EXPECT_EQ(split(chunk_from_table("I64 T\n+ 1 x"), {1}).at(vnode_of(1)), table("T\n+ x"));
}

TEST_F(HashSplitTest, puts_null_keys_in_one_place) {
  const auto pieces = split(chunk_from_table("I64 T\n+ . x\n+ . y"));
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces.begin()->second, table("I64 T\n+ . x\n+ . y"));
}

TEST_F(HashSplitTest, shares_the_buffers_of_a_chunk_that_goes_to_one_place) {
  const StreamChunk chunk = chunk_from_table("I64 T\n+ 1 x\n+ 1 y");
  HashSplit hash({0}, std::vector<uint16_t>(kVnodes, 1), 2);
  const std::vector<uint32_t> output = {0, 1};
  const auto pieces = hash.split(chunk, output);
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].destination, 1U);
  EXPECT_EQ(pieces[0].chunk.column(0).values<int64_t>(), chunk.column(0).values<int64_t>());
}

TEST_F(HashSplitTest, does_nothing_with_an_empty_chunk) {
  EXPECT_TRUE(split(data::StreamChunkBuilder({data::TypeKind::Int64, data::TypeKind::Varchar}).finish()).empty());
}

// Whatever the chunk: each row arrives exactly once, at the owner of its key.
TEST_F(HashSplitTest, loses_and_doubles_nothing) {
  uint64_t state = 42;
  const auto draw = [&](uint64_t below) {
    return (state = state * 6364136223846793005 + 1442695040888963407) >> 33 % 64 ? (state >> 33) % below : 0;
  };
  for (int round = 0; round < 50; ++round) {
    std::string text = "I64 I64\n";
    std::map<std::pair<int64_t, int64_t>, int> sums;
    const size_t count = draw(200);
    for (size_t i = 0; i < count; ++i) {
      const auto key = static_cast<int64_t>(draw(30));
      const auto next = static_cast<int64_t>(draw(30));
      switch (draw(4)) {
        case 0:
          text += fmt::format("+ {} {}\n", key, i);
          ++sums[{key, i}];
          break;
        case 1:
          text += fmt::format("- {} {}\n", key, i);
          --sums[{key, i}];
          break;
        case 2:
          text += fmt::format("+ {} {} D\n", key, i);
          break;
        default:
          text += fmt::format("U- {} {}\nU+ {} {}\n", key, i, next, i);
          --sums[{key, i}];
          ++sums[{next, i}];
      }
    }
    HashSplit hash({0}, identity(), kVnodes);
    const std::vector<uint32_t> output = {0, 1};
    for (const HashSplit::Piece& piece : hash.split(chunk_from_table(text), output)) {
      for (size_t row = 0; row < piece.chunk.rows(); ++row) {
        const auto key = piece.chunk.column(0).value<int64_t>(row);
        EXPECT_EQ(vnode_of(key), piece.destination);
        sums[{key, piece.chunk.column(1).value<int64_t>(row)}] -= data::is_insert(piece.chunk.op(row)) ? 1 : -1;
      }
    }
    for (const auto& [row, sum] : sums) EXPECT_EQ(sum, 0) << row.first << ' ' << row.second;
  }
}

}  // namespace
}  // namespace penstock::stream
