#include "bench/agent/stage_threads.h"

namespace penstock::bench {

StageThreads::~StageThreads() {
  std::vector<std::unique_ptr<runtime::Executor>> threads;
  {
    const MutexLock lock(mutex_);
    threads.swap(threads_);
  }
  threads.clear();  // without the lock: a job that ends wants it
}

void StageThreads::run(runtime::Job job) {
  runtime::Executor* thread = nullptr;
  {
    const MutexLock lock(mutex_);
    if (idle_.empty()) {
      threads_.push_back(runtime_.make_serial("bench-stage", true));
      idle_.push_back(threads_.back().get());
    }
    thread = idle_.back();
    idle_.pop_back();
  }
  thread->post([this, thread, job = std::move(job)]() mutable {
    job();
    job = nullptr;
    const MutexLock lock(mutex_);
    idle_.push_back(thread);
  });
}

}  // namespace penstock::bench
