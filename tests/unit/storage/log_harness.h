#pragma once

#include <random>

#include "runtime/sim_runtime.h"
#include "storage/epoch_log/log_state_store.h"
#include "storage/memory/memory_base.h"
#include "storage/memory_filesystem.h"
#include "unit/storage/store_harness.h"

namespace penstock::storage::testing {

/// The epoch log over files in memory and an ordered map: crashes lose unsynced sectors, and every step can be made to fail.
class LogHarness final : public StoreHarness {
 public:
  explicit LogHarness(uint64_t seed = 1) : random_(seed), runtime_(seed) { open(); }
  ~LogHarness() override { store_.reset(); }

  StateStore& store() override { return *store_; }
  void crash() override {
    store_.reset();
    folder_.reset();
    files_.crash([this] { return random_() % 2 == 0; });
    open();
  }
  void advance(runtime::Duration time) override { runtime_.run_for(time); }
  void run_background() override { runtime_.run_until_idle(); }
  void set_flush(bool eager) override { store_->set_flush_threshold(threshold_ = eager ? 1 : UINT64_MAX); }

  [[nodiscard]] LogStateStore& log() { return *store_; }
  [[nodiscard]] MemoryFileSystem& files() { return files_; }
  [[nodiscard]] MemoryBase& base() { return *base_; }
  [[nodiscard]] runtime::SimRuntime& runtime() { return runtime_; }
  /// Of stores that are opened from now on.
  EpochLogOptions options{.flush_threshold = UINT64_MAX, .flush_segments = 1000, .write_ahead = 3000, .files = {.smallest = 8192}};

 private:
  void open() {
    auto folder = DataFolder::open(files_, "/data");
    ASSERT_TRUE(folder.has_value()) << folder.error().to_string();
    folder_ = std::move(folder).value();
    auto base = std::make_unique<MemoryBase>(disk_);
    base_ = base.get();
    auto opened = LogStateStore::open(runtime_, *folder_, NodeUuid{1, 2, 3}, std::move(base), options);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    store_ = std::move(opened).value();
    store_->set_flush_threshold(threshold_);
  }

  std::mt19937_64 random_;
  runtime::SimRuntime runtime_;
  MemoryFileSystem files_;
  std::shared_ptr<MemoryBase::Disk> disk_ = std::make_shared<MemoryBase::Disk>();
  uint64_t threshold_ = UINT64_MAX;
  std::unique_ptr<DataFolder> folder_;
  MemoryBase* base_ = nullptr;
  std::unique_ptr<LogStateStore> store_;
};

}  // namespace penstock::storage::testing
