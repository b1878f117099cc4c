#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "common/mutex.h"
#include "runtime/executor.h"
#include "runtime/ring_queue.h"
#include "runtime/thread.h"

namespace penstock::runtime {

/// The threads of the actors. Each has a queue of its own, to which its jobs post; posts from elsewhere go to a common queue, from
/// which threads take batches; a thread without work steals half of another's queue. So a job that wakes its neighbour costs a
/// push to a queue nobody else touches.
///
/// A thread without work looks for some for a while, then sleeps until it is woken, and costs nothing. A post wakes a thread only
/// if one sleeps and none is looking already; a thread that stops looking because it found work wakes the next one if there is more.
///
/// Every job runs in the end: a thread takes from the common queue at least every `kTurn` jobs.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(size_t threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() override { stop(); }

  void post(Job job) override;
  /// Joins the threads and destroys the jobs that did not run. Not from one of its jobs.
  void stop();

 private:
  static constexpr size_t kTurn = 32;
  static constexpr size_t kMaxBatch = 256;

  /// A queue whose length can be read without its lock.
  class alignas(64) Queue {
   public:
    [[nodiscard]] bool maybe_any() const { return length_.load(std::memory_order_seq_cst) != 0; }
    /// False, and the job untouched, once closed.
    bool push(Job& job);
    [[nodiscard]] bool pop(Job& job);
    /// Moves `1/share` of the jobs, at least one if there are any and at most `kMaxBatch`, to the end of `to`.
    void take(size_t share, std::vector<Job>& to);
    void append(std::span<Job> jobs);
    [[nodiscard]] RingQueue<Job> close();

   private:
    std::atomic<size_t> length_{0};
    Mutex mutex_;
    RingQueue<Job> jobs_ ABSL_GUARDED_BY(mutex_);
    bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  };

  struct Worker {
    ThreadPool* pool = nullptr;
    size_t index = 0;
    Queue queue;
    size_t turn = 0;         // jobs run so far
    std::vector<Job> batch;  // on its way from another queue to ours; kept for its memory
    CondVar wake;
    bool parked = false;   // guarded by park_mutex_
    bool looking = false;  // counted in looking_; owned by the thread, and by its waker while it is parked
    std::unique_ptr<Thread> thread;
  };

  void work(Worker& self);
  [[nodiscard]] bool take_at_hand(Worker& self, Job& job);
  [[nodiscard]] bool take_common(Worker& self, Job& job);
  [[nodiscard]] bool steal(Worker& self, Job& job);
  /// The first of the batch is the result, the rest goes to the own queue.
  [[nodiscard]] bool keep_batch(Worker& self, Job& job);
  [[nodiscard]] bool look_for_job(Worker& self, Job& job);
  [[nodiscard]] bool any_job() const;
  void park(Worker& self);
  void unpark(Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(park_mutex_);
  void wake_if_needed();

  static thread_local Worker* current_;

  Queue common_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> stopping_{false};
  // Posts and threads about to sleep must not miss each other: a post first publishes the length of a queue and then reads these two;
  // a thread first changes these two and then reads the lengths. All in one total order.
  alignas(64) std::atomic<size_t> looking_{0};
  std::atomic<size_t> parked_{0};
  Mutex park_mutex_;
};

}  // namespace penstock::runtime
