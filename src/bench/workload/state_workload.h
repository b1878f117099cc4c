#pragma once

#include "bench/workload/workload.h"

namespace penstock::bench {

/// Rows of a state store. Each worker has a table and a graph of its own; after `epoch_every` writes it makes a checkpoint, whose parts
/// are operations too: "sync" (sealed to durable) and "commit".
class StateWorkload final : public Workload {
 public:
  StateWorkload(StateOptions options, RunResources& resources) : options_(std::move(options)), resources_(resources) {}
  std::vector<std::string> kinds() const override { return {"write", "read", "scan", "sync", "commit"}; }
  const LoadShape& load() const override { return options_.load; }
  Status validate() override;
  Status clean() override { return resources_.remove_state(options_.store, options_.path); }
  Result<std::unique_ptr<Worker>> make_worker(uint32_t index) override;

 private:
  const StateOptions options_;
  RunResources& resources_;
};

}  // namespace penstock::bench
