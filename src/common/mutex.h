#pragma once

#include <absl/base/thread_annotations.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace penstock {

/// `std::mutex` that clang's thread-safety analysis understands: name it in `ABSL_GUARDED_BY(mutex_)`.
/// For short sections: a holder on another core is waited for awhile before the thread goes to sleep.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    if (!inner_.try_lock()) lock_slowly();
  }
  void unlock() ABSL_UNLOCK_FUNCTION() { inner_.unlock(); }

 private:
  friend class CondVar;

  void lock_slowly() {
    constexpr int kTries = 100;
    for (int i = 0; i < kTries; ++i) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
      if (inner_.try_lock()) return;
    }
    inner_.lock();
  }

  std::mutex inner_;
};

/// Holds a `Mutex` for a scope; may let go of it earlier.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(&mutex) { mutex.lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() ABSL_UNLOCK_FUNCTION() {
    if (mutex_ != nullptr) mutex_->unlock();
  }
  void release() ABSL_UNLOCK_FUNCTION() {
    mutex_->unlock();
    mutex_ = nullptr;
  }

 private:
  Mutex* mutex_;
};

/// Waits for what a `Mutex` guards to change. Wakes without cause, so call in a loop.
class CondVar {
 public:
  void wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.inner_, std::adopt_lock);
    inner_.wait(lock);
    lock.release();
  }
  /// False when `deadline` is over.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.inner_, std::adopt_lock);
    const auto status = inner_.wait_until(lock, deadline);
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void notify_one() { inner_.notify_one(); }
  void notify_all() { inner_.notify_all(); }

 private:
  std::condition_variable inner_;
};

}  // namespace penstock
