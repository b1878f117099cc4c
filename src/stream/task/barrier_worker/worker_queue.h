#pragma once

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "stream/task/barrier_worker/events.h"

namespace penstock::stream {

/// What waits for the worker's loop, by priority: events of actors, finished syncs, actor operations, control requests. Progress before new
/// work. Thread-safe; the loop takes, everybody puts.
class WorkerQueue {
 public:
  enum class Lane : uint8_t { Sync = 0, Operation = 1, Request = 2 };

  /// True if the loop must be scheduled: it was idle.
  [[nodiscard]] bool put_event(BarrierEvent event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    return !std::exchange(scheduled_, true);
  }
  [[nodiscard]] bool put(Lane lane, runtime::Job job) {
    const std::lock_guard lock(mutex_);
    lanes_[static_cast<size_t>(lane)].push_back(std::move(job));
    return !std::exchange(scheduled_, true);
  }

  /// All events of actors that wait (into `events`, which is empty before), or else the first job of the highest lane. Neither: the loop
  /// is idle from now on and the next `put` asks for it.
  [[nodiscard]] std::optional<runtime::Job> take(std::vector<BarrierEvent>& events) {
    const std::lock_guard lock(mutex_);
    if (!events_.empty()) {
      events.swap(events_);
      return std::nullopt;
    }
    for (auto& lane : lanes_) {
      if (lane.empty()) continue;
      std::optional<runtime::Job> job(std::move(lane.front()));
      lane.pop_front();
      return job;
    }
    scheduled_ = false;
    return std::nullopt;
  }

 private:
  std::mutex mutex_;
  std::vector<BarrierEvent> events_;
  std::array<std::deque<runtime::Job>, 3> lanes_;
  bool scheduled_ = false;
};

}  // namespace penstock::stream
