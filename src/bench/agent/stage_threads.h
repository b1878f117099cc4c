#pragma once

#include <memory>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"

namespace penstock::bench {

/// Threads that stay from stage to stage, so that a release need not wait for new ones. Thread-safe.
class StageThreads {
 public:
  explicit StageThreads(runtime::Runtime& runtime) : runtime_(runtime) {}
  StageThreads(const StageThreads&) = delete;
  StageThreads& operator=(const StageThreads&) = delete;
  /// Waits for the jobs that run.
  ~StageThreads();

  /// Runs `job`, which may block, at once: on a thread that has nothing to do, or on a new one.
  void run(runtime::Job job);

 private:
  runtime::Runtime& runtime_;
  Mutex mutex_;
  std::vector<std::unique_ptr<runtime::Executor>> threads_ ABSL_GUARDED_BY(mutex_);
  std::vector<runtime::Executor*> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::bench
