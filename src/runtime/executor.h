#pragma once

#include <absl/functional/any_invocable.h>

namespace penstock::runtime {

using Job = absl::AnyInvocable<void()>;

/// Runs jobs later, never inside `post`. Jobs of a *serial* executor run one at a time in the order they were posted; those of
/// a pool run in any order on several threads. Posting is thread-safe and does not block. Jobs do not throw.
/// After its runtime has stopped, jobs are destroyed without being run.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(Job job) = 0;
};

}  // namespace penstock::runtime
