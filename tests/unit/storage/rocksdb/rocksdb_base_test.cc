#include "storage/rocksdb/rocksdb_base.h"

#include <gtest/gtest.h>

#include <fstream>

#include "unit/storage/store_harness.h"
#include "unit/storage/temporary_folder.h"

namespace penstock::storage::testing {

class RocksDbBaseTest : public ::testing::Test {
 protected:
  RocksDbBaseTest() { reopen(); }
  void reopen() {
    base_.reset();
    auto opened = RocksDbBase::open(folder_.path(), options_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    base_ = std::move(opened).value();
  }
  struct Row {
    uint32_t table;
    std::string key;
    std::string value;  // "-": erase, "DROP": drop the table
  };
  Status install(const std::vector<Row>& rows) {
    PENSTOCK_TRY(auto install, base_->begin_install());
    for (const Row& row : rows) {
      const TableId table{row.table};
      if (row.value == "DROP") {
        PENSTOCK_TRY(install->drop(table));
      } else if (row.value == "-") {
        PENSTOCK_TRY(install->erase(table, key(0, row.key)));
      } else {
        PENSTOCK_TRY(install->put(table, key(0, row.key), row.value));
      }
    }
    return install->commit();
  }
  std::string rows(uint32_t table) { return dump(base_->snapshot()->scan(TableId{table}, {})); }

  TemporaryFolder folder_;
  RocksDbOptions options_;
  std::unique_ptr<RocksDbBase> base_;
};

TEST_F(RocksDbBaseTest, what_was_installed_is_there_after_reopening) {
  ASSERT_TRUE(install({{1, "a", "1"}, {1, "b", "2"}, {2, "a", "x"}}).has_value());
  ASSERT_TRUE(install({{1, "a", "-"}, {1, "c", "3"}}).has_value());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(rows(1), "b=2 c=3");
    EXPECT_EQ(rows(2), "a=x");
    EXPECT_EQ(rows(3), "");
    EXPECT_TRUE(base_->has_rows(TableId{1}).value());
    EXPECT_FALSE(base_->has_rows(TableId{3}).value());
    EXPECT_GT(base_->bytes(), 0u);
    reopen();
  }
}

TEST_F(RocksDbBaseTest, an_install_that_is_not_committed_never_was) {
  ASSERT_TRUE(install({{1, "a", "1"}}).has_value());
  {
    auto abandoned = base_->begin_install().value();
    ASSERT_TRUE(abandoned->put(TableId{1}, key(0, "b"), "2").has_value());
  }
  EXPECT_EQ(rows(1), "a=1");
  std::ofstream(folder_.path() + "/incoming/99.sst") << "half a file of a process that died";
  reopen();
  EXPECT_EQ(rows(1), "a=1");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/incoming"));
}

TEST_F(RocksDbBaseTest, a_snapshot_keeps_its_moment_through_installs_and_compaction) {
  ASSERT_TRUE(install({{1, "a", "1"}, {1, "b", "1"}}).has_value());
  const SortedSnapshotPtr before = base_->snapshot();
  ASSERT_TRUE(install({{1, "a", "2"}, {1, "b", "-"}}).has_value());
  ASSERT_TRUE(base_->compact().has_value());
  EXPECT_EQ(dump(before->scan(TableId{1}, {})), "a=1 b=1");
  EXPECT_EQ(before->get(TableId{1}, key(0, "b")).value().value_or("-"), "1");
  EXPECT_EQ(rows(1), "a=2");
}

TEST_F(RocksDbBaseTest, a_snapshot_may_outlive_the_base) {
  ASSERT_TRUE(install({{1, "a", "1"}}).has_value());
  const SortedSnapshotPtr snapshot = base_->snapshot();
  base_.reset();
  EXPECT_EQ(dump(snapshot->scan(TableId{1}, {})), "a=1");
}

TEST_F(RocksDbBaseTest, dropping_a_table_takes_its_rows_and_no_others) {
  ASSERT_TRUE(install({{1, "z", "1"}, {2, "a", "1"}, {2, "z", "1"}, {3, "a", "1"}}).has_value());
  const SortedSnapshotPtr before = base_->snapshot();
  ASSERT_TRUE(install({{1, "zz", "2"}, {2, "", "DROP"}, {3, "b", "2"}}).has_value());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(rows(1), "z=1 zz=2");
    EXPECT_EQ(rows(2), "");
    EXPECT_EQ(rows(3), "a=1 b=2");
    EXPECT_EQ(dump(before->scan(TableId{2}, {})), "a=1 z=1");
    ASSERT_TRUE(base_->compact().has_value());
  }
}

TEST_F(RocksDbBaseTest, an_install_of_nothing_but_a_drop_works) {
  ASSERT_TRUE(install({{2, "a", "1"}}).has_value());
  ASSERT_TRUE(install({{2, "", "DROP"}}).has_value());
  EXPECT_EQ(rows(2), "");
  EXPECT_TRUE(install({}).has_value());
}

TEST_F(RocksDbBaseTest, compaction_forgets_dead_tables_only) {
  ASSERT_TRUE(install({{1, "a", "1"}, {2, "a", "1"}, {3, "a", "1"}}).has_value());
  base_->forget(std::vector{TableId{2}});
  ASSERT_TRUE(base_->compact().has_value());
  EXPECT_EQ(rows(1), "a=1");
  EXPECT_EQ(rows(2), "");
  EXPECT_EQ(rows(3), "a=1");
}

TEST_F(RocksDbBaseTest, large_installs_are_several_files_and_one_step) {
  auto large = base_->begin_install().value();
  std::string value(1 << 16, 'x');
  for (uint32_t table = 1; table <= 3; ++table) {
    for (int i = 0; i < 1200; ++i) {
      for (size_t at = 0; at < value.size(); at += 8) {
        const uint64_t noise = (table * 1'000'003ULL + static_cast<uint64_t>(i) * 65'537 + at) * 0x9e3779b97f4a7c15ULL;
        std::memcpy(value.data() + at, &noise, 8);
      }
      ASSERT_TRUE(large->put(TableId{table}, key(0, fmt::format("{:05}", i)), value).has_value());
    }
  }
  EXPECT_EQ(rows(1), "");
  const auto files =
      std::distance(std::filesystem::directory_iterator(folder_.path() + "/incoming"), std::filesystem::directory_iterator());
  EXPECT_EQ(files, 3);
  ASSERT_TRUE(large->commit().has_value());
  for (uint32_t table = 1; table <= 3; ++table) {
    auto all = base_->snapshot();
    auto scan = all->scan(TableId{table}, {}).value();
    int rows = 0;
    while (scan->next().value()) ++rows;
    EXPECT_EQ(rows, 1200);
  }
}

TEST_F(RocksDbBaseTest, multi_get_reads_many_keys_at_once) {
  ASSERT_TRUE(install({{1, "a", "1"}, {1, "c", "3"}, {2, "b", "other table"}}).has_value());
  const std::string a = key(0, "a"), b = key(0, "b"), c = key(0, "c");
  const std::vector<std::string_view> keys = {c, b, a, c};
  const auto values = base_->snapshot()->multi_get(TableId{1}, keys);
  ASSERT_TRUE(values.has_value());
  std::string text;
  for (const auto& value : values.value()) text += value.value_or("-") + " ";
  EXPECT_EQ(text, "3 - 1 3 ");
}

TEST_F(RocksDbBaseTest, it_is_busy_while_level_0_is_full) {
  options_.busy_level0_files = 3;  // below the number that starts a compaction
  reopen();
  EXPECT_FALSE(base_->busy());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(install({{1, "a", std::to_string(i)}, {1, "z", "x"}}).has_value());  // the first one sinks
  EXPECT_TRUE(base_->busy());
}

TEST_F(RocksDbBaseTest, a_folder_in_use_is_refused_by_name) {
  const auto refused = RocksDbBase::open(folder_.path(), options_);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::ObjectInUse);
  EXPECT_NE(refused.error().message().find(folder_.path()), std::string::npos) << refused.error().message();
}

TEST_F(RocksDbBaseTest, a_damaged_file_is_corruption) {
  ASSERT_TRUE(install({{1, "a", std::string(5000, 'x')}}).has_value());
  base_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/sorted")) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put('\x55');
  }
  auto opened = RocksDbBase::open(folder_.path(), options_);
  const Code code = opened.has_error() ? opened.error().code() : opened.value()->snapshot()->get(TableId{1}, key(0, "a")).error().code();
  EXPECT_EQ(code, Code::Corruption);
}

TEST_F(RocksDbBaseTest, statistics_tell_of_cache_and_compaction) {
  const std::string text = base_->statistics();
  for (const std::string_view name : {"rocksdb_bytes ", "rocksdb_block_cache_misses ", "rocksdb_compaction_written_bytes "}) {
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
}

}  // namespace penstock::storage::testing
