#include "runtime/thread_pool.h"

#include "runtime/spin.h"

namespace penstock::runtime {

thread_local ThreadPool::Worker* ThreadPool::current_ = nullptr;

bool ThreadPool::Queue::push(Job& job) {
  const MutexLock lock(mutex_);
  if (closed_) return false;
  jobs_.push(std::move(job));
  length_.store(jobs_.size(), std::memory_order_seq_cst);
  return true;
}

bool ThreadPool::Queue::pop(Job& job) {
  if (length_.load(std::memory_order_relaxed) == 0) return false;
  const MutexLock lock(mutex_);
  if (jobs_.empty()) return false;
  job = jobs_.pop();
  length_.store(jobs_.size(), std::memory_order_relaxed);
  return true;
}

void ThreadPool::Queue::take(size_t share, std::vector<Job>& to) {
  if (length_.load(std::memory_order_relaxed) == 0) return;
  const MutexLock lock(mutex_);
  if (jobs_.empty()) return;
  const size_t count = std::min(jobs_.size() / share + 1, std::min(jobs_.size(), kMaxBatch));
  for (size_t i = 0; i < count; ++i) to.push_back(jobs_.pop());
  length_.store(jobs_.size(), std::memory_order_relaxed);
}

void ThreadPool::Queue::append(std::span<Job> jobs) {
  const MutexLock lock(mutex_);
  for (Job& job : jobs) jobs_.push(std::move(job));
  length_.store(jobs_.size(), std::memory_order_seq_cst);
}

RingQueue<Job> ThreadPool::Queue::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  length_.store(0, std::memory_order_relaxed);
  return std::move(jobs_);
}

ThreadPool::ThreadPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->pool = this;
    workers_.back()->index = i;
  }
  for (auto& worker : workers_) {
    worker->thread = std::make_unique<Thread>(fmt::format("pool-{}", worker->index), 0, [this, self = worker.get()] { work(*self); });
  }
}

void ThreadPool::post(Job job) {
  const bool ours = current_ != nullptr && current_->pool == this;
  Queue& queue = ours ? current_->queue : common_;
  if (queue.push(job)) wake_if_needed();
}

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_seq_cst);
  {
    const MutexLock lock(park_mutex_);
    for (auto& worker : workers_) {
      if (worker->parked) unpark(*worker);
    }
  }
  for (auto& worker : workers_) worker->thread.reset();
  // Destroying a job may post; a queue that is closed already destroys that job at once.
  for (auto& worker : workers_) static_cast<void>(worker->queue.close());
  static_cast<void>(common_.close());
}

void ThreadPool::work(Worker& self) {
  current_ = &self;
  Job job;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if ((!self.looking && take_at_hand(self, job)) || look_for_job(self, job)) {
      job();
      job = nullptr;
    } else {
      park(self);
    }
  }
}

bool ThreadPool::take_at_hand(Worker& self, Job& job) {
  if (++self.turn % kTurn == 0 && take_common(self, job)) return true;
  return self.queue.pop(job) || take_common(self, job);
}

bool ThreadPool::take_common(Worker& self, Job& job) {
  common_.take(workers_.size(), self.batch);
  return keep_batch(self, job);
}

bool ThreadPool::steal(Worker& self, Job& job) {
  for (size_t i = 1; i < workers_.size(); ++i) {
    workers_[(self.index + i) % workers_.size()]->queue.take(2, self.batch);
    if (keep_batch(self, job)) return true;
  }
  return false;
}

bool ThreadPool::keep_batch(Worker& self, Job& job) {
  if (self.batch.empty()) return false;
  job = std::move(self.batch.front());
  if (self.batch.size() > 1) {
    self.queue.append(std::span(self.batch).subspan(1));
    wake_if_needed();
  }
  self.batch.clear();
  return true;
}

bool ThreadPool::look_for_job(Worker& self, Job& job) {
  if (!self.looking) looking_.fetch_add(1, std::memory_order_seq_cst);
  const auto found = [&] { return take_common(self, job) || steal(self, job) || stopping_.load(std::memory_order_relaxed); };
  static_cast<void>(spin_for(found));
  self.looking = false;
  const bool last = looking_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  if (!job) return false;
  if (last && any_job()) wake_if_needed();
  return true;
}

bool ThreadPool::any_job() const {
  return common_.maybe_any() || std::ranges::any_of(workers_, [](const auto& worker) { return worker->queue.maybe_any(); });
}

void ThreadPool::park(Worker& self) {
  const MutexLock lock(park_mutex_);
  parked_.fetch_add(1, std::memory_order_seq_cst);
  // Whoever posted before it could see us parked did not wake us.
  if (any_job() || stopping_.load(std::memory_order_seq_cst)) {
    parked_.fetch_sub(1, std::memory_order_seq_cst);
    return;
  }
  self.parked = true;
  while (self.parked) self.wake.wait(park_mutex_);
}

// Done on behalf of the thread, so that the posts of a burst see at once that somebody is on the way.
void ThreadPool::unpark(Worker& worker) {
  worker.parked = false;
  parked_.fetch_sub(1, std::memory_order_seq_cst);
  worker.looking = true;
  looking_.fetch_add(1, std::memory_order_seq_cst);
  worker.wake.notify_one();
}

void ThreadPool::wake_if_needed() {
  if (looking_.load(std::memory_order_seq_cst) != 0 || parked_.load(std::memory_order_seq_cst) == 0) return;
  const MutexLock lock(park_mutex_);
  if (looking_.load(std::memory_order_seq_cst) != 0) return;
  const auto sleeper = std::ranges::find_if(workers_, [](const auto& worker) { return worker->parked; });
  if (sleeper != workers_.end()) unpark(**sleeper);
}

}  // namespace penstock::runtime
