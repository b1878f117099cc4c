#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/memory/memory_state_store.h"

namespace penstock::storage {

class MemoryStateStore::Local final : public LocalStateStore {
 public:
  Local(MemoryStateStore& store, TableOptions options, uint64_t incarnation)
      : store_(store), options_(std::move(options)), incarnation_(incarnation) {}

  Status init(EpochPair epoch) override;
  Status append(WriteBatch batch) override;
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys) override;
  Result<std::unique_ptr<RowIterator>> scan(const Range& range) override;
  bool may_block() const override { return false; }
  Status seal_current_epoch(EpochPair next) override;
  Status update_vnode_bitmap(const VNodeBitmap& vnodes) override;

 private:
  Result<Graph*> graph() ABSL_EXCLUSIVE_LOCKS_REQUIRED(store_.mutex_);
  std::string what() const { return fmt::format("table {} ({})", options_.table, options_.name); }

  MemoryStateStore& store_;
  TableOptions options_;
  const uint64_t incarnation_;
  Epoch epoch_;  // 0: not initialised
};

class MemoryStateStore::Reader final : public SnapshotReader {
 public:
  Reader(MemoryStateStore& store, PartialGraphId graph, uint64_t life, TableId table, Epoch epoch)
      : store_(store), graph_(graph), life_(life), table_(table), epoch_(epoch) {}
  ~Reader() override { store_.unpin(graph_, life_, epoch_); }

  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::unique_ptr<RowIterator>> scan(const Range& range) override;

 private:
  /// The table, or an error once the graph was reset under the reader.
  Result<const MemoryTable*> rows() ABSL_EXCLUSIVE_LOCKS_REQUIRED(store_.mutex_);

  MemoryStateStore& store_;
  const PartialGraphId graph_;
  const uint64_t life_;
  const TableId table_;
  const Epoch epoch_;
};

}  // namespace penstock::storage
