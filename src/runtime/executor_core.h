#pragma once

#include <absl/container/flat_hash_set.h>

#include "common/mutex.h"
#include "runtime/executor.h"

namespace penstock::runtime {

/// What stands behind a serial executor of the threaded runtime. Thread-safe.
/// Shared by its handle, by the registry that closes it when the runtime stops, and by the thread that runs a job of it: that
/// job may drop the handle.
class ExecutorCore {
 public:
  virtual ~ExecutorCore() = default;
  virtual void post(Job job) = 0;
  /// Destroys what is queued and makes `post` destroy its job. Returns when no job runs, unless called from such a job.
  virtual void close() = 0;
};

/// The open cores of a runtime. Thread-safe.
class ExecutorRegistry {
 public:
  void add(std::shared_ptr<ExecutorCore> core);
  void remove(const std::shared_ptr<ExecutorCore>& core);
  /// Closes every core, and from now on those that are added.
  void close_all();

 private:
  Mutex mutex_;
  absl::flat_hash_set<std::shared_ptr<ExecutorCore>> cores_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

/// The executor that a user owns.
class ExecutorHandle final : public Executor {
 public:
  ExecutorHandle(std::shared_ptr<ExecutorCore> core, ExecutorRegistry& registry);
  ExecutorHandle(const ExecutorHandle&) = delete;
  ExecutorHandle& operator=(const ExecutorHandle&) = delete;
  ~ExecutorHandle() override;
  void post(Job job) override { core_->post(std::move(job)); }

 private:
  std::shared_ptr<ExecutorCore> core_;
  ExecutorRegistry& registry_;
};

}  // namespace penstock::runtime
