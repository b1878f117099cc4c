#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "runtime/runtime.h"

namespace penstock::stream {

/// How long rows may wait in one channel, of a graph on this node: written by its `PaceController`, read by its actors. Zero: as long as
/// they like. Thread-safe.
class Pace {
 public:
  [[nodiscard]] runtime::Duration horizon() const { return runtime::Duration(nanos_.load(std::memory_order_relaxed)); }
  void set(runtime::Duration horizon) { nanos_.store(horizon.count(), std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> nanos_{0};
};

/// Keeps the time that barriers are in flight (from injection to the last local collect) under a target, by how long rows may wait in a
/// channel. A barrier is behind what waits in the channels on its way and in front of nothing, so its time is about the sum of these waits;
/// channels that are worked off faster than the horizon never notice. What does not fit stays in the source, as lag.
///
/// A barrier that was injected before the horizon last changed says nothing of what came of it, unless it is worse still. Pure; one owner.
class PaceController {
 public:
  /// Zero: no target, no horizon.
  explicit PaceController(runtime::Duration target) : target_(target), horizon_(target / 4) {}

  [[nodiscard]] runtime::Duration horizon() const { return horizon_; }
  void on_collected(runtime::TimePoint injected, runtime::TimePoint now) {
    if (target_ == runtime::Duration::zero() || injected < changed_) return;
    const runtime::Duration took = now - injected;
    const runtime::Duration before = horizon_;
    if (took > target_) {
      // Half way to what would have been right: a single late barrier may have had other reasons.
      const double ratio = std::max(0.25, static_cast<double>(target_.count()) / static_cast<double>(took.count()));
      horizon_ = std::max(target_ / 100, scaled((1 + ratio) / 2));
    } else if (took < target_ / 2) {
      horizon_ = std::min(target_ / 4, scaled(1.25));
    }
    if (horizon_ != before) changed_ = now;
  }

 private:
  [[nodiscard]] runtime::Duration scaled(double by) const {
    return runtime::Duration(static_cast<int64_t>(static_cast<double>(horizon_.count()) * by));
  }

  const runtime::Duration target_;
  runtime::Duration horizon_;
  runtime::TimePoint changed_{INT64_MIN};
};

}  // namespace penstock::stream
