#pragma once

#include "bench/workload/workload.h"

namespace penstock::bench {

/// Objects as files: TARGET/agent-N/obj-I. A put writes a new file and renames it over the old one, without fsync, as an object store
/// acknowledges nothing half-written. Each object belongs to one worker, so no operation meets another's.
class ObjectWorkload final : public Workload {
 public:
  ObjectWorkload(ObjectOptions options, RunResources& resources);
  std::vector<std::string> kinds() const override { return {"put", "get", "list", "head", "delete"}; }
  const LoadShape& load() const override { return options_.load; }
  Status validate() override;
  Status clean() override;
  Result<std::unique_ptr<Worker>> make_worker(uint32_t index) override;

 private:
  const ObjectOptions options_;
  const std::string folder_;
  const uint32_t agent_;
};

}  // namespace penstock::bench
