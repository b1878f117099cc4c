#include "runtime/thread.h"

#include <cstring>

#include "common/check.h"

namespace penstock::runtime {
namespace {

struct Start {
  std::string name;
  Job body;
};

void* run_thread(void* raw) {
  std::unique_ptr<Start> start(static_cast<Start*>(raw));
  pthread_setname_np(pthread_self(), start->name.c_str());
  start->body();
  return nullptr;
}

}  // namespace

Thread::Thread(std::string_view name, size_t stack_bytes, Job body) {
  constexpr size_t kMaxName = 15;
  auto start = std::make_unique<Start>(Start{std::string(name.substr(0, kMaxName)), std::move(body)});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack_bytes != 0) pthread_attr_setstacksize(&attributes, stack_bytes);
  Start* const passed = start.release();
  const int failed = pthread_create(&id_, &attributes, run_thread, passed);
  pthread_attr_destroy(&attributes);
  PENSTOCK_CHECK(failed == 0, "cannot start thread {}: {}", name, std::strerror(failed));
}

Thread::~Thread() { pthread_join(id_, nullptr); }

void ThreadKeeper::spawn(std::string_view name, size_t stack_bytes, Job body) {
  Threads ended;  // joined after the lock is released
  const MutexLock lock(mutex_);
  if (closed_) return;
  ended.swap(finished_);
  running_.emplace_back();
  const auto place = std::prev(running_.end());
  // The new thread needs the lock to finish, so it cannot overtake the assignment.
  *place = std::make_unique<Thread>(name, stack_bytes, [this, place, body = std::move(body)]() mutable {
    body();
    body = nullptr;
    finish(place);
  });
}

void ThreadKeeper::finish(Threads::iterator which) {
  const MutexLock lock(mutex_);
  finished_.splice(finished_.end(), running_, which);
  changed_.notify_all();
}

void ThreadKeeper::adopt(std::unique_ptr<Thread> thread) {
  const MutexLock lock(mutex_);
  finished_.push_back(std::move(thread));
}

void ThreadKeeper::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  join_all();
}

void ThreadKeeper::join_all() {
  Threads ended;
  const MutexLock lock(mutex_);
  while (!running_.empty()) changed_.wait(mutex_);
  ended.swap(finished_);
}

}  // namespace penstock::runtime
