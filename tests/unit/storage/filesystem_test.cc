#include <gtest/gtest.h>
#include "storage/memory_filesystem.h"
#include "storage/posix_filesystem.h"
#include "unit/storage/temporary_folder.h"

namespace penstock::storage {

/// What both file systems promise.
void behaves_like_files(FileSystem& files, const std::string& folder) {
  ASSERT_TRUE(files.create_folder(folder + "/a/b").has_value());
  ASSERT_TRUE(files.create_folder(folder + "/a/b").has_value());
  const std::string path = folder + "/a/f";
  EXPECT_FALSE(files.exists(path));
  EXPECT_EQ(files.open_read(path).error().code(), Code::Io);
  {
    auto file = files.open_write(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file.value()->preallocate(10).has_value());
    ASSERT_TRUE(file.value()->write(2, "hello").has_value());
    ASSERT_TRUE(file.value()->sync().has_value());
  }
  EXPECT_EQ(read_file(files, path).value(), std::string("\0\0hello\0\0\0", 10));
  {
    auto again = files.open_write(path);
    ASSERT_TRUE(again.value()->write(0, "JJ").has_value());
  }
  auto reader = files.open_read(path);
  std::string bytes = "x";
  ASSERT_TRUE(reader.value()->read(1, 3, bytes).has_value());
  EXPECT_EQ(bytes, "xJhe");
  EXPECT_EQ(reader.value()->size(), 10u);
  EXPECT_EQ(reader.value()->read(8, 3, bytes).error().code(), Code::Io);
  ASSERT_TRUE(write_file_atomically(files, folder + "/a", "g", "one").has_value());
  ASSERT_TRUE(write_file_atomically(files, folder + "/a", "g", "two").has_value());
  EXPECT_EQ(read_file(files, folder + "/a/g").value(), "two");
  std::string names;
  const auto listed = files.list(folder + "/a");
  ASSERT_TRUE(listed.has_value());
  for (const auto& entry : listed.value()) names += fmt::format("{}:{}{} ", entry.name, entry.size, entry.folder ? "/" : "");
  EXPECT_EQ(names, "b:0/ f:10 g:3 ");
  EXPECT_EQ(files.list(folder + "/none").error().code(), Code::Io);
  ASSERT_TRUE(files.rename(folder + "/a/g", path).has_value());
  EXPECT_EQ(read_file(files, path).value(), "two");
  ASSERT_TRUE(files.remove(path).has_value());
  EXPECT_TRUE(files.remove(path).has_error());
  ASSERT_TRUE(files.sync_folder(folder + "/a").has_value());
  EXPECT_GT(files.free_bytes(folder).value(), 0u);
  EXPECT_GE(files.total_bytes(folder).value(), files.free_bytes(folder).value());
  auto held = files.lock(folder + "/LOCK");
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(files.lock(folder + "/LOCK").error().code(), Code::ObjectInUse);
  held.value().reset();
  EXPECT_TRUE(files.lock(folder + "/LOCK").has_value());
}

TEST(FileSystem, posix_behaves_like_files) {
  const testing::TemporaryFolder folder;
  PosixFileSystem files;
  behaves_like_files(files, folder.path());
}

TEST(FileSystem, memory_behaves_like_files) {
  MemoryFileSystem files;
  behaves_like_files(files, "/root");
}

TEST(FileSystem, posix_errors_name_the_path_and_say_why) {
  PosixFileSystem files;
  const auto failed = files.open_write("/nonexistent-folder/x");
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().message(), "cannot open /nonexistent-folder/x: No such file or directory");
}

class MemoryFileSystemTest : public ::testing::Test {
 protected:
  MemoryFileSystemTest() { EXPECT_TRUE(files_.create_folder("/d").has_value()); }
  std::string content(const std::string& path) { return files_.exists(path) ? read_file(files_, path).value() : "none"; }

  MemoryFileSystem files_;
};

TEST_F(MemoryFileSystemTest, a_crash_takes_what_was_not_synced) {
  auto file = files_.open_write("/d/a").value();
  ASSERT_TRUE(file->write(0, "kept").has_value());
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(files_.sync_folder("/d").has_value());
  ASSERT_TRUE(file->write(0, "lost").has_value());
  ASSERT_TRUE(files_.open_write("/d/unsynced-name").value()->sync().has_value());
  files_.crash([] { return false; });
  EXPECT_EQ(content("/d/a"), "kept");
  EXPECT_EQ(content("/d/unsynced-name"), "none");
  EXPECT_TRUE(file->write(0, "ghost").has_error()) << "the handle died with the process";
}

TEST_F(MemoryFileSystemTest, a_crash_may_keep_any_sectors) {
  auto file = files_.open_write("/d/a").value();
  ASSERT_TRUE(file->write(0, std::string(1024, 'a')).has_value());
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(files_.sync_folder("/d").has_value());
  ASSERT_TRUE(file->write(0, std::string(1024, 'b')).has_value());
  bool keep = false;
  files_.crash([&keep] { return keep = !keep; });
  EXPECT_EQ(content("/d/a"), std::string(512, 'b') + std::string(512, 'a'));
}

TEST_F(MemoryFileSystemTest, a_removed_or_renamed_name_comes_back_until_the_folder_is_synced) {
  ASSERT_TRUE(write_file_atomically(files_, "/d", "a", "1").has_value());
  ASSERT_TRUE(files_.rename("/d/a", "/d/b").has_value());
  files_.crash([] { return false; });
  EXPECT_EQ(content("/d/a"), "1");
  EXPECT_EQ(content("/d/b"), "none");
  ASSERT_TRUE(files_.remove("/d/a").has_value());
  ASSERT_TRUE(files_.sync_folder("/d").has_value());
  files_.crash([] { return false; });
  EXPECT_EQ(content("/d/a"), "none");
}

TEST_F(MemoryFileSystemTest, a_full_disk_says_so_and_takes_no_more) {
  files_.set_capacity(100);
  auto file = files_.open_write("/d/a").value();
  ASSERT_TRUE(file->preallocate(60).has_value());
  EXPECT_EQ(file->write(50, std::string(60, 'x')).error().code(), Code::DiskFull);
  EXPECT_TRUE(file->write(0, std::string(60, 'x')).has_value()) << "reserved";
  EXPECT_EQ(files_.free_bytes("/d").value(), 40u);
  ASSERT_TRUE(files_.remove("/d/a").has_value());
  EXPECT_EQ(files_.free_bytes("/d").value(), 100u);
}

TEST_F(MemoryFileSystemTest, an_atomic_file_is_old_or_new_wherever_the_crash_comes) {
  ASSERT_TRUE(write_file_atomically(files_, "/d", "a", "old").has_value());
  for (uint64_t stop = 1;; ++stop) {
    const uint64_t start = files_.calls();
    files_.set_fault([&](MemoryFileSystem::Call, const std::string&) -> Status {
      if (files_.calls() - start >= stop) return error(Code::Io, "stopped");
      return ok();
    });
    const Status written = write_file_atomically(files_, "/d", "a", "new");
    files_.set_fault(nullptr);
    files_.crash([] { return false; });
    if (written.has_value()) {
      EXPECT_EQ(content("/d/a"), "new");
      break;
    }
    EXPECT_EQ(content("/d/a"), "old") << "stopped at call " << stop;
  }
}

}  // namespace penstock::storage
