#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/epoch_log/graph_log.h"

namespace penstock::storage {

/// One table at a committed or a sealed epoch. What it reads in memory is sorted at its first read.
class LogReader final : public SnapshotReader {
 public:
  LogReader(TableId table, Epoch epoch, VersionPtr version) : LogReader(table, epoch, GraphLog::Sealed{std::move(version), {}, {}}) {}
  LogReader(TableId table, Epoch epoch, GraphLog::Sealed sealed) : table_(table), epoch_(epoch), layers_(std::move(sealed)) {}

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) override;
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(const Range& range) override;

 private:
  Status sort();

  const TableId table_;
  const Epoch epoch_;
  const GraphLog::Sealed layers_;
  bool sorted_ = false;
  std::vector<SortedRun::Ptr> runs_;  // oldest first
};

}  // namespace penstock::storage
