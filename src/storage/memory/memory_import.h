#pragma once

#include <utility>
#include <vector>

#include "storage/memory/memory_state_store.h"

namespace penstock::storage {

class MemoryStateStore::Import final : public SegmentImport {
 public:
  Import(MemoryStateStore& store, GraphTerm graph, Epoch epoch) : store_(store), graph_(graph), epoch_(epoch) {}
  Status add(TableId table, WriteBatch rows) override;
  Result<std::vector<SegmentInfo>> finish() override;

 private:
  MemoryStateStore& store_;
  const GraphTerm graph_;
  const Epoch epoch_;
  std::vector<MemoryDisk::Row> rows_;
};

}  // namespace penstock::storage
