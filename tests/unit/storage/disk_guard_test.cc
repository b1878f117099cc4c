#include "storage/disk_guard.h"

#include <gtest/gtest.h>

#include "common/log.h"
#include "runtime/sim_runtime.h"
#include "storage/memory_filesystem.h"

namespace penstock::storage {
namespace {

constexpr uint64_t kMb = 1 << 20;

std::string text(const DiskPressure::Actions& actions, DiskLevel level) {
  constexpr std::string_view kNames[] = {"enough", "low", "full"};
  std::string out(kNames[static_cast<size_t>(level)]);
  if (actions.level_changed) out += " changed";
  if (actions.release_ballast) out += " release";
  if (actions.take_ballast) out += " take";
  return out;
}

TEST(DiskPressure, goes_down_at_the_reserve_and_up_above_it_and_gives_its_ballast_only_when_something_cannot_be_written) {
  DiskPressure pressure(32 * kMb);  // reserve 80 MB, so up again at 90
  struct Row {
    uint64_t free_mb;
    bool lacks_space, held;
    std::string_view then;
  };
  constexpr Row kRows[] = {
      {500, false, false, "enough take"},
      {500, false, true, "enough"},
      {80, false, true, "enough"},
      {79, false, true, "low changed"},
      {85, false, true, "low"},  // does not flicker
      {10, false, true, "low"},
      {0, true, true, "full changed release"},
      {32, true, false, "full"},
      {30, false, false, "low changed"},
      {100, false, false, "low"},  // what the ballast takes again is not free
      {122, false, false, "enough changed take"},
      {90, false, true, "enough"},
      {90, true, true, "full changed release"},  // a quota, say
      {500, false, false, "enough changed take"},
  };
  for (const Row& row : kRows) {
    const auto actions = pressure.on_sample({row.free_mb * kMb, 80 * kMb, row.lacks_space, row.held});
    EXPECT_EQ(text(actions, pressure.level()), row.then) << row.free_mb << " MB free";
  }
}

TEST(DiskPressure, without_a_ballast_there_is_nothing_to_take_or_release) {
  DiskPressure pressure(0);
  const auto after = [&](const DiskSample& sample) {
    const auto actions = pressure.on_sample(sample);
    return text(actions, pressure.level());
  };
  EXPECT_EQ(after({100 * kMb, 80 * kMb, false, false}), "enough");
  EXPECT_EQ(after({0, 80 * kMb, true, false}), "full changed");
}

TEST(DiskPressure, the_reserve_is_a_twentieth_and_at_most_a_gigabyte) {
  EXPECT_EQ(default_disk_reserve(500 * kMb), 25 * kMb);
  EXPECT_EQ(default_disk_reserve(100'000 * kMb), 1024 * kMb);
}

class DiskGuardTest : public ::testing::Test {
 protected:
  DiskGuardTest() {
    log::set_level(log::Level::Error);
    files_.set_capacity(64 * kMb);
    EXPECT_TRUE(files_.create_folder("data").has_value());
  }
  void start() {
    guard_ = std::make_unique<DiskGuard>(
        DiskGuard::Options{.folder = "data", .ballast_bytes = 3 * kMb}, runtime_, files_,
        [this] {
          auto space = space_of(files_, "data", 10 * kMb);
          space.lacks_space = lacks_space_;
          return space;
        },
        [this](const DiskReport& report) { told_ += std::to_string(static_cast<int>(report.level)); });
  }
  void fill(uint64_t bytes) {
    auto file = files_.open_write("data/other").value();
    ASSERT_TRUE(file->preallocate(bytes).has_value());
  }
  void look() { runtime_.run_for(std::chrono::seconds(2)); }

  runtime::SimRuntime runtime_{1};
  MemoryFileSystem files_;
  std::unique_ptr<DiskGuard> guard_;
  bool lacks_space_ = false;
  std::string told_;
};

TEST_F(DiskGuardTest, tells_each_change_of_level_once_and_gives_the_ballast_back_when_there_is_room) {
  start();
  look();
  EXPECT_TRUE(files_.exists("data/BALLAST"));
  EXPECT_EQ(told_, "");
  fill(55 * kMb);
  look();
  EXPECT_EQ(told_, "1");
  lacks_space_ = true;
  look();
  EXPECT_EQ(told_, "12");
  EXPECT_FALSE(files_.exists("data/BALLAST"));
  EXPECT_EQ(guard_->report().level, DiskLevel::Full);
  lacks_space_ = false;
  ASSERT_TRUE(files_.remove("data/other").has_value());
  look();
  EXPECT_EQ(told_, "120");
  EXPECT_TRUE(files_.exists("data/BALLAST"));
}

TEST_F(DiskGuardTest, a_ballast_of_an_earlier_start_is_released_on_a_disk_that_is_full_from_the_start) {
  start();
  look();
  guard_.reset();
  fill(55 * kMb);
  lacks_space_ = true;
  start();
  look();
  EXPECT_EQ(told_, "2");
  EXPECT_FALSE(files_.exists("data/BALLAST"));
}

TEST_F(DiskGuardTest, a_ballast_that_does_not_fit_leaves_nothing_behind) {
  files_.set_fault([](MemoryFileSystem::Call call, const std::string& path) -> Status {
    if (call == MemoryFileSystem::Call::Preallocate && path == "data/BALLAST") return error(Code::DiskFull, "no space");
    return ok();
  });
  start();
  look();
  EXPECT_FALSE(files_.exists("data/BALLAST"));
}

TEST_F(DiskGuardTest, may_go_while_it_looks_again_and_again) {
  for (int i = 0; i < 10; ++i) {
    start();
    runtime_.run_for(std::chrono::milliseconds(100 * i));
    guard_.reset();
  }
  look();
  EXPECT_EQ(told_, "");
}

}  // namespace
}  // namespace penstock::storage
