#pragma once

#include <pthread.h>

#include "runtime/executor_core.h"
#include "runtime/ring_queue.h"

namespace penstock::runtime {

/// A serial executor that borrows the threads of a pool: while it has jobs, one job of the pool runs them.
class Strand final : public ExecutorCore, public std::enable_shared_from_this<Strand> {
 public:
  /// `pool` outlives every use of the strand.
  explicit Strand(Executor& pool) : pool_(pool) {}

  void post(Job job) override;
  void close() override;

 private:
  /// Runs some jobs, then goes to the end of the pool's queue so that others have their turn.
  void run();
  [[nodiscard]] bool next(Job& job);
  void pause();

  static constexpr int kTurn = 32;

  Executor& pool_;

  Mutex mutex_;
  CondVar paused_;
  RingQueue<Job> queue_ ABSL_GUARDED_BY(mutex_);
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;  // a job of the pool will run, or runs, ours
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  pthread_t runner_ ABSL_GUARDED_BY(mutex_) = {};  // while running_
};

}  // namespace penstock::runtime
