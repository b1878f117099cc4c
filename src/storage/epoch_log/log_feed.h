#pragma once

#include <memory>
#include <utility>

#include "storage/epoch_log/graph_log.h"
#include "storage/epoch_log/segment_trail.h"

namespace penstock::storage {

/// What changed is what the segments committed since then hold: no more is looked at.
class LogFeed final : public ChangeFeed {
 public:
  /// Followers of one graph together keep no more than a few of these.
  static constexpr uint64_t kMostBytes = 256ULL << 20;

  LogFeed(VersionPtr version, std::shared_ptr<SegmentTrail> trail) : version_(std::move(version)), trail_(std::move(trail)) {}

  [[nodiscard]] Epoch begun() const override { return version_->epoch; }
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) override;
  [[nodiscard]] Result<WriteBatch> changes(TableId table, std::span<const Range> ranges, Epoch until) override;

 private:
  const VersionPtr version_;
  const std::shared_ptr<SegmentTrail> trail_;  // shared with the graph's log, which adds to it
  std::unique_ptr<SnapshotReader> reader_;     // of the table that is being scanned
  TableId table_;
};

}  // namespace penstock::storage
