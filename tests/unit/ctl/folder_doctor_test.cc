#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ctl/doctor.h"

namespace penstock::ctl {
namespace {

namespace fs = std::filesystem;

class FolderDoctor : public ::testing::Test {
 protected:
  FolderDoctor() {
    std::string name = (fs::temp_directory_path() / "penstock-doctor-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FolderDoctor() override { fs::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }
  std::vector<std::string> findings() {
    std::vector<std::string> out;
    for (const auto& finding : examine_folder(folder_)) {
      std::string text = finding.finding();
      for (size_t at = text.find(folder_.string()); at != std::string::npos; at = text.find(folder_.string())) {
        text.replace(at, folder_.string().size(), "DIR");
      }
      out.push_back(finding.level() + ": " + text);
    }
    return out;
  }
  fs::path folder_;
};
using Texts = std::vector<std::string>;

TEST_F(FolderDoctor, knows_a_compute_and_a_meta_that_nobody_uses) {
  write("VERSION", "penstock data folder, format 1\n");
  write("LOCK", "");
  EXPECT_EQ(findings(), Texts{"ok: DIR holds the state of a compute; nobody uses it now"});
  fs::remove(folder_ / "VERSION");
  write("FORMAT", "penstock meta\nversion 1\ncluster 0f\n");
  EXPECT_EQ(findings(), Texts{"ok: DIR holds the state of a meta; nobody uses it now"});
}

TEST_F(FolderDoctor, names_the_process_that_holds_it) {
  write("FORMAT", "penstock meta\nversion 1\n");
  write("LOCK", "1234\n");
  const int fd = open((folder_ / "LOCK").c_str(), O_RDWR);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  EXPECT_EQ(findings(), Texts{"ok: DIR holds the state of a meta; process 1234 uses it now"});
  write("LOCK", "");
  EXPECT_EQ(findings(), Texts{"ok: DIR holds the state of a meta; a running process uses it now"});
  close(fd);
}

TEST_F(FolderDoctor, refuses_another_format) {
  write("VERSION", "penstock data folder, format 9\n");
  EXPECT_EQ(findings(), Texts{"error: DIR is of another format: \"penstock data folder, format 9\""});
}

TEST_F(FolderDoctor, looks_into_the_roles_of_a_playground) {
  write("meta/FORMAT", "penstock meta\nversion 1\n");
  write("compute-0/VERSION", "penstock data folder, format 1\n");
  auto found = findings();
  std::ranges::sort(found);
  EXPECT_EQ(found, (Texts{"ok: DIR/compute-0 holds the state of a compute; nobody uses it now",
                          "ok: DIR/meta holds the state of a meta; nobody uses it now"}));
}

TEST_F(FolderDoctor, says_that_a_folder_is_none_of_ours_or_no_folder) {
  EXPECT_EQ(findings(), Texts{"warning: DIR is not a data folder of penstock"});
  folder_ /= "nothing";
  EXPECT_EQ(findings(), Texts{"error: DIR is no folder: No such file or directory"});
  folder_ = folder_.parent_path();
}

}  // namespace
}  // namespace penstock::ctl
