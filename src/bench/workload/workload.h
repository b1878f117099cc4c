#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/plan/plan.h"
#include "bench/workload/run_resources.h"
#include "common/error.h"
#include "proto/bench.pb.h"

namespace penstock::bench {

/// One thread's share of a workload. Used by one thread.
class Worker {
 public:
  struct Done {
    uint32_t kind;  // index into Workload::kinds()
    uint64_t bytes;
    std::string error;                  // empty: it succeeded
    std::optional<Duration> latency{};  // instead of the time that `next` took
    std::string mark{};                 // for the report's plots: what was broken
  };
  virtual ~Worker() = default;
  /// So many operations and it is done, if it ends by itself.
  [[nodiscard]] virtual std::optional<uint64_t> tasks() const { return std::nullopt; }
  /// False in the middle of what belongs together: then it is not ended because the stage is over, only when it is stopped.
  [[nodiscard]] virtual bool may_end() const { return true; }
  /// Performs one operation.
  /// Errors: it makes no sense to go on; the stage fails.
  virtual Result<Done> next() = 0;
};

/// What a stage does, apart from when and how often.
class Workload {
 public:
  virtual ~Workload() = default;
  [[nodiscard]] virtual std::vector<std::string> kinds() const = 0;
  [[nodiscard]] virtual const LoadShape& load() const = 0;
  /// For preflight: can it be done at all? And for cleanup: what it left is removed.
  virtual Status validate() = 0;
  virtual Status clean() = 0;
  /// Blocks; before the clock starts.
  [[nodiscard]] virtual Result<std::unique_ptr<Worker>> make_worker(uint32_t index) = 0;
  /// Single measurements for the report, after all workers have ended.
  [[nodiscard]] virtual std::map<std::string, double> values() { return {}; }
};

/// `resources` and `stop` outlive it; `stop` ends operations that wait for a server.
[[nodiscard]] std::unique_ptr<Workload> make_workload(const WorkloadOptions& options, RunResources& resources,
                                                      const std::atomic<bool>& stop);

/// Draws from weights: the index of a kind, by a number below `total`.
class WeightedChoice {
 public:
  WeightedChoice(const std::vector<std::string>& kinds, const std::map<std::string, uint32_t>& weights);
  [[nodiscard]] uint32_t pick(uint64_t random) const;

 private:
  std::vector<uint64_t> ends_;
};

/// A size for a uniform random number pair.
[[nodiscard]] uint64_t draw_size(const SizeOptions& size, uint64_t random_a, uint64_t random_b);

}  // namespace penstock::bench
