#include "frontend/table_changes.h"

#include <gtest/gtest.h>

namespace penstock::frontend {
namespace {

pb::CatalogObject table(bool with_key) {
  pb::CatalogObject out;
  for (const char* name : {"id", "v", "_row_id"}) {
    auto* column = out.add_columns();
    column->set_name(name);
    column->mutable_type()->set_kind(static_cast<uint32_t>(data::TypeKind::Int64));
    column->set_hidden(std::string_view(name) == "_row_id");
    if (with_key && out.columns_size() == 2) break;
  }
  if (with_key) out.add_pk_columns(0);
  out.mutable_table()->add_pk()->set_column(with_key ? 0 : 2);
  return out;
}

data::DataChunk rows(std::string_view text) { return data::chunk_from_table(text).data(); }

TEST(TableChanges, reads_see_stored_rows_as_the_block_has_left_them) {
  TableChanges changes(table(true));
  const data::DataChunk stored = rows("I64 I64\n+ 1 10\n+ 2 20\n+ 3 30\n+ 4 40");
  changes.update(rows("I64 I64 I64 I64\n+ 1 10 1 11"));
  changes.remove(rows("I64 I64\n+ 2 20"));
  changes.insert(rows("I64 I64\n+ 5 50\n+ 3 33"));
  EXPECT_EQ(data::to_table(changes.unchanged(stored)), "I64 I64\n+  4 40\n");
  EXPECT_EQ(data::to_table(changes.own_rows()), "I64 I64\n+  1 11\n+  3 33\n+  5 50\n");
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64\nU- 1 10\nU+ 1 11\n-  2 20\n+  3 33\n+  5 50\n");
  EXPECT_TRUE(changes.has_read());
}

TEST(TableChanges, several_changes_of_one_row_come_out_as_one) {
  TableChanges changes(table(true));
  changes.update(rows("I64 I64 I64 I64\n+ 1 10 1 11"));
  changes.update(rows("I64 I64 I64 I64\n+ 1 11 1 12"));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64\nU- 1 10\nU+ 1 12\n");
  changes.remove(rows("I64 I64\n+ 1 12"));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64\n-  1 10\n");
  changes.insert(rows("I64 I64\n+ 1 13"));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64\nU- 1 10\nU+ 1 13\n");
}

TEST(TableChanges, a_row_inserted_unseen_and_deleted_again_deletes_what_the_key_had) {
  TableChanges changes(table(true));
  changes.insert(rows("I64 I64\n+ 7 70"));
  EXPECT_FALSE(changes.has_read());
  changes.remove(rows("I64 I64\n+ 7 70"));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64\n-  7 70\n");
}

TEST(TableChanges, rows_without_declared_key_are_told_apart_and_get_their_key_when_they_are_stored) {
  TableChanges changes(table(false));
  changes.insert(rows("I64 I64 I64\n+ 1 1 .\n+ 1 1 ."));
  const data::DataChunk own = changes.own_rows();
  ASSERT_EQ(own.rows(), 2U);
  EXPECT_NE(own.column(2).value<int64_t>(0), own.column(2).value<int64_t>(1));
  changes.remove(own.slice(0, 1));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64 I64\n+  1 1 .\n") << "what was never stored is not deleted";
  changes.remove(rows("I64 I64 I64\n+ 2 2 99"));
  EXPECT_EQ(data::to_table(changes.changelog()), "I64 I64 I64\n+  1 1 .\n-  2 2 99\n");
}

}  // namespace
}  // namespace penstock::frontend
