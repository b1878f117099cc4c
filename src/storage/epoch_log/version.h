#pragma once

#include <memory>
#include <vector>

#include "common/epoch.h"
#include "storage/epoch_log/log_segment.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// What a graph had committed at one epoch: the sorted base as of a moment at or before it, and the segments committed since, oldest first.
/// Immutable.
struct Version {
  Epoch epoch;
  SortedSnapshotPtr base;
  std::vector<LogSegmentPtr> segments;
};
using VersionPtr = std::shared_ptr<const Version>;  // shared by the graph's history and readers that pin it

}  // namespace penstock::storage
