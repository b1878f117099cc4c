#pragma once

#include "runtime/sim_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "unit/storage/store_harness.h"

namespace penstock::storage::testing {

class MemoryHarness final : public StoreHarness {
 public:
  MemoryHarness() { open(); }
  StateStore& store() override { return *store_; }
  void crash() override { open(); }
  void advance(runtime::Duration time) override { runtime_.run_for(time); }
  void run_background() override { runtime_.run_until_idle(); }
  void set_flush(bool eager) override { store_->set_flush_segments(eager ? 0 : 1000); }

 private:
  void open() {
    store_.reset();
    store_ = std::make_unique<MemoryStateStore>(MemoryStateStore::Options{.disk = disk_, .runtime = &runtime_, .flush_segments = 1000});
  }

  runtime::SimRuntime runtime_;
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<MemoryStateStore> store_;
};

}  // namespace penstock::storage::testing
