#pragma once

#include <vector>

#include "batch/operator.h"
#include "frontend/meta_client.h"

namespace penstock::pb {
class TableDesc;
}

namespace penstock::frontend {

struct ScanSpec {
  std::shared_ptr<const pb::TableDesc> table;  // global id; shared with the plan
  std::vector<uint32_t> output;
  PartialGraphId graph;
  Epoch epoch;                         // a committed one
  std::string range_begin, range_end;  // memcomparable primary key bytes; empty: open
  TableId lies_with;                   // not 0: the vnodes of `table` are where this one's are
  uint64_t limit = 0;                  // not 0: at most so many rows of each node
};

/// Rows of a table or view at one committed epoch, from every node that owns vnodes of it; in key order within a node. The streams are
/// opened with the first `next` and closed with the operator; what they say is taken in on `loop`, a serial executor that outlives them.
/// Errors: `Unavailable` naming the node that is away, `SnapshotTooOld`, `Cancelled`.
[[nodiscard]] batch::OperatorPtr make_table_scan(runtime::Runtime& runtime, runtime::Executor& loop, rpc::Transport& transport,
                                                 MetaViewPtr view, ScanSpec spec, const CancelFlag& cancel);

}  // namespace penstock::frontend
