#include "storage/state_table.h"

#include <gtest/gtest.h>

#include <random>

#include "storage/memory/memory_state_store.h"

namespace penstock::storage {

using data::Row;
using data::TypeKind;

class StateTableTest : public ::testing::Test {
 protected:
  StateTableTest() {
    EXPECT_TRUE(store_.retain_segments({}, std::nullopt).has_value());
    EXPECT_TRUE(store_.open_graph({kGraph, Term{1}}, Epoch{0}, {}, std::nullopt).has_value());
    EXPECT_TRUE(store_.start_epoch(kGraph, Epoch{1}, {}).has_value());
  }

  /// (id bigint, name varchar, amount int), key (name, id desc), distributed by name.
  TableSchema orders() const {
    return {.id = TableId{7},
            .name = "orders",
            .types = {TypeKind::Int64, TypeKind::Varchar, TypeKind::Int32},
            .pk = {1, 0},
            .orders = {{}, {.descending = true}},
            .dist_key = {1}};
  }
  StateTable open(TableSchema schema, VNodeBitmap vnodes = VNodeBitmap::all()) {
    auto table = StateTable::open(store_, kGraph, std::move(schema), std::move(vnodes));
    EXPECT_TRUE(table.has_value()) << table.error().to_string();
    EXPECT_TRUE(table.value().init({Epoch{0}, Epoch{1}}).has_value());
    return std::move(table).value();
  }
  static Row order(int64_t id, std::string name, int32_t amount) { return {id, std::move(name), amount}; }
  static std::string text(const Row& row) {
    const std::vector<data::DataType> types = {TypeKind::Int64, TypeKind::Varchar, TypeKind::Int32};
    std::string out;
    for (size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : " ") + (data::is_null(row[i]) ? "." : data::to_text(row[i], types[i]));
    return out;
  }
  /// All rows, by key, "id name amount; …".
  static std::string all(StateTable& table) {
    auto rows = table.scan({});
    EXPECT_TRUE(rows.has_value());
    std::string out;
    while (rows.value()->next().value()) out += (out.empty() ? "" : "; ") + text(table.decode(rows.value()->value()).value());
    return out;
  }
  static std::string sorted_text(std::vector<Row> rows) {
    std::string out;
    for (const Row& row : rows) out += (out.empty() ? "" : "; ") + text(row);
    return out;
  }

  static constexpr PartialGraphId kGraph{1};
  MemoryStateStore store_;
};

TEST_F(StateTableTest, rows_are_found_by_key_before_and_after_they_are_flushed) {
  StateTable table = open(orders());
  table.insert(order(1, "anna", 10));
  table.insert(order(2, "anna", 20));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(text(*table.get({std::string("anna"), int64_t{1}}).value()), "1 anna 10");
    EXPECT_FALSE(table.get({std::string("anna"), int64_t{3}}).value().has_value());
    ASSERT_TRUE(table.flush().has_value());
  }
  table.update(order(1, "anna", 10), order(1, "anna", 11));
  table.erase(order(2, "anna", 20));
  EXPECT_EQ(all(table), "1 anna 11");
  table.update(order(1, "anna", 11), order(1, "otto", 11));
  EXPECT_EQ(all(table), "1 otto 11");
}

TEST_F(StateTableTest, a_prefix_scan_gives_the_rows_of_the_prefix_in_the_order_of_the_key) {
  StateTable table = open(orders());
  for (const int64_t id : {3, 1, 2}) {
    table.insert(order(id, "anna", 1));
    table.insert(order(id, "ann", 2));
    table.insert(order(id, "anna\xff", 3));
  }
  const std::string prefix = table.prefix_of({std::string("anna")});
  EXPECT_EQ(sorted_text(table.scan_prefix(prefix).value()), "3 anna 1; 2 anna 1; 1 anna 1");
  EXPECT_EQ(sorted_text(table.scan_prefix(prefix, 2).value()), "3 anna 1; 2 anna 1");
  EXPECT_EQ(sorted_text(table.scan_prefix(table.prefix_of({std::string("nobody")})).value()), "");
}

TEST_F(StateTableTest, a_chunk_is_applied_in_order_without_its_invisible_rows) {
  TableSchema schema = orders();
  schema.dist_key.clear();  // one vnode, so that all rows are in the order of the key
  StateTable table = open(schema);
  table.write_chunk(data::chunk_from_table(R"(
    I64 T I32
    +  1 anna 10
    +  2 anna 20
    +  3 otto .
    +  4 lost 1 D
    -  2 anna 20
    U- 1 anna 10
    U+ 1 anna 11
    U- 3 otto .
    U+ 3 emil 5
    -  5 anna 1 D
  )"));
  EXPECT_EQ(all(table), "1 anna 11; 3 emil 5");
}

TEST_F(StateTableTest, an_insert_only_chunk_is_written_whole) {
  StateTable table = open(orders());
  table.write_chunk(data::chunk_from_table("I64 T I32\n + 1 anna 10\n + 2 anna .\n"));
  EXPECT_EQ(all(table), "2 anna .; 1 anna 10");
}

TEST_F(StateTableTest, a_chunk_and_single_rows_have_the_same_keys_and_values) {
  StateTable by_row = open(orders());
  TableSchema other = orders();
  other.id = TableId{8};
  StateTable by_chunk = open(other);
  std::mt19937_64 random(5);
  data::StreamChunkBuilder builder(orders().types, 4096);
  std::map<std::pair<std::string, int64_t>, Row> model;
  for (int i = 0; i < 4000; ++i) {
    const Row row = order(static_cast<int64_t>(random() % 100), std::string(random() % 30, static_cast<char>('a' + random() % 3)),
                          static_cast<int32_t>(random()));
    const bool insert = random() % 3 != 0;
    builder.append(insert ? data::Op::Insert : data::Op::Delete, row);
    insert ? by_row.insert(row) : by_row.erase(row);
  }
  by_chunk.write_chunk(builder.finish());
  auto a = by_row.scan({}), b = by_chunk.scan({});
  size_t rows = 0;
  while (true) {
    const bool more = a.value()->next().value();
    ASSERT_EQ(more, b.value()->next().value());
    if (!more) break;
    ++rows;
    ASSERT_EQ(a.value()->key(), b.value()->key());
    ASSERT_EQ(a.value()->value(), b.value()->value());
  }
  EXPECT_GT(rows, 100u);
}

TEST_F(StateTableTest, keys_of_a_chunk_are_those_of_its_rows) {
  StateTable table = open(orders());
  // The columns may lie anywhere in the chunk.
  const auto chunk = data::chunk_from_table("T I64\n + anna 1\n + . 2\n + otto 3\n");
  std::vector<std::string> keys = {"before"};
  table.keys_of(chunk.data(), std::vector<uint32_t>{0, 2, 1}, std::vector<uint32_t>{0, 1}, keys);
  ASSERT_EQ(keys.size(), 4u);
  EXPECT_EQ(keys[1], table.key_of({std::string("anna"), int64_t{1}}));
  EXPECT_EQ(keys[2], table.key_of({std::string("otto"), int64_t{3}}));
  EXPECT_EQ(keys[3], table.key_of({std::monostate{}, int64_t{2}}));
  table.insert(order(3, "otto", 1));
  const auto values = table.multi_get(keys);
  ASSERT_TRUE(values.has_value());
  EXPECT_FALSE(values.value()[1].has_value());
  EXPECT_EQ(text(table.decode(*values.value()[2]).value()), "3 otto 1");
}

TEST_F(StateTableTest, a_singleton_is_vnode_0) {
  TableSchema schema = orders();
  schema.dist_key.clear();
  VNodeBitmap only(kDefaultVNodeCount);
  only.add(0);
  StateTable table = open(schema, only);
  table.insert(order(1, "anna", 10));
  EXPECT_EQ(table.key_of({std::string("anna"), int64_t{1}}).substr(0, 2), std::string("\0\0", 2));
  EXPECT_EQ(all(table), "1 anna 10");
}

TEST_F(StateTableTest, a_row_of_a_foreign_vnode_is_an_error_of_the_next_flush) {
  StateTable table = open(orders(), VNodeBitmap(kDefaultVNodeCount));
  table.insert(order(1, "anna", 10));
  const Status flushed = table.flush();
  ASSERT_TRUE(flushed.has_error());
  EXPECT_EQ(flushed.error().code(), Code::Internal);
  EXPECT_TRUE(table.commit({Epoch{1}, Epoch{2}}).has_error());
}

TEST_F(StateTableTest, a_schema_that_cannot_be_is_refused) {
  TableSchema schema = orders();
  schema.dist_key = {2};
  EXPECT_TRUE(StateTable::open(store_, kGraph, schema, VNodeBitmap::all()).has_error());
  schema = orders();
  schema.orders.pop_back();
  EXPECT_TRUE(StateTable::open(store_, kGraph, schema, VNodeBitmap::all()).has_error());
  schema = orders();
  schema.pk = {1, 9};
  EXPECT_TRUE(StateTable::open(store_, kGraph, schema, VNodeBitmap::all()).has_error());
}

TEST_F(StateTableTest, rows_from_before_a_column_was_added_have_its_value_and_keep_it_when_they_are_written) {
  TableSchema born = orders();
  born.types.pop_back();
  StateTable before = open(born);
  before.insert({int64_t{1}, std::string("anna")});
  before.insert({int64_t{2}, std::string("otto")});
  ASSERT_TRUE(before.flush().has_value());
  TableSchema widened = orders();
  widened.added = {data::Datum(int32_t{5})};
  StateTable after = open(widened);
  after.write_chunk(data::chunk_from_table("I64 T I32\n+ 3 anna 7\n+ 4 otto ."));
  after.update(order(2, "otto", 5), order(2, "otto", 6));
  EXPECT_EQ(all(after), "3 anna 7; 1 anna 5; 4 otto .; 2 otto 6");
  widened.added.resize(4);
  EXPECT_EQ(StateTable::open(store_, kGraph, widened, VNodeBitmap::all()).error().code(), Code::Protocol);
}

TEST_F(StateTableTest, commit_and_post_yield_carry_the_table_over_a_barrier) {
  StateTable table = open(orders());
  table.insert(order(1, "anna", 10));
  ASSERT_TRUE(store_.start_epoch(kGraph, Epoch{2}, {}).has_value());
  {
    auto token = table.commit({Epoch{1}, Epoch{2}});
    ASSERT_TRUE(token.has_value());
    const VNodeBitmap fewer(kDefaultVNodeCount);
    ASSERT_TRUE(std::move(token).value().post_yield(&fewer).has_value());
  }
  EXPECT_TRUE(table.vnodes().empty());
  EXPECT_EQ(all(table), "") << "the vnode went away";
  ASSERT_TRUE(store_.sync_epoch({kGraph, Term{1}}, Epoch{1}, {}).has_value());
  ASSERT_TRUE(store_.commit_epoch(kGraph, Epoch{1}, {}, {}).has_value());
  auto reader = store_.read_committed(kGraph, TableId{7}, Epoch{1});
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(reader.value()->get(table.key_of({std::string("anna"), int64_t{1}})).value().has_value());
}

TEST_F(StateTableTest, a_wrong_epoch_pair_fails_the_commit) {
  StateTable table = open(orders());
  EXPECT_EQ(table.commit({Epoch{5}, Epoch{6}}).error().code(), Code::Protocol);
}

TEST_F(StateTableTest, rows_are_committed_although_the_token_dies_with_its_operator) {
  {
    StateTable table = open(orders());
    table.insert(order(1, "anna", 10));
    (void)table.commit({Epoch{1}, Epoch{2}});
  }
  ASSERT_TRUE(store_.sync_epoch({kGraph, Term{1}}, Epoch{1}, {}).has_value());
  ASSERT_TRUE(store_.commit_epoch(kGraph, Epoch{1}, {}, {}).has_value());
  auto reader = store_.read_committed(kGraph, TableId{7}, Epoch{1});
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(reader.value()->get(open(orders()).key_of({std::string("anna"), int64_t{1}})).value().has_value());
}

TEST_F(StateTableTest, a_forgotten_post_yield_is_found_by_the_next_write) {
  StateTable table = open(orders());
  {
    auto token = table.commit({Epoch{1}, Epoch{2}});
  }
  EXPECT_DEATH(table.insert(order(1, "anna", 10)), "between commit and post_yield");
}

TEST_F(StateTableTest, large_writes_reach_the_store_before_the_barrier) {
  StateTable table = open(orders());
  data::StreamChunkBuilder builder(orders().types, 4096);
  for (int i = 0; i < 4000; ++i) builder.append(data::Op::Insert, order(i, std::string(200, 'x'), i));
  table.write_chunk(builder.finish());
  EXPECT_FALSE(store_.sync_epoch({kGraph, Term{1}}, Epoch{1}, {}).value().empty());
}

}  // namespace penstock::storage
