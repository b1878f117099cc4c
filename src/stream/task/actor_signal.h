#pragma once

#include <atomic>
#include <memory>

#include "runtime/executor.h"
#include "stream/exchange/signal.h"

namespace penstock::stream {

/// Something that runs when it is woken, on a pool, never on two threads at once.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  /// Called by the pool after a wake, kept meanwhile. Ends with `rest`, `yield`, or never again.
  virtual void run() = 0;
};

/// One word that says whether an actor is idle, queued or running, and why it was woken since it last looked. Waking is one atomic
/// operation; only the wake that finds it idle posts a job, so however many channels call, one job is queued.
///
///     0 = idle        reasons = queued        running + reasons = running, to be looked at again
///
/// `wake` may come from any thread and after the actor is gone. The rest is for the actor itself, while it runs.
///
/// Shared by everything that may wake the actor: channels, timers, subscription, operators.
class ActorSignal final : public Signal, public std::enable_shared_from_this<ActorSignal> {
 public:
  /// Begins as if running: wakes are noted, and nothing runs before the first `rest` or `yield`.
  explicit ActorSignal(runtime::Executor& pool) : pool_(pool) {}
  /// Before the first `rest` or `yield`.
  void set_target(std::weak_ptr<Wakeable> target) { target_ = std::move(target); }

  void wake(Wake why) override {
    if (word_.fetch_or(static_cast<uint32_t>(why)) == 0) post();
  }

  /// Why it was woken, since the last call.
  [[nodiscard]] uint32_t take() {
    if (word_.load(std::memory_order_relaxed) == kRunning) return 0;
    return word_.exchange(kRunning) & ~(kRunning | kYielded);
  }
  /// Idle until the next wake. False if there was one meanwhile: then it is still running.
  [[nodiscard]] bool rest() {
    uint32_t running = kRunning;
    return word_.compare_exchange_strong(running, 0);
  }
  /// Lets others run, then runs again.
  void yield() {
    word_.fetch_or(kYielded);
    word_.fetch_and(~kRunning);
    post();
  }

 private:
  static constexpr uint32_t kRunning = 1U << 31;
  static constexpr uint32_t kYielded = 1U << 30;

  void post() {
    pool_.post([self = shared_from_this()] {
      if (const std::shared_ptr<Wakeable> target = self->target_.lock()) target->run();
    });
  }

  runtime::Executor& pool_;
  std::weak_ptr<Wakeable> target_;  // the actor, while its manager keeps it
  std::atomic<uint32_t> word_{kRunning};
};

}  // namespace penstock::stream
