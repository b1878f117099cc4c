#pragma once

#include <optional>

#include "meta/model/types.h"

namespace penstock::meta {

/// When the next barrier of a database is due, and of which kind. Periodic barriers come an interval after the last barrier of whatever
/// cause; every `checkpoint_frequency`-th is a Checkpoint. Early checkpoints come at most one per `early_gap`, however many ask. Pure.
class BarrierSchedule {
 public:
  struct Options {
    runtime::Duration interval = std::chrono::milliseconds(1000);
    uint32_t checkpoint_frequency = 1;
    runtime::Duration early_gap = std::chrono::milliseconds(20);
  };
  explicit BarrierSchedule(Options options) : options_(options) {}

  /// From the next barrier on.
  void change(Options options) { options_ = options; }
  /// Somebody waits for a checkpoint.
  void want_checkpoint(runtime::TimePoint now);
  /// The next barrier is a Checkpoint and due now: the first after an Initial.
  void checkpoint_at_once(runtime::TimePoint now);
  /// A barrier was injected: the interval starts again.
  void on_injected(runtime::TimePoint now, bool checkpoint);

  /// When the next barrier is due, early or periodic.
  [[nodiscard]] runtime::TimePoint due() const;
  /// Whether the barrier that is injected now must be a Checkpoint, if no command makes it one.
  [[nodiscard]] bool is_checkpoint(runtime::TimePoint now) const;
  [[nodiscard]] runtime::Duration interval() const { return options_.interval; }

 private:
  [[nodiscard]] std::optional<runtime::TimePoint> early_due() const;

  Options options_;
  runtime::TimePoint last_barrier_;
  std::optional<runtime::TimePoint> last_checkpoint_;  // injected
  uint32_t since_checkpoint_ = 0;                      // barriers
  std::optional<runtime::TimePoint> wanted_since_;     // nobody waits: none
  bool at_once_ = false;
};

/// How long recovery waits before an attempt: the first not at all, then 20 ms doubling to 5 s, with jitter of a quarter. Pure: randomness
/// is a seed.
class BackOff {
 public:
  explicit BackOff(uint64_t seed) : state_(seed) {}
  [[nodiscard]] runtime::Duration next();
  void reset() { attempts_ = 0; }
  [[nodiscard]] uint32_t attempts() const { return attempts_; }

 private:
  uint64_t state_;
  uint32_t attempts_ = 0;
};

}  // namespace penstock::meta
