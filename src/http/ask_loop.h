#pragma once

#include <memory>
#include <optional>

#include "common/mutex.h"
#include "runtime/runtime.h"

namespace penstock::http {

/// Asks a loop from the monitor's thread: `post` gets a job that must run on the loop; it keeps what `ask()` returned there. Nothing when
/// the loop has not come to it within `patience`: it stands still, or has ended. What `ask` refers to must live until the loop has ended.
template <typename T, typename Post, typename Ask>
std::optional<T> ask_loop(runtime::Runtime& runtime, runtime::Duration patience, Post&& post, Ask ask) {
  struct Answer {
    Mutex mutex;
    std::optional<T> value ABSL_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();  // shared with a loop that may answer too late
  const auto waiter = runtime.make_waiter();
  post(runtime::Job([answer, waiter, ask = std::move(ask)]() mutable {
    T value = ask();
    {
      const MutexLock lock(answer->mutex);
      answer->value = std::move(value);
    }
    waiter->notify();
  }));
  (void)waiter->wait_for(patience);
  const MutexLock lock(answer->mutex);
  return std::move(answer->value);
}

}  // namespace penstock::http
