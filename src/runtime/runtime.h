#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/executor.h"

namespace penstock::runtime {

using Duration = std::chrono::nanoseconds;
/// Monotonic; only differences mean anything.
struct TimePoint {
  int64_t nanos = 0;
  constexpr auto operator<=>(const TimePoint&) const = default;
  constexpr TimePoint operator+(Duration d) const { return {nanos + d.count()}; }
  constexpr Duration operator-(TimePoint other) const { return Duration{nanos - other.nanos}; }
};

/// Cancels its timer when destroyed. Cancelling from the timer's own executor is exact: the job will not run afterwards.
/// (From elsewhere the job may be running at this moment.)
class [[nodiscard]] Timer {
 public:
  class Impl {
   public:
    virtual ~Impl() = default;
    virtual void cancel() = 0;
  };
  Timer() = default;
  explicit Timer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Timer(Timer&&) noexcept = default;
  Timer& operator=(Timer&& other) noexcept {
    cancel();
    impl_ = std::move(other.impl_);
    return *this;
  }
  ~Timer() { cancel(); }
  void cancel() {
    if (impl_) impl_->cancel();
    impl_.reset();
  }

 private:
  std::shared_ptr<Impl> impl_;  // shared with the runtime's timer queue
};

/// A place where a thread that is no executor's (a SQL session, a test) waits for executors to do something.
/// In the simulated runtime waiting runs the simulation.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Wakes the waiting thread, now or at its next wait. Thread-safe.
  virtual void notify() = 0;
  /// Returns true after `notify`, false when `timeout` is over.
  [[nodiscard]] virtual bool wait_for(Duration timeout) = 0;
};

/// All time, randomness and threads come from here. Two of it: `ThreadedRuntime`, `SimRuntime`.
/// Thread-safe. Outlives everything that was made from it.
class Runtime {
 public:
  virtual ~Runtime() = default;

  [[nodiscard]] virtual TimePoint now() const = 0;
  /// Microseconds since 1970-01-01 UTC, as the host's clock says; may step back.
  [[nodiscard]] virtual int64_t unix_micros() const = 0;
  /// Uniform over all 64-bit values; not for secrets.
  [[nodiscard]] virtual uint64_t random() = 0;
  /// For salts, nonces and keys. In simulation seeded, so that runs replay.
  virtual void random_bytes(void* out, size_t size) = 0;

  /// Threads of the actors, one a core unless configured. Jobs must be short and never block.
  [[nodiscard]] virtual Executor& pool() = 0;
  /// A small pool for work that blocks: fsync, uploads, reads of state, parsing.
  [[nodiscard]] virtual Executor& blocking() = 0;
  /// A serial executor. `own_thread`: with a thread of its own, named `name` (at most 15 characters are kept); otherwise it
  /// borrows the threads of `pool()`.
  [[nodiscard]] virtual std::unique_ptr<Executor> make_serial(std::string_view name, bool own_thread) = 0;
  /// Posts `job` to `executor` once `delay` is over. `executor` must outlive the timer.
  [[nodiscard]] virtual Timer after(Duration delay, Executor& executor, Job job) = 0;
  /// The same without a way back, for work that is under way (a message on the wire) rather than a reminder. `executor` must
  /// outlive the delay. In simulation such work is waited for by `run_until_idle`, timers are not.
  virtual void post_after(Duration delay, Executor& executor, Job job) = 0;
  [[nodiscard]] virtual std::shared_ptr<Waiter> make_waiter() = 0;
  /// Runs `job`, which may block for long, on a thread of its own with a stack of 64 MB (a SQL session). Stopping the
  /// runtime waits for it. Not offered in simulation, where
  /// the test itself drives sessions.
  virtual void spawn_thread(std::string_view name, Job job) = 0;
};

}  // namespace penstock::runtime
