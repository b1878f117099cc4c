#include "runtime/strand.h"

namespace penstock::runtime {

void Strand::post(Job job) {
  {
    const MutexLock lock(mutex_);
    if (closed_) return;  // the caller destroys the job, after the lock is gone
    queue_.push(std::move(job));
    if (scheduled_) return;
    scheduled_ = true;
  }
  pool_.post([self = shared_from_this()] { self->run(); });
}

void Strand::run() {
  Job job;
  for (int i = 0; i < kTurn; ++i) {
    if (!next(job)) return;
    job();
    job = nullptr;
  }
  pause();
}

bool Strand::next(Job& job) {
  const MutexLock lock(mutex_);
  running_ = !queue_.empty();
  if (!running_) {
    scheduled_ = false;
    paused_.notify_all();
    return false;
  }
  runner_ = pthread_self();
  job = queue_.pop();
  return true;
}

void Strand::pause() {
  {
    const MutexLock lock(mutex_);
    running_ = false;
    paused_.notify_all();
    scheduled_ = !queue_.empty();
    if (!scheduled_) return;
  }
  pool_.post([self = shared_from_this()] { self->run(); });
}

void Strand::close() {
  RingQueue<Job> dropped;  // destroyed without the lock: what jobs own may post
  const MutexLock lock(mutex_);
  closed_ = true;
  std::swap(dropped, queue_);
  if (running_ && pthread_equal(runner_, pthread_self()) != 0) return;
  while (running_) paused_.wait(mutex_);
}

}  // namespace penstock::runtime
