#include "runtime/job_threads.h"

#include "runtime/spin.h"

namespace penstock::runtime {

std::shared_ptr<JobThreads> JobThreads::start(std::string_view name, size_t threads, ThreadKeeper& keeper) {
  std::shared_ptr<JobThreads> self(new JobThreads(threads, keeper));
  const MutexLock lock(self->mutex_);
  for (size_t i = 0; i < threads; ++i) {
    self->threads_.push_back(std::make_unique<Thread>(name, 0, [self] { self->serve(); }));
  }
  return self;
}

void JobThreads::post(Job job) {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    if (closing_.load(std::memory_order_relaxed)) return;  // the caller destroys the job, after the lock is gone
    queue_.push(std::move(job));
    length_.store(queue_.size(), std::memory_order_relaxed);
    if (waiting_ > woken_) {
      ++woken_;
      wake = true;
    }
  }
  if (wake) posted_.notify_one();
}

void JobThreads::close() {
  RingQueue<Job> dropped;  // destroyed without the lock: what jobs own may post
  std::vector<std::unique_ptr<Thread>> threads;
  const MutexLock lock(mutex_);
  closing_.store(true, std::memory_order_relaxed);
  std::swap(dropped, queue_);
  length_.store(0, std::memory_order_relaxed);
  posted_.notify_all();
  if (serial_ && !threads_.empty() && threads_.front()->is_current()) {
    keeper_.adopt(std::move(threads_.front()));
    threads_.clear();
    live_ = 0;  // this job is the last; nobody needs to wait for it
    ended_.notify_all();
    return;
  }
  while (live_ > 0) ended_.wait(mutex_);
  threads.swap(threads_);
}

void JobThreads::serve() {
  RingQueue<Job> batch;
  while (take(batch)) {
    while (!batch.empty() && !closing_.load(std::memory_order_relaxed)) {
      Job job = batch.pop();
      job();
    }
  }
  batch = RingQueue<Job>();
  const MutexLock lock(mutex_);
  if (live_ == 0) return;  // closed by our own job
  --live_;
  if (live_ == 0) ended_.notify_all();
}

bool JobThreads::take(RingQueue<Job>& batch) {
  if (serial_) static_cast<void>(spin_for([this] { return length_.load(std::memory_order_relaxed) > 0; }));
  const MutexLock lock(mutex_);
  while (queue_.empty() && !closing_.load(std::memory_order_relaxed)) wait_for_job();
  if (closing_.load(std::memory_order_relaxed)) return false;
  if (serial_) {
    std::swap(batch, queue_);
  } else {
    batch.push(queue_.pop());
  }
  length_.store(queue_.size(), std::memory_order_relaxed);
  return true;
}

void JobThreads::wait_for_job() {
  ++waiting_;
  posted_.wait(mutex_);
  --waiting_;
  if (woken_ > 0) --woken_;
}

}  // namespace penstock::runtime
