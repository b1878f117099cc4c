#pragma once

#include <vector>

#include "storage/epoch_log/graph_log.h"

namespace penstock::storage {

/// Makes everything of a branch of `graph` up to `prev` durable and staged. Blocks, as long as the disk is full: then the rows stay in
/// memory and are written again when there is space. Errors: `Stale` when the branch is closed meanwhile; any failure of a write or sync
/// but a full disk.
[[nodiscard]] Result<std::vector<SegmentInfo>> sync_graph(LogCore& core, GraphLog& graph, GraphTerm branch, Epoch prev);

}  // namespace penstock::storage
