#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "runtime/runtime.h"

namespace penstock::stream {

/// What the actors of a graph on this node go by: how long rows may wait in one channel, written by the graph's `PaceController`, and how
/// long what a source gives at once may be worked off. Zero: as long as they like. Thread-safe.
class Pace {
 public:
  explicit Pace(runtime::Duration target = {}) : chunk_time_(target / kChunkTimeOf) {}
  static constexpr int kChunkTimeOf = 64;

  [[nodiscard]] runtime::Duration horizon() const { return runtime::Duration(nanos_.load(std::memory_order_relaxed)); }
  void set(runtime::Duration horizon) { nanos_.store(horizon.count(), std::memory_order_relaxed); }
  [[nodiscard]] runtime::Duration chunk_time() const { return chunk_time_; }

 private:
  const runtime::Duration chunk_time_;
  std::atomic<int64_t> nanos_{0};
};

/// Keeps the time that barriers are in flight (from injection to the last local collect) under a target, by how long rows may wait in a
/// channel. A barrier is behind what waits in the channels on its way and in front of nothing, so its time is about the sum of these waits;
/// channels that are worked off faster than the horizon never notice. What does not fit stays in the source, as lag.
///
/// What a channel has let in is worked off before the next barrier, whatever it then costs: when a job becomes ten times slower from one
/// row to the next, each wait is ten times what it was, once. So it aims at a tenth of the target while nothing happens, and the horizon is
/// never long: it only has to outlast the way of a chunk from one actor to the next. Nor is it ever shorter than that, since barriers take
/// time for other reasons.
///
/// A barrier that was injected before the horizon last changed says nothing of what came of it, unless it is worse still. Pure; one owner.
class PaceController {
 public:
  static constexpr int kAimOf = 10;
  static constexpr int kMostOf = 16;
  static constexpr int kLeastOf = 100;

  /// Zero: no target, no horizon.
  explicit PaceController(runtime::Duration target) : target_(target), horizon_(target / kMostOf) {}

  [[nodiscard]] runtime::Duration horizon() const { return horizon_; }
  void on_collected(runtime::TimePoint injected, runtime::TimePoint now) {
    if (target_ == runtime::Duration::zero() || injected < changed_) return;
    const runtime::Duration took = now - injected, aim = target_ / kAimOf;
    const runtime::Duration before = horizon_;
    if (took > aim) {
      // Half way to what would have been right: a single late barrier may have had other reasons.
      const double ratio = std::max(0.25, static_cast<double>(aim.count()) / static_cast<double>(took.count()));
      horizon_ = std::max(target_ / kLeastOf, scaled((1 + ratio) / 2));
    } else if (took < aim / 2) {
      horizon_ = std::min(target_ / kMostOf, scaled(1.25));
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
