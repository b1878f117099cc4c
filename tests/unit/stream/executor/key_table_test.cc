#include "stream/executor/state/key_table.h"

#include <gtest/gtest.h>

#include <random>

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {
namespace {

data::DataChunk keys(std::string_view table) { return data::chunk_from_table(table).data(); }

std::vector<uint32_t> entries(KeyTable& table, const data::DataChunk& chunk) {
  std::vector<uint32_t> ids, created;
  table.find_or_insert(chunk, all_rows(chunk.rows()), ids, created);
  return ids;
}

TEST(KeyTable, gives_equal_keys_one_entry) {
  KeyTable table({data::TypeKind::Numeric, data::TypeKind::Varchar, data::TypeKind::Float64}, 8);
  const auto ids = entries(table, keys(R"(
    N T F64
    + 1.0  a                          0
    + 1.00 a                          -0
    + .    a                          0
    + .    a                          0
    + 2    "longer than twelve bytes" NaN
    + 2    "longer than twelve bytes" NaN
    + 2    "longer than twelve byteS" NaN
  )"));
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[2], ids[3]);
  EXPECT_EQ(ids[4], ids[5]);
  EXPECT_EQ((std::set{ids[0], ids[2], ids[4], ids[6]}).size(), 4U);
  EXPECT_EQ(table.size(), 4U);
}

TEST(KeyTable, says_which_rows_made_entries) {
  KeyTable table({data::TypeKind::Int64}, 0);
  std::vector<uint32_t> ids, created;
  const auto chunk = keys("I64\n+ 5\n+ 6\n+ 5\n+ .");
  table.find_or_insert(chunk, all_rows(4), ids, created);
  EXPECT_EQ(created, (std::vector<uint32_t>{0, 1, 3}));
  table.find_or_insert(chunk, all_rows(4), ids, created);
  EXPECT_TRUE(created.empty());
  table.find(keys("I64\n+ 7\n+ 6"), all_rows(2), ids);
  EXPECT_EQ(ids[0], KeyTable::kNone);
  EXPECT_NE(ids[1], KeyTable::kNone);
}

TEST(KeyTable, a_key_of_no_columns_is_one_entry) {
  KeyTable table({}, 8);
  const auto ids = entries(table, data::DataChunk({}, 3));
  EXPECT_EQ(ids[0], ids[2]);
}

TEST(KeyTable, payloads_begin_as_zeros_and_stay_where_they_are) {
  KeyTable table({data::TypeKind::Int64}, 12);
  const auto first = entries(table, keys("I64\n+ 1"))[0];
  std::byte* const payload = table.payload(first);
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(payload), 0U);
  *reinterpret_cast<uint64_t*>(payload) = 42;
  data::ColumnBuilder<int64_t> many(data::TypeKind::Int64, 0);
  for (int64_t i = 2; i < 20'000; ++i) many.append(i);
  (void)entries(table, data::DataChunk({many.finish()}, 19'998));
  EXPECT_EQ(entries(table, keys("I64\n+ 1"))[0], first);
  EXPECT_EQ(table.payload(first), payload);
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(payload), 42U);
}

// Texts, so that arenas are compacted; few different keys, so that runs of slots meet and are shifted.
TEST(KeyTable, any_inserts_erasures_and_evictions_agree_with_a_map) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    KeyTable table({data::TypeKind::Varchar}, 8);
    std::map<std::string, uint64_t> model;  // text -> payload
    const auto value_of = [&](uint32_t id) -> uint64_t& { return *reinterpret_cast<uint64_t*>(table.payload(id)); };
    for (int round = 0; round < 60; ++round) {
      data::ColumnBuilder<data::Text> builder(data::TypeKind::Varchar, 0);
      std::vector<std::string> texts;
      for (uint64_t i = 0, n = random() % 2000; i < n; ++i) {
        texts.push_back(fmt::format("{}{}", random() % 2 == 0 ? "short" : std::string(200, 'x'), random() % 5000));
        builder.append(std::string_view(texts.back()));
      }
      const data::DataChunk chunk({builder.finish()}, texts.size());
      const auto ids = entries(table, chunk);
      for (size_t i = 0; i < ids.size(); ++i) {
        const auto [found, added] = model.try_emplace(texts[i], 0);
        ASSERT_EQ(value_of(ids[i]), found->second) << "seed " << seed << ", key " << texts[i];
        found->second = value_of(ids[i]) = random() | 1;
      }
      for (size_t i = 0; i < ids.size(); i += 3) {
        if (model.erase(texts[i]) != 0) table.erase(ids[i]);
      }
      if (random() % 4 == 0) {
        const auto key_text = [&](uint32_t id) { return std::get<std::string>(table.key_column(0, {&id, 1}).datum(0)); };
        (void)table.evict(random() % 1'000'000, [&](uint32_t id) { return random() % 8 != 0 && model.erase(key_text(id)) == 1; });
      }
      ASSERT_EQ(table.size(), model.size());
    }
  }
}

TEST(KeyTable, eviction_spares_what_was_used_since_the_last_time) {
  KeyTable table({data::TypeKind::Int64}, 8);
  data::ColumnBuilder<int64_t> builder(data::TypeKind::Int64, 0);
  for (int64_t i = 0; i < 4096; ++i) builder.append(i);
  const data::DataChunk all({builder.finish()}, 4096);
  (void)entries(table, all);
  const auto go = [](uint32_t) { return true; };
  (void)table.evict(1, go);  // takes every block's mark, then the first block
  const data::DataChunk late = all.slice(2048, 512);
  (void)entries(table, late);
  (void)table.evict(2000 * table.entry_bytes(), go);
  std::vector<uint32_t> ids;
  table.find(late, all_rows(512), ids);
  EXPECT_EQ(std::ranges::count(ids, KeyTable::kNone), 0);
  EXPECT_LT(table.size(), 2100U);
}

}  // namespace
}  // namespace penstock::stream
