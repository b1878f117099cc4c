#include "runtime/threaded_runtime.h"

#include <sys/random.h>

#include <thread>

#include "common/check.h"
#include "runtime/job_threads.h"
#include "runtime/random.h"
#include "runtime/strand.h"
#include "runtime/thread_pool.h"
#include "runtime/timer_queue.h"

namespace penstock::runtime {
namespace {

constexpr size_t kSessionStack = size_t{64} << 20U;

void fill_with_entropy(void* out, size_t size) {
  auto* at = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    PENSTOCK_CHECK(got > 0, "getrandom failed with errno {}", errno);
    at += got;
    size -= static_cast<size_t>(got);
  }
}

uint64_t entropy() {
  uint64_t value = 0;
  fill_with_entropy(&value, sizeof value);
  return value;
}

class ThreadWaiter final : public Waiter {
 public:
  void notify() override {
    const MutexLock lock(mutex_);
    notified_ = true;
    changed_.notify_one();
  }

  bool wait_for(Duration timeout) override {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const auto end = timeout > Clock::time_point::max() - start ? Clock::time_point::max() : start + timeout;
    const MutexLock lock(mutex_);
    while (!notified_) {
      if (!changed_.wait_until(mutex_, end) && !notified_) return false;
    }
    notified_ = false;
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

class ThreadedRuntimeImpl final : public ThreadedRuntime {
 public:
  explicit ThreadedRuntimeImpl(Options options)
      : pool_(options.pool_threads != 0 ? options.pool_threads : std::max(1U, std::thread::hardware_concurrency())),
        blocking_core_(JobThreads::start("blocking", std::max<size_t>(options.blocking_threads, 1), keeper_)),
        blocking_(blocking_core_, blocking_registry_) {}

  ~ThreadedRuntimeImpl() override { stop(); }

  void stop() override {
    // Sessions and blocking jobs may wait for timers and executors, so those end later.
    keeper_.join_all();
    blocking_core_->close();
    timers_.stop();
    serials_.close_all();
    pool_.stop();
    keeper_.close();
  }

  TimePoint now() const override { return TimerQueue::now(); }

  int64_t unix_micros() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }

  uint64_t random() override {
    thread_local SplitMix generator(entropy());
    return generator.next();
  }

  void random_bytes(void* out, size_t size) override { fill_with_entropy(out, size); }

  Executor& pool() override { return pool_; }
  Executor& blocking() override { return blocking_; }

  std::unique_ptr<Executor> make_serial(std::string_view name, bool own_thread) override {
    std::shared_ptr<ExecutorCore> core;
    if (own_thread) {
      core = JobThreads::start(name, 1, keeper_);
    } else {
      core = std::make_shared<Strand>(pool_);
    }
    return std::make_unique<ExecutorHandle>(std::move(core), serials_);
  }

  Timer after(Duration delay, Executor& executor, Job job) override { return Timer(timers_.add(delay, executor, std::move(job))); }
  void post_after(Duration delay, Executor& executor, Job job) override { static_cast<void>(timers_.add(delay, executor, std::move(job))); }

  std::shared_ptr<Waiter> make_waiter() override { return std::make_shared<ThreadWaiter>(); }

  void spawn_thread(std::string_view name, Job job) override { keeper_.spawn(name, kSessionStack, std::move(job)); }

 private:
  ThreadKeeper keeper_;
  TimerQueue timers_;
  ThreadPool pool_;
  ExecutorRegistry serials_;
  ExecutorRegistry blocking_registry_;
  std::shared_ptr<JobThreads> blocking_core_;  // shared with its threads
  ExecutorHandle blocking_;
};

}  // namespace

std::unique_ptr<ThreadedRuntime> make_threaded_runtime(ThreadedRuntime::Options options) {
  return std::make_unique<ThreadedRuntimeImpl>(options);
}

}  // namespace penstock::runtime
