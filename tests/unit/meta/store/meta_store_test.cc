#include "meta/store/meta_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "meta/store/memory_meta_store.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// A process that is killed in the middle of a commit is a fork here, and runs threads of its own.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif
#endif

namespace penstock::meta {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "penstock-meta-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

/// Both stores behave alike; `reopen` is a restart of meta.
class MetaStoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    if (GetParam() == "memory") {
      store_ = std::make_unique<MemoryMetaStore>(disk_);
    } else {
      auto opened = open_rocksdb_meta_store(folder_.path, "cluster-1");
      ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
      store_ = std::move(opened.value());
    }
  }
  std::string rows(std::string_view prefix) {
    std::string out;
    const MetaStore::Rows found = store_->scan(prefix).value();
    for (const auto& [key, value] : found) out += key + "=" + value + " ";
    return out;
  }

  Folder folder_;
  std::shared_ptr<MemoryMetaStore::Disk> disk_ = std::make_shared<MemoryMetaStore::Disk>("cluster-1");
  std::unique_ptr<MetaStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Both, MetaStoreTest, ::testing::Values("memory", "rocksdb"), [](const auto& info) { return info.param; });

TEST_P(MetaStoreTest, keeps_what_was_committed_over_a_restart) {
  const LeaderTerm term = store_->lead(7).value();
  Txn txn;
  txn.put("b/2", "two");
  txn.put("a/1", "one");
  txn.put("a/10", "ten");
  ASSERT_TRUE(store_->commit(term, txn).has_value());
  Txn second;
  second.erase("a/1");
  second.put("a/10", "TEN");
  second.put("a/11", std::string("\0bin", 4));
  ASSERT_TRUE(store_->commit(term, second).has_value());
  reopen();
  EXPECT_EQ(rows("a/"), std::string("a/10=TEN a/11=") + std::string("\0bin", 4) + " ");
  EXPECT_EQ(rows(""), std::string("a/10=TEN a/11=") + std::string("\0bin", 4) + " b/2=two ");
  EXPECT_EQ(store_->get("b/2").value(), "two");
  EXPECT_EQ(store_->get("b/3").value(), std::nullopt);
  EXPECT_EQ(store_->cluster_id(), "cluster-1");
}

TEST_P(MetaStoreTest, refuses_a_leader_that_was_overtaken) {
  const LeaderTerm old_term = store_->lead(7).value();
  const LeaderTerm new_term = store_->lead(7).value();
  EXPECT_GT(new_term, old_term);
  Txn txn;
  txn.put("k", "old");
  EXPECT_EQ(store_->commit(old_term, txn).error().code(), Code::Stale);
  EXPECT_EQ(rows(""), "");
  EXPECT_TRUE(store_->commit(new_term, txn).has_value());
}

TEST_P(MetaStoreTest, counts_leader_terms_up_over_restarts) {
  const LeaderTerm first = store_->lead(7).value();
  reopen();
  EXPECT_GT(store_->lead(8).value(), first);
}

TEST_P(MetaStoreTest, knows_its_leaders_over_restarts_the_last_one_first) {
  EXPECT_EQ(store_->leaders().value(), std::vector<uint64_t>{});
  ASSERT_TRUE(store_->lead(7).has_value());
  reopen();
  ASSERT_TRUE(store_->lead(UINT64_MAX).has_value());
  ASSERT_TRUE(store_->lead(9).has_value());
  reopen();
  EXPECT_EQ(store_->leaders().value(), (std::vector<uint64_t>{9, UINT64_MAX, 7}));
}

TEST(MetaStoreFolder, names_the_process_that_has_it_open) {
  const Folder folder;
  auto first = open_rocksdb_meta_store(folder.path, "c");
  ASSERT_TRUE(first.has_value());
  const auto second = open_rocksdb_meta_store(folder.path, "c");
  ASSERT_TRUE(second.has_error());
  EXPECT_EQ(second.error().code(), Code::ObjectInUse);
  EXPECT_EQ(second.error().message(), fmt::format("data folder {} is in use by process {}", folder.path, ::getpid()));
  first = error(Code::Closed, "closed");
  EXPECT_TRUE(open_rocksdb_meta_store(folder.path, "c").has_value());
}

TEST(MetaStoreFolder, refuses_another_format_version_and_names_both) {
  const Folder folder;
  std::ofstream(folder.path + "/FORMAT") << "penstock meta\nversion 7\ncluster c\n";
  const auto opened = open_rocksdb_meta_store(folder.path, "c");
  EXPECT_EQ(opened.error().code(), Code::Corruption);
  EXPECT_EQ(opened.error().message(), fmt::format("data folder {} has format version 7; this program knows version 1", folder.path));
}

TEST(MetaStoreFolder, refuses_a_folder_that_belongs_to_something_else) {
  const Folder folder;
  std::ofstream(folder.path + "/holiday.jpg") << "x";
  EXPECT_EQ(open_rocksdb_meta_store(folder.path, "c").error().code(), Code::Corruption);
  std::ofstream(folder.path + "/FORMAT") << "penstock compute\nversion 1\n";
  EXPECT_EQ(open_rocksdb_meta_store(folder.path, "c").error().code(), Code::Corruption);
}

TEST(MetaStoreFolder, keeps_its_first_cluster_id) {
  const Folder folder;
  ASSERT_TRUE(open_rocksdb_meta_store(folder.path, "first").has_value());
  EXPECT_EQ(open_rocksdb_meta_store(folder.path, "second").value()->cluster_id(), "first");
}

TEST(MetaStoreFolder, keeps_every_answered_commit_when_the_process_is_killed) {
  const Folder folder;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = std::move(open_rocksdb_meta_store(folder.path, "c").value());
    const LeaderTerm term = store->lead(7).value();
    for (uint32_t i = 0;; ++i) {
      Txn txn;
      txn.put("left", std::to_string(i));
      txn.put("right", std::to_string(i));
      if (store->commit(term, txn).has_error() || ::write(pipe_ends[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
  }
  uint32_t answered = 0;
  while (answered < 20) ASSERT_EQ(::read(pipe_ends[0], &answered, sizeof answered), static_cast<ssize_t>(sizeof answered));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto store = std::move(open_rocksdb_meta_store(folder.path, "c").value());
  const std::string left = store->get("left").value().value();
  EXPECT_EQ(left, store->get("right").value().value());
  EXPECT_GE(std::stoul(left), answered);
}

}  // namespace
}  // namespace penstock::meta
