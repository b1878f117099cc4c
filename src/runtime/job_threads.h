#pragma once

#include <atomic>
#include <vector>

#include "runtime/executor_core.h"
#include "runtime/ring_queue.h"
#include "runtime/thread.h"

namespace penstock::runtime {

/// One queue served by threads of its own: with one thread a serial executor, with several the pool for blocking work.
/// A job of a one-thread queue may drop the last owner of the queue; its thread then ends in the keeper's care.
class JobThreads final : public ExecutorCore {
 public:
  /// The threads keep the object alive until it is closed.
  [[nodiscard]] static std::shared_ptr<JobThreads> start(std::string_view name, size_t threads, ThreadKeeper& keeper);

  void post(Job job) override;
  void close() override;

 private:
  JobThreads(size_t threads, ThreadKeeper& keeper) : serial_(threads == 1), keeper_(keeper), live_(threads) {}

  void serve();
  /// Moves the next jobs to `batch`; false when closed.
  bool take(RingQueue<Job>& batch);
  void wait_for_job() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool serial_;  // a serial queue is emptied in one go, otherwise each thread takes one job
  ThreadKeeper& keeper_;

  std::atomic<bool> closing_{false};  // read between jobs
  std::atomic<size_t> length_{0};     // of queue_; read while spinning

  Mutex mutex_;
  CondVar posted_;
  CondVar ended_;
  RingQueue<Job> queue_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // threads in posted_.wait
  size_t woken_ ABSL_GUARDED_BY(mutex_) = 0;    // of these, notified but not up yet
  size_t live_ ABSL_GUARDED_BY(mutex_);         // threads that may still run a job
  std::vector<std::unique_ptr<Thread>> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::runtime
