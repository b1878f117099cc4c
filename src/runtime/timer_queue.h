#pragma once

#include <absl/container/btree_map.h>

#include <atomic>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "runtime/thread.h"

namespace penstock::runtime {

/// The timers of the threaded runtime, on a thread of their own, which only posts.
class TimerQueue {
 public:
  TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue() { stop(); }

  [[nodiscard]] static TimePoint now();
  [[nodiscard]] std::shared_ptr<Timer::Impl> add(Duration delay, Executor& executor, Job job);
  /// Joins the thread and destroys the jobs that were not posted; later ones are destroyed by `add`.
  void stop();

 private:
  /// Due time, then order of creation.
  using Key = std::pair<int64_t, uint64_t>;

  /// The job belongs to whoever moves `state` away from Armed.
  class Entry final : public Timer::Impl, public std::enable_shared_from_this<Entry> {
   public:
    Entry(TimerQueue& queue, Executor& executor, Job job) : queue_(queue), executor_(executor), job_(std::move(job)) {}
    void cancel() override;
    void post();

   private:
    friend class TimerQueue;
    [[nodiscard]] bool claim() { return armed_.exchange(false, std::memory_order_acq_rel); }

    TimerQueue& queue_;
    Executor& executor_;
    Job job_;
    std::atomic<bool> armed_{true};
    Key key_{};
  };

  void run();
  void remove(const Entry& entry);

  Mutex mutex_;
  CondVar changed_;
  absl::btree_map<Key, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t added_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace penstock::runtime
