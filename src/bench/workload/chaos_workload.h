#pragma once

#include "bench/workload/sql_connection.h"
#include "bench/workload/workload.h"

namespace penstock::bench {

/// Starts, kills and pauses the processes that the stage file names, cuts and slows its links, and measures how long a cluster takes to
/// come back. Performed by the agent whose processes they are, one action after the other; an action that fails ends the stage. Actions
/// that wait are measured from the last disturbance (kill, restart, stop, the end of a pause or cut).
class ChaosWorkload final : public Workload {
 public:
  ChaosWorkload(ChaosOptions options, RunResources& resources, const std::atomic<bool>& stop)
      : options_(std::move(options)), resources_(resources), stop_(stop) {}
  std::vector<std::string> kinds() const override;
  const LoadShape& load() const override { return options_.load; }
  Status validate() override { return ok(); }
  /// The processes of this agent end.
  Status clean() override;
  Result<std::unique_ptr<Worker>> make_worker(uint32_t index) override;
  std::map<std::string, double> values() override;

 private:
  const ChaosOptions options_;
  RunResources& resources_;
  const std::atomic<bool>& stop_;
};

}  // namespace penstock::bench
