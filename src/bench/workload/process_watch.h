#pragma once

#include <sys/types.h>

#include "common/error.h"
#include "common/mutex.h"

namespace penstock::bench {

/// Ends what was started here should this process die without doing so (SIGKILL): a shell in a session of its own that is told through a
/// pipe which process groups there are, and kills them at the pipe's end. It is started with the first group and ends with this object.
/// Thread-safe.
class ProcessWatch {
 public:
  ProcessWatch() = default;
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;
  /// What was added and not removed is killed.
  ~ProcessWatch();

  /// Before the first group is started. Errors: `Io`.
  Status begin();
  void add(pid_t group) { tell('+', group); }
  void remove(pid_t group) { tell('-', group); }

 private:
  void tell(char sign, pid_t group);

  Mutex mutex_;
  pid_t shell_ ABSL_GUARDED_BY(mutex_) = 0;
  int pipe_ ABSL_GUARDED_BY(mutex_) = -1;
};

}  // namespace penstock::bench
