#pragma once

#include "runtime/sim_runtime.h"
#include "storage/epoch_log/log_state_store.h"
#include "storage/posix_filesystem.h"
#include "storage/rocksdb/rocksdb_base.h"
#include "unit/storage/store_harness.h"
#include "unit/storage/temporary_folder.h"

namespace penstock::storage::testing {

/// The epoch log over RocksDB in a temporary folder, compacted now and then. A crash here is the end of the process: what was written stays
/// in the page cache.
class RocksDbHarness final : public StoreHarness {
 public:
  RocksDbHarness() { open(); }

  StateStore& store() override { return *store_; }
  void crash() override { open(); }
  void advance(runtime::Duration time) override { runtime_.run_for(time); }
  void run_background() override {
    runtime_.run_until_idle();
    if (++rounds_ % 3 == 0) ASSERT_TRUE(base_->compact().has_value());
  }
  void set_flush(bool eager) override { store_->set_flush_threshold(threshold_ = eager ? 1 : UINT64_MAX); }

 private:
  void open() {
    store_.reset();
    folder_.reset();
    auto folder = DataFolder::open(files_, place_.path() + "/data");
    ASSERT_TRUE(folder.has_value()) << folder.error().to_string();
    folder_ = std::move(folder).value();
    RocksDbOptions options;
    options.log = {.flush_threshold = UINT64_MAX, .flush_segments = 1000, .write_ahead = 3000, .files = {.smallest = 8192}};
    options.busy_level0_files = 1000;
    auto base = RocksDbBase::open(folder_->path(), options);
    ASSERT_TRUE(base.has_value()) << base.error().to_string();
    base_ = base.value().get();
    auto opened = LogStateStore::open(runtime_, *folder_, NodeUuid{1, 2, 3}, std::move(base).value(), options.log);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    store_ = std::move(opened).value();
    store_->set_flush_threshold(threshold_);
  }

  TemporaryFolder place_;
  runtime::SimRuntime runtime_;
  PosixFileSystem files_;
  uint64_t threshold_ = UINT64_MAX;
  std::unique_ptr<DataFolder> folder_;
  RocksDbBase* base_ = nullptr;
  std::unique_ptr<LogStateStore> store_;
  int rounds_ = 0;
};

}  // namespace penstock::storage::testing
