#include "data/chunk.h"

#include <gtest/gtest.h>

#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

TEST(Table, reads_every_type_and_prints_the_same) {
  const std::string table =
      "B I16 I32 I64 F32 F64 N T D TS IV\n"
      "+  t 1 2 3 1.5 2.5 1.50 a 2001-01-01 \"2001-01-01 02:03:04\" \"1 mon 2 days\"\n"
      "-  . . . . . . . . . . .\n"
      "U- f -1 -2 -3 NaN Infinity NaN \"\" 2001-01-02 \"2001-01-01 00:00:00\" 00:00:01\n"
      "U+ f -1 -2 -3 NaN Infinity NaN \".\" 2001-01-02 \"2001-01-01 00:00:00\" 00:00:01 D\n";
  const StreamChunk chunk = chunk_from_table(table);
  EXPECT_EQ(to_table(chunk), table);
  EXPECT_EQ(chunk.rows(), 4U);
  EXPECT_EQ(chunk.visible_rows(), 3U);
  EXPECT_EQ(chunk.op(2), Op::UpdateDelete);
}

TEST(Table, may_be_indented_and_quoted) {
  const StreamChunk chunk = chunk_from_table(R"(
      I64   T

      +  1  "x y"
      +  2  "say \"hi\" \\ \n there"
  )");
  EXPECT_EQ(std::get<std::string>(chunk.column(1).datum(1)), "say \"hi\" \\ \n there");
  EXPECT_EQ(to_table(chunk), "I64 T\n+  1 \"x y\"\n+  2 \"say \\\"hi\\\" \\\\ \\n there\"\n");
}

TEST(Table, of_inserts_alone_keeps_no_ops) {
  EXPECT_TRUE(chunk_from_table("I64\n+ 1\n+ 2").insert_only());
  EXPECT_FALSE(chunk_from_table("I64\n+ 1\n- 2").insert_only());
  EXPECT_EQ(chunk_from_table("I64\n+ 1\n+ 2").visibility(), nullptr);
}

TEST(Table, may_have_no_rows_or_no_columns) {
  EXPECT_EQ(to_table(chunk_from_table("I64 T\n")), "I64 T\n");
  EXPECT_EQ(to_table(chunk_from_table("()\n+\n- D\n")), "()\n+ \n-  D\n");
}

TEST(TableDeathTest, that_makes_no_sense_ends_the_process) {
  EXPECT_DEATH((void)chunk_from_table("I64\n+ x"), "invalid input syntax for type bigint");
  EXPECT_DEATH((void)chunk_from_table("I64\n+ 1 2"), "only D may follow");
  EXPECT_DEATH((void)chunk_from_table("I64\n+"), "a row of 1 columns expected");
  EXPECT_DEATH((void)chunk_from_table("I65\n"), "no type has the token I65");
}

TEST(StreamChunk, compacts_to_its_visible_rows) {
  const StreamChunk chunk = chunk_from_table(R"(
      I64 T
      +  1 a
      -  2 b D
      U- 3 c
      U+ 3 d
      +  4 . D
  )");
  EXPECT_EQ(to_table(chunk.compact()), "I64 T\n+  1 a\nU- 3 c\nU+ 3 d\n");
  EXPECT_EQ(chunk.compact().visibility(), nullptr);
}

TEST(StreamChunk, makes_half_an_update_pair_a_row_of_its_own) {
  EXPECT_EQ(to_table(chunk_from_table("I64\nU- 1\nU+ 2 D\nU- 3 D\nU+ 4").compact()), "I64\n-  1\n+  4\n");
  const StreamChunk pairs = chunk_from_table("I64\nU- 1\nU+ 2\nU- 3\nU+ 4");
  EXPECT_EQ(to_table(pairs.gather(std::vector<uint32_t>{0, 3})), "I64\n-  1\n+  4\n");
  EXPECT_EQ(to_table(pairs.gather(std::vector<uint32_t>{2, 3, 0, 1})), "I64\nU- 3\nU+ 4\nU- 1\nU+ 2\n");
  EXPECT_EQ(to_table(pairs.gather(std::vector<uint32_t>{1})), "I64\n+  2\n");
  EXPECT_TRUE(pairs.gather(std::vector<uint32_t>{1, 3}).insert_only());
}

TEST(StreamChunk, projects_and_keeps_ops_and_visibility) {
  const StreamChunk chunk = chunk_from_table("I64 T\n- 1 a\n+ 2 b D");
  EXPECT_EQ(to_table(chunk.project(std::vector<uint32_t>{1, 1, 0})), "T T I64\n-  a a 1\n+  b b 2 D\n");
}

TEST(StreamChunk, joins_others_in_order) {
  const std::vector<StreamChunk> chunks = {chunk_from_table("I64\n+ 1\n+ 2"), chunk_from_table("I64\n- 3"),
                                           chunk_from_table("I64\n+ 4 D\n+ 5")};
  EXPECT_EQ(to_table(concat(chunks)), "I64\n+  1\n+  2\n-  3\n+  4 D\n+  5\n");
  EXPECT_TRUE(concat(std::span(chunks).first(1)).insert_only());
  EXPECT_EQ(concat(std::vector{chunks[0], chunks[0]}).visibility(), nullptr);
  EXPECT_TRUE(concat(std::vector{chunks[0], chunks[0]}).insert_only());
}

TEST(StreamChunkBuilder, keeps_ops_away_while_all_are_insert) {
  StreamChunkBuilder builder({TypeKind::Int64, TypeKind::Varchar}, 2);
  EXPECT_TRUE(builder.empty());
  builder.append(Op::Insert, {int64_t{1}, std::string("a")});
  builder.append(Op::Insert, {Datum(), Datum()});
  builder.append(Op::Insert, {int64_t{3}, std::string("longer than twelve bytes")});
  const StreamChunk first = builder.finish();
  EXPECT_TRUE(first.insert_only());
  EXPECT_EQ(to_table(first), "I64 T\n+  1 a\n+  . .\n+  3 \"longer than twelve bytes\"\n");
  builder.append_from(Op::Delete, first.data(), 2);
  builder.append_rows(chunk_from_table("I64 T\nU- 1 x\nU+ 1 y"), std::vector<uint32_t>{0, 1});
  builder.append_rows(first, std::vector<uint32_t>{0});
  EXPECT_EQ(to_table(builder.finish()), "I64 T\n-  3 \"longer than twelve bytes\"\nU- 1 x\nU+ 1 y\n+  1 a\n");
  EXPECT_EQ(builder.finish().rows(), 0U);
}

TEST(DataChunk, gives_rows_and_slices) {
  const DataChunk chunk = chunk_from_table("I64 T\n+ 1 a\n+ . b\n+ 3 .").data();
  EXPECT_EQ(chunk.row(1), (Row{Datum(), std::string("b")}));
  EXPECT_EQ(testing::table_of(chunk.slice(1, 2)), "I64 T\n+  . b\n+  3 .\n");
  EXPECT_EQ(testing::table_of(chunk.gather(std::vector<uint32_t>{2, 2})), "I64 T\n+  3 .\n+  3 .\n");
  EXPECT_EQ(chunk.types(), (std::vector<DataType>{TypeKind::Int64, TypeKind::Varchar}));
}

TEST(DataChunk, without_columns_still_counts_rows) {
  const DataChunk chunk({}, 5);
  EXPECT_EQ(chunk.gather(std::vector<uint32_t>{1, 2}).rows(), 2U);
  EXPECT_EQ(chunk.slice(1, 3).rows(), 3U);
}

}  // namespace
}  // namespace penstock::data
