#pragma once

#include <array>
#include <atomic>
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

  /// What the loop is to look at before anything else.
  struct Events {
    std::vector<BarrierEvent> others;
    std::vector<BarrierCollected> collects;  // each after what its actor posted before it, of `others`
    [[nodiscard]] bool empty() const { return others.empty() && collects.empty(); }
    void clear() {
      others.clear();
      collects.clear();
    }
  };

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
  /// Waits until the loop takes something, or is asked to.
  void put_collect(const BarrierCollected& event) {
    Shard& shard = shards_[shard_of_thread()];
    const std::lock_guard lock(shard.mutex);
    shard.collects.push_back(event);
  }
  /// As `put`, of nothing.
  [[nodiscard]] bool ask() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(scheduled_, true);
  }

  /// All events of actors that wait (into `events`, which is empty before), or else the first job of the highest lane. Neither: the loop
  /// is idle from now on and the next `put` or `ask` asks for it.
  [[nodiscard]] std::optional<runtime::Job> take(Events& events) {
    const std::lock_guard lock(mutex_);
    // First: whatever an actor posted before one of these is in `events_` by now.
    for (Shard& shard : shards_) shard.move_to(events.collects);
    events.others.swap(events_);
    if (!events.empty()) return std::nullopt;
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
  /// Threads that collect at the same moment seldom meet here.
  struct alignas(64) Shard {
    std::mutex mutex;
    std::vector<BarrierCollected> collects;

    void move_to(std::vector<BarrierCollected>& to) {
      const std::lock_guard lock(mutex);
      to.insert(to.end(), collects.begin(), collects.end());
      collects.clear();
      if (collects.capacity() > kKeep) collects.shrink_to_fit();
    }
  };
  static constexpr size_t kShards = 8;
  static constexpr size_t kKeep = size_t{1} << 12U;

  static size_t shard_of_thread() {
    static std::atomic<size_t> threads{0};
    static thread_local const size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
    return mine;
  }

  std::mutex mutex_;
  std::vector<BarrierEvent> events_;
  std::array<std::deque<runtime::Job>, 3> lanes_;
  bool scheduled_ = false;
  std::array<Shard, kShards> shards_;
};

}  // namespace penstock::stream
