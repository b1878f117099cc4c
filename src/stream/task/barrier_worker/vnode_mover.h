#pragma once

#include <absl/functional/any_invocable.h>

#include <string>
#include <vector>

#include "common/error.h"
#include "common/vnode.h"
#include "storage/state_store.h"

namespace penstock::stream {

using storage::GraphTerm;

/// What this node owns of the tables of one fragment.
struct OwnedVnodes {
  std::vector<TableId> tables;
  VNodeBitmap vnodes;
};

/// Meta's order to the new owner of vnodes: their rows as of `epoch`, which is committed, with no barrier after it until they are here; or,
/// *ahead* of that, as of any later one, while the graph runs on.
struct TransferVnodes {
  struct Part {
    WorkerId from_worker;
    std::string from;  // endpoint
    std::vector<TableId> tables;
    VNodeBitmap vnodes;
  };
  GraphTerm graph;
  Epoch epoch;
  std::vector<Part> parts;
  bool ahead = false;
};

/// Pulls vnodes from other nodes into files of this one. Implemented over the network by the compute.
class VnodeMover {
 public:
  virtual ~VnodeMover() = default;
  using Done = absl::AnyInvocable<void(Result<std::vector<storage::SegmentInfo>>)>;
  /// Answers exactly once, from any thread: the files, durable and complete, or why there are none. Does not block. An order ahead is
  /// answered with no files: they are kept for the order that follows in this term, of whose parts those that were pulled ahead then need
  /// only what has changed. A part that could not be, or is another one now, is pulled as a whole.
  virtual void pull(TransferVnodes order, Done done) = 0;
  /// What is pulled or kept for this incarnation of the graph is given up; its `done` still comes.
  virtual void cancel(GraphTerm graph) = 0;
};

}  // namespace penstock::stream
