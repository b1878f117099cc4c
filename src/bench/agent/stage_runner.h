#pragma once

#include <atomic>
#include <memory>

#include "bench/machine/agent.h"
#include "bench/workload/workload.h"
#include "common/histogram.h"

namespace penstock::bench {

/// One stage being performed, on threads of its own. Made, then `start`ed once; may be dropped when `done` was called.
/// Thread-safe.
///
/// Latency is from the call to its return; with a rate also from the moment the operation was due, so that what a slow one held up is
/// counted ("corrected"). Operations that begin within the warm-up are left out.
class StageRunner : public std::enable_shared_from_this<StageRunner> {
 public:
  using Done = absl::AnyInvocable<void(Result<pb::BenchSummary>)>;
  struct Live {
    double progress = -1;
    uint64_t operations = 0, errors = 0, bytes = 0, p99_nanos = 0;
  };

  /// `resources` outlives the call of `done`. `log_file`: where a script's output goes.
  StageRunner(const Stage& stage, uint32_t index, RunResources& resources, std::string log_file);
  /// `done` is called exactly once, on any thread, last of all.
  void start(Done done);
  /// The stage ends soon; its summary is what was done until then. Idempotent.
  void stop();
  [[nodiscard]] Live live() const;

 private:
  struct Kind {
    uint64_t count = 0, errors = 0, bytes = 0;
    Histogram latency, corrected;
  };
  struct Share {
    std::vector<Kind> kinds;
    std::vector<pb::BenchSecond> seconds;
    uint64_t warmup_operations = 0;
    std::vector<std::string> errors;
    runtime::TimePoint ended;
    std::optional<Error> fatal;
  };

  [[nodiscard]] Result<pb::BenchSummary> perform();
  [[nodiscard]] Result<pb::BenchSummary> run_load(Workload& workload);
  void run_worker(Worker& worker, uint32_t index, Share& share);
  /// Waits until the operation is due; false when the stage is over.
  [[nodiscard]] bool wait_for_turn(runtime::TimePoint due, runtime::Waiter& waiter) const;
  void count(const Worker::Done& done, runtime::TimePoint due, runtime::TimePoint begun, Share& share);
  [[nodiscard]] pb::BenchSummary merge(Workload& workload, std::vector<Share>& shares) const;
  [[nodiscard]] bool over() const;
  [[nodiscard]] bool take_task();

  const Stage stage_;
  const LoadShape load_;
  const uint32_t index_;
  RunResources& resources_;
  runtime::Runtime& runtime_;
  const std::string log_file_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> started_{0};  // nanoseconds; 0: the load has not begun
  std::atomic<uint64_t> tasks_{0}, task_limit_{0};
  std::atomic<uint64_t> operations_{0}, errors_{0}, bytes_{0};
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<runtime::Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
  mutable Histogram recent_ ABSL_GUARDED_BY(mutex_){2};  // since the last call of `live`
};

}  // namespace penstock::bench
