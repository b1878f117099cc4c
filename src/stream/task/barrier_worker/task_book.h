#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"

namespace penstock::stream {

/// What the worker has begun off its loop and is not done with: part of the await tree. Thread-safe; entries may outlive it.
class TaskBook {
 public:
  struct Task {
    std::string what;
    runtime::TimePoint since;
  };

 private:
  struct State {
    mutable Mutex mutex;
    uint64_t begun ABSL_GUARDED_BY(mutex) = 0;
    std::map<uint64_t, Task> tasks ABSL_GUARDED_BY(mutex);
  };

 public:
  explicit TaskBook(const runtime::Runtime& runtime) : runtime_(runtime), state_(std::make_shared<State>()) {}
  TaskBook(const TaskBook&) = delete;
  TaskBook& operator=(const TaskBook&) = delete;

  /// The task is under way while this lives.
  class [[nodiscard]] Entry {
   public:
    Entry(Entry&&) noexcept = default;
    Entry& operator=(Entry&&) = delete;
    ~Entry() {
      if (!state_) return;
      const MutexLock lock(state_->mutex);
      state_->tasks.erase(number_);
    }

   private:
    friend class TaskBook;
    Entry(std::shared_ptr<State> state, uint64_t number) : state_(std::move(state)), number_(number) {}
    std::shared_ptr<State> state_;  // shared with the book
    uint64_t number_;
  };
  Entry begin(std::string what) {
    const runtime::TimePoint now = runtime_.now();
    const MutexLock lock(state_->mutex);
    state_->tasks.emplace(++state_->begun, Task{std::move(what), now});
    return {state_, state_->begun};
  }

  /// Oldest first.
  [[nodiscard]] std::vector<Task> tasks() const {
    const MutexLock lock(state_->mutex);
    std::vector<Task> out;
    out.reserve(state_->tasks.size());
    for (const auto& [number, task] : state_->tasks) out.push_back(task);
    return out;
  }

 private:
  const runtime::Runtime& runtime_;
  const std::shared_ptr<State> state_;  // shared with the entries: work that never ran may be forgotten after the worker is gone
};

}  // namespace penstock::stream
