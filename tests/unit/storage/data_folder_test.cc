#include <gtest/gtest.h>

#include "storage/memory_filesystem.h"
#include "storage/node_identity.h"

namespace penstock::storage {

class DataFolderTest : public ::testing::Test {
 protected:
  Result<NodeIdentity> load(DataFolder& folder) {
    return NodeIdentity::load_or_create(folder, [this](void* out, size_t size) { std::fill_n(static_cast<uint8_t*>(out), size, fill_); });
  }
  void put(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(files_.create_folder("/data").has_value());
    ASSERT_TRUE(write_file_atomically(files_, "/data", name, bytes).has_value());
  }

  MemoryFileSystem files_;
  uint8_t fill_ = 0xab;
};

TEST_F(DataFolderTest, is_made_and_found_again) {
  ASSERT_TRUE(DataFolder::open(files_, "/data").has_value());
  EXPECT_EQ(read_file(files_, "/data/VERSION").value(), "penstock data folder, format 1\n");
  EXPECT_TRUE(DataFolder::open(files_, "/data").has_value());
}

TEST_F(DataFolderTest, belongs_to_one_process) {
  auto held = DataFolder::open(files_, "/data");
  ASSERT_TRUE(held.has_value());
  const auto refused = DataFolder::open(files_, "/data");
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::ObjectInUse);
  EXPECT_EQ(refused.error().message(), "data folder /data is in use by another process");
}

TEST_F(DataFolderTest, refuses_a_folder_of_somebody_else) {
  put("thesis.tex", "years of work");
  const auto refused = DataFolder::open(files_, "/data");
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::InvalidConfig);
  EXPECT_EQ(refused.error().message(), "/data is not empty and no data folder of penstock (it has thesis.tex, but no VERSION)");
  EXPECT_FALSE(files_.exists("/data/LOCK"));
}

TEST_F(DataFolderTest, refuses_other_formats_with_both_versions) {
  put("VERSION", "penstock data folder, format 7\n");
  EXPECT_EQ(DataFolder::open(files_, "/data").error().message(), "data folder /data has format 7; this program knows format 1");
  put("VERSION", "gibberish");
  EXPECT_EQ(DataFolder::open(files_, "/data").error().message(), "data folder /data has format \"gibberish\"; this program knows format 1");
}

TEST_F(DataFolderTest, a_first_start_may_be_interrupted_anywhere) {
  for (uint64_t stop = 1;; ++stop) {
    const uint64_t start = files_.calls();
    files_.set_fault([&](MemoryFileSystem::Call, const std::string&) -> Status {
      if (files_.calls() - start >= stop) return error(Code::Io, "stopped");
      return ok();
    });
    bool done = false;
    if (auto folder = DataFolder::open(files_, "/data"); folder.has_value()) done = load(*folder.value()).has_value();
    files_.set_fault(nullptr);
    files_.crash([] { return true; });
    ASSERT_TRUE(DataFolder::open(files_, "/data").has_value()) << "after a stop at call " << stop;
    if (done) break;
  }
}

TEST_F(DataFolderTest, a_node_keeps_its_uuid_and_counts_its_starts) {
  auto folder = DataFolder::open(files_, "/data").value();
  const auto first = load(*folder);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first.value().uuid_text(), "abababab-abab-4bab-abab-abababababab");
  EXPECT_EQ(first.value().incarnation, Incarnation{1});
  EXPECT_EQ(NodeIdentity::parse_uuid(first.value().uuid_text()).value(), first.value().uuid);
  fill_ = 0xcd;
  const auto second = load(*folder);
  EXPECT_EQ(second.value().uuid, first.value().uuid);
  EXPECT_EQ(second.value().incarnation, Incarnation{2});
}

TEST_F(DataFolderTest, a_node_belongs_to_one_cluster) {
  auto folder = DataFolder::open(files_, "/data").value();
  auto node = load(*folder).value();
  EXPECT_TRUE(node.join_cluster(*folder, "blue water").has_value());
  EXPECT_TRUE(node.join_cluster(*folder, "blue water").has_value());
  auto again = load(*folder).value();
  EXPECT_EQ(again.cluster_id, "blue water");
  EXPECT_EQ(again.join_cluster(*folder, "red").error().code(), Code::Stale);
}

TEST_F(DataFolderTest, a_broken_node_file_is_corruption) {
  auto folder = DataFolder::open(files_, "/data").value();
  for (const std::string_view text : {"", "uuid x\ncluster \nincarnation 3\n", "uuid abababab-abab-4bab-abab-abababababab\ncluster c\n"}) {
    put("NODE", text);
    EXPECT_EQ(load(*folder).error().code(), Code::Corruption) << text;
  }
}

}  // namespace penstock::storage
