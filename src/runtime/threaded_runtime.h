#pragma once

#include "runtime/runtime.h"

namespace penstock::runtime {

/// The runtime of real processes: operating system threads, the host's clocks and its randomness.
class ThreadedRuntime : public Runtime {
 public:
  struct Options {
    size_t pool_threads = 0;  // 0: as many as the machine has cores
    size_t blocking_threads = 4;
  };

  /// Waits for the threads of `spawn_thread`, then for the blocking job that each thread runs at this moment, then stops timers,
  /// serial executors and the pool. Jobs that did not run are destroyed. A second call does nothing. Not from a job; the owner
  /// sees to it that sessions end. The destructor calls it.
  virtual void stop() = 0;
};

[[nodiscard]] std::unique_ptr<ThreadedRuntime> make_threaded_runtime(ThreadedRuntime::Options options = {});

}  // namespace penstock::runtime
