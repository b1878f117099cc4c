#pragma once

#include "bench/workload/workload.h"
#include "storage/object_store/object_store.h"

namespace penstock::bench {

/// Objects TARGET/agent-N/obj-I of a folder or a bucket. Each object belongs to one worker, so no operation meets another's.
class ObjectWorkload final : public Workload {
 public:
  ObjectWorkload(ObjectOptions options, RunResources& resources)
      : options_(std::move(options)), resources_(resources), folder_(fmt::format("agent-{}", resources.agent())) {}
  std::vector<std::string> kinds() const override { return {"put", "get", "list", "head", "delete"}; }
  const LoadShape& load() const override { return options_.load; }
  Status validate() override;
  Status clean() override;
  Result<std::unique_ptr<Worker>> make_worker(uint32_t index) override;

 private:
  [[nodiscard]] Result<std::unique_ptr<storage::ObjectStore>> open() const {
    return storage::open_object_store(options_.location, folder_, resources_.runtime());
  }

  const ObjectOptions options_;
  RunResources& resources_;
  const std::string folder_;
  std::optional<std::vector<storage::ObjectInfo>> there_;  // before the first worker did anything
};

}  // namespace penstock::bench
