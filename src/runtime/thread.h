#pragma once

#include <pthread.h>

#include <list>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "runtime/executor.h"

namespace penstock::runtime {

/// An operating system thread that is joined when destroyed. Running out of threads ends the process.
class Thread {
 public:
  /// At most 15 characters of `name` are kept. `stack_bytes` 0: the system's default.
  Thread(std::string_view name, size_t stack_bytes, Job body);
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread();

  [[nodiscard]] bool is_current() const { return pthread_equal(pthread_self(), id_) != 0; }

 private:
  pthread_t id_{};
};

/// Threads that nobody else joins: those of sessions, and those whose owner ended on its own thread. Thread-safe.
class ThreadKeeper {
 public:
  ~ThreadKeeper() { close(); }

  void spawn(std::string_view name, size_t stack_bytes, Job body);
  /// Takes over a thread that is about to end.
  void adopt(std::unique_ptr<Thread> thread);
  /// Waits for all. Not from one of them.
  void join_all();
  /// The same, and from now on `spawn` destroys its job.
  void close();

 private:
  using Threads = std::list<std::unique_ptr<Thread>>;
  void finish(Threads::iterator which);

  Mutex mutex_;
  CondVar changed_;
  Threads running_ ABSL_GUARDED_BY(mutex_);
  Threads finished_ ABSL_GUARDED_BY(mutex_);  // about to return; joined by the next spawn
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::runtime
