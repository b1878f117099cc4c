#pragma once

#include <map>
#include <memory>
#include <vector>

#include "storage/state_store.h"

namespace penstock::storage {

/// The feed of a store that keeps no record of what changed: holds the tables as they were, and compares. Costs a pass over the table, and
/// no more memory than what changed.
class ComparingFeed final : public ChangeFeed {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ChangeFeed>> begin(StateStore& store, PartialGraphId graph, std::span<const TableId> tables);

  [[nodiscard]] Epoch begun() const override { return begun_; }
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) override;
  [[nodiscard]] Result<WriteBatch> changes(TableId table, std::span<const Range> ranges, Epoch until) override;

 private:
  ComparingFeed(StateStore& store, PartialGraphId graph, Epoch begun) : store_(store), graph_(graph), begun_(begun) {}

  StateStore& store_;
  const PartialGraphId graph_;
  const Epoch begun_;
  std::map<TableId, std::unique_ptr<SnapshotReader>> before_;
};

/// Whether `key` lies in one of the ranges.
[[nodiscard]] bool in_ranges(std::span<const Range> ranges, std::string_view key);

}  // namespace penstock::storage
