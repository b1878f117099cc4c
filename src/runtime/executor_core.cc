#include "runtime/executor_core.h"

namespace penstock::runtime {

void ExecutorRegistry::add(std::shared_ptr<ExecutorCore> core) {
  {
    const MutexLock lock(mutex_);
    if (!closed_) {
      cores_.insert(std::move(core));
      return;
    }
  }
  core->close();
}

void ExecutorRegistry::remove(const std::shared_ptr<ExecutorCore>& core) {
  const MutexLock lock(mutex_);
  cores_.erase(core);
}

void ExecutorRegistry::close_all() {
  absl::flat_hash_set<std::shared_ptr<ExecutorCore>> cores;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    cores.swap(cores_);
  }
  for (const auto& core : cores) core->close();
}

ExecutorHandle::ExecutorHandle(std::shared_ptr<ExecutorCore> core, ExecutorRegistry& registry)
    : core_(std::move(core)), registry_(registry) {
  registry_.add(core_);
}

ExecutorHandle::~ExecutorHandle() {
  core_->close();
  registry_.remove(core_);
}

}  // namespace penstock::runtime
