#pragma once

#include <atomic>
#include <memory>

#include "bench/agent/stage_threads.h"
#include "bench/machine/agent.h"
#include "bench/workload/workload.h"
#include "common/histogram.h"

namespace penstock::bench {

/// One stage being performed: all workloads of this agent at the same time, on threads of `StageThreads`. Made, then `start`ed once; may
/// be dropped when `done` was called. Thread-safe.
///
/// Latency is from the call to its return; with a rate also from the moment the operation was due, so that what a slow one held up is
/// counted ("corrected"). Operations that begin within the warm-up are left out, but for those of `chaos`.
class StageRunner : public std::enable_shared_from_this<StageRunner> {
 public:
  using Done = absl::AnyInvocable<void(Result<pb::BenchSummary>)>;
  struct Live {
    double progress = -1;
    double per_second = 0;  // since the last call
    uint64_t operations = 0, errors = 0, bytes = 0, p99_nanos = 0;
  };

  /// `resources` and `threads` outlive the call of `done`. `log_file`: where a script's output goes.
  StageRunner(const Stage& stage, uint32_t index, RunResources& resources, StageThreads& threads, std::string log_file);
  /// Both are called exactly once, on any thread: `begun` when a thread has taken the stage up, `done` last of all.
  void start(runtime::Job begun, Done done);
  /// The stage ends soon; its summary is what was done until then. Idempotent.
  void stop();
  [[nodiscard]] Live live() const;

 private:
  struct Kind {
    uint64_t count = 0, errors = 0, bytes = 0;
    Histogram latency, corrected;
  };
  /// What one worker did.
  struct Share {
    std::vector<Kind> kinds;
    std::vector<pb::BenchSecond> seconds;
    std::vector<pb::BenchMark> marks;
    uint64_t warmup_operations = 0;
    std::vector<std::string> errors;
    runtime::TimePoint ended;
    std::optional<Error> fatal;
  };
  /// One of the workloads.
  struct Lane {
    std::unique_ptr<Workload> workload;
    bool warms_up = true;
    bool counts_tasks = true;                       // towards the stage's max_tasks
    std::atomic<uint64_t> tasks{0}, task_limit{0};  // 0: no limit
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<Share> shares;
  };
  using Lanes = std::vector<std::unique_ptr<Lane>>;

  [[nodiscard]] Result<pb::BenchSummary> perform();
  [[nodiscard]] Result<pb::BenchSummary> perform_script();
  [[nodiscard]] Result<pb::BenchSummary> perform_load();
  void make_lanes();
  [[nodiscard]] Status make_workers(Lane& lane);
  void run_workers();
  void run_worker(Lane& lane, uint32_t index);
  /// Waits until the operation is due; false when the stage is over.
  [[nodiscard]] bool wait_for_turn(runtime::TimePoint due, runtime::Waiter& waiter) const;
  void count(const Lane& lane, const Worker::Done& done, runtime::TimePoint due, runtime::TimePoint begun, Share& share);
  [[nodiscard]] pb::BenchSummary summary() const;
  [[nodiscard]] pb::BenchSummary merge() const;
  void merge_kinds(const Lane& lane, pb::BenchSummary& summary) const;
  [[nodiscard]] runtime::TimePoint counts_from() const;
  [[nodiscard]] bool over() const;
  [[nodiscard]] static bool take_task(Lane& lane);
  [[nodiscard]] double progress_of_tasks() const;
  [[nodiscard]] std::shared_ptr<runtime::Waiter> make_waiter();

  const Stage stage_;
  const Duration warmup_;
  const uint32_t index_;
  RunResources& resources_;
  runtime::Runtime& runtime_;
  StageThreads& threads_;
  const std::string log_file_;
  Lanes lanes_;  // made by `perform`, before the load begins
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> started_{0};  // nanoseconds; 0: the load has not begun
  std::atomic<uint64_t> operations_{0}, errors_{0}, bytes_{0};
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<runtime::Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
  // Since the last call of `live`.
  mutable Histogram recent_ ABSL_GUARDED_BY(mutex_){2};
  mutable runtime::TimePoint seen_at_ ABSL_GUARDED_BY(mutex_);
  mutable uint64_t seen_ ABSL_GUARDED_BY(mutex_) = 0;  // operations
};

}  // namespace penstock::bench
