#pragma once

#include <absl/container/btree_map.h>
#include <absl/functional/function_ref.h>

#include <string_view>
#include <vector>

#include "runtime/random.h"
#include "runtime/ring_queue.h"
#include "runtime/runtime.h"

namespace penstock::runtime {

/// A whole cluster's time, threads and randomness in one thread, decided by one seed: equal seeds give equal runs.
///
/// Nothing runs until one of the `run_…` functions, `step`, or a waiter's `wait_for` is called. Each step runs one job, chosen by
/// the seed: any of the pool's jobs, or the oldest of any serial executor. Jobs of `blocking()` become ready after a random delay.
/// The clock is virtual: every job takes `Options::job_time`, and when nothing is ready it jumps to the next timer. Timers that are
/// due compete with ready jobs, in order of their due times among themselves.
///
/// One thread only: whoever constructed it. Destroying an executor from one of its own jobs is fine.
/// Threads of `spawn_thread` are real ones, but only one of all runs at a time: each waits for its turn, which the scheduler gives it as a
/// job of the pool, and gives the turn back when it waits with a waiter. `stop` first lets them end: their waits return at once, with the
/// clock where their time would be over.
class SimRuntime final : public Runtime {
 public:
  struct Options {
    uint64_t seed = 1;
    Duration job_time = std::chrono::microseconds(1);
    Duration blocking_min = std::chrono::microseconds(20);
    Duration blocking_max = std::chrono::milliseconds(2);
    int64_t start_unix_micros = 1'735'689'600'000'000;  // 2025-01-01
  };

  explicit SimRuntime(Options options);
  explicit SimRuntime(uint64_t seed = 1) : SimRuntime(Options{.seed = seed}) {}
  SimRuntime(const SimRuntime&) = delete;
  SimRuntime& operator=(const SimRuntime&) = delete;
  ~SimRuntime() override { stop(); }

  /// Runs one job or lets one due timer fire, moving the clock if nothing is ready. False when nothing is left at all.
  bool step();
  /// Runs until no job is ready and no blocking job or `post_after` is under way. Timers that come due on the way fire; the clock
  /// does not move for timers alone, so periodic ones do not keep this from ending.
  void run_until_idle();
  /// Runs everything up to `now() + time`, then the clock stands there (or one `job_time` later, if the last job took it there).
  void run_for(Duration time);
  /// Runs until `done()`, which is asked before each step; false when `limit` of virtual time is over first, or nothing is left.
  [[nodiscard]] bool run_until(absl::FunctionRef<bool()> done, Duration limit);

  /// Destroys every job; later ones are destroyed when posted.
  void stop();

  /// Adds a logical event to the trace, beside those of the scheduler (which executor ran a job, when).
  void trace(std::string_view event);
  /// Equal for equal runs, and with near certainty different for runs that differ.
  [[nodiscard]] uint64_t trace_hash() const { return trace_; }
  /// Jobs run so far.
  [[nodiscard]] uint64_t steps() const { return steps_; }

  TimePoint now() const override { return now_; }
  int64_t unix_micros() const override { return options_.start_unix_micros + now_.nanos / 1000; }
  uint64_t random() override { return values_.next(); }
  void random_bytes(void* out, size_t size) override;
  Executor& pool() override { return pool_; }
  Executor& blocking() override { return blocking_; }
  std::unique_ptr<Executor> make_serial(std::string_view name, bool own_thread) override;
  Timer after(Duration delay, Executor& executor, Job job) override;
  void post_after(Duration delay, Executor& executor, Job job) override;
  std::shared_ptr<Waiter> make_waiter() override;
  void spawn_thread(std::string_view name, Job job) override;

 private:
  class TimerEntry;
  class SimWaiter;
  class SimThread;
  class SerialHandle;

  struct Serial {
    uint64_t id = 0;
    RingQueue<Job> jobs;
    bool running = false;  // a job that waits runs the simulation within itself
    bool ready = false;    // in ready_serials_
    bool closed = false;
  };
  using SerialRef = std::shared_ptr<Serial>;  // shared by the handle and the step that runs a job, which may drop the handle

  class PoolExecutor final : public Executor {
   public:
    explicit PoolExecutor(SimRuntime& sim) : sim_(sim) {}
    void post(Job job) override;

   private:
    SimRuntime& sim_;
  };
  class BlockingExecutor final : public Executor {
   public:
    explicit BlockingExecutor(SimRuntime& sim) : sim_(sim) {}
    void post(Job job) override;

   private:
    SimRuntime& sim_;
  };

  /// Due time, then order of creation.
  using TimerKey = std::pair<int64_t, uint64_t>;
  struct Due {
    Executor* executor;
    Job job;                            // of post_after
    std::shared_ptr<TimerEntry> entry;  // of after, whose job it holds
  };

  [[nodiscard]] bool ready() const { return !pool_jobs_.empty() || !ready_serials_.empty(); }
  [[nodiscard]] bool timer_due() const { return !timers_.empty() && timers_.begin()->first.first <= now_.nanos; }
  /// Runs a ready job or fires a due timer; false if there is neither.
  bool step_now();
  void advance_to(int64_t nanos) { now_.nanos = std::max(now_.nanos, nanos); }
  void fire_first_timer();
  void run_pool_job(size_t index);
  void run_serial(size_t index);
  void make_ready(const SerialRef& serial);
  void run_job(Job& job, uint64_t executor);
  TimerKey add_timer(Duration delay, Due due);
  void end_threads();
  void mix(uint64_t value) { trace_ = SplitMix::mix(trace_ ^ value); }

  const Options options_;
  SplitMix choices_;  // of the scheduler
  SplitMix values_;   // of random()
  PoolExecutor pool_;
  BlockingExecutor blocking_;
  TimePoint now_;
  std::vector<Job> pool_jobs_;
  std::vector<SerialRef> ready_serials_;
  absl::btree_map<TimerKey, Due> timers_;
  absl::btree_map<uint64_t, Serial*> serials_;  // all that have a handle, by id
  uint64_t made_ = 0;                           // timers and serial executors so far
  size_t under_way_ = 0;                        // timers_ without entry
  uint64_t steps_ = 0;
  uint64_t trace_ = 0;
  bool stopped_ = false;
  std::vector<std::shared_ptr<SimThread>> threads_;  // that have not ended; shared with the jobs and waiters that give them their turn
  SimThread* current_ = nullptr;                     // whose turn it is; null: the scheduler's own thread
};

}  // namespace penstock::runtime
