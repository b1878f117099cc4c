#include "runtime/timer_queue.h"

#include <limits>

namespace penstock::runtime {

TimerQueue::TimerQueue() : thread_(std::make_unique<Thread>("timers", 0, [this] { run(); })) {}

TimePoint TimerQueue::now() { return {std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()).count()}; }

std::shared_ptr<Timer::Impl> TimerQueue::add(Duration delay, Executor& executor, Job job) {
  auto entry = std::make_shared<Entry>(*this, executor, std::move(job));
  const int64_t start = now().nanos;
  const int64_t wait = std::clamp<int64_t>(delay.count(), 0, std::numeric_limits<int64_t>::max() - start);
  const MutexLock lock(mutex_);
  if (stopping_) return nullptr;
  entry->key_ = {start + wait, ++added_};
  entries_.emplace(entry->key_, entry);
  if (entries_.begin()->second == entry) changed_.notify_one();
  return entry;
}

void TimerQueue::stop() {
  decltype(entries_) dropped;  // destroyed without the lock: what jobs own may cancel other timers
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(entries_);
    changed_.notify_one();
  }
  thread_.reset();
  for (auto& [key, entry] : dropped) entry->cancel();
}

void TimerQueue::run() {
  std::vector<std::shared_ptr<Entry>> posted;  // outlive the lock, see stop()
  for (;;) {
    posted.clear();
    const MutexLock lock(mutex_);
    if (stopping_) return;
    if (entries_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const int64_t time = now().nanos;
    if (const int64_t first = entries_.begin()->first.first; first > time) {
      changed_.wait_until(mutex_, std::chrono::steady_clock::time_point(Duration(first)));
      continue;
    }
    // Posted under the lock: once `cancel` has had the lock, the executor is not touched any more and may be gone.
    while (!entries_.empty() && entries_.begin()->first.first <= time) {
      posted.push_back(std::move(entries_.begin()->second));
      entries_.erase(entries_.begin());
      posted.back()->post();
    }
  }
}

void TimerQueue::remove(const Entry& entry) {
  std::shared_ptr<Entry> removed;
  const MutexLock lock(mutex_);
  const auto found = entries_.find(entry.key_);
  if (found == entries_.end()) return;
  removed = std::move(found->second);
  entries_.erase(found);
}

void TimerQueue::Entry::post() {
  executor_.post([self = shared_from_this()] {
    if (!self->claim()) return;
    Job job = std::move(self->job_);
    job();
  });
}

void TimerQueue::Entry::cancel() {
  const auto self = shared_from_this();
  queue_.remove(*this);
  if (!claim()) return;
  const Job dropped = std::move(job_);
}

}  // namespace penstock::runtime
