#pragma once

#include <memory>

#include "rpc/transport.h"
#include "storage/state_store.h"
#include "stream/task/barrier_worker/vnode_ownership.h"

namespace penstock::compute {

/// Answers /penstock.Compute/Scan: the rows of some vnodes of a table at one committed epoch, in chunks, as fast as the reader takes them.
/// Waits up to 5 s for this node to hear of the epoch's commit, or for vnodes that are on their way to it; otherwise `SnapshotTooOld`, as
/// for vnodes that it did not own at that epoch: never fewer rows. A reader that gives a window and does not take its rows stops it, for 5
/// minutes at most.
/// Thread-safe; a scan lives as long as its stream.
class ScanServer {
 public:
  ScanServer(runtime::Runtime& runtime, storage::StateStore& store, const stream::VnodeOwnership& ownership);
  /// For rpc::Service::open.
  [[nodiscard]] rpc::Service::Accepted open(std::shared_ptr<rpc::Stream> stream);

 private:
  class Scan;
  runtime::Runtime& runtime_;
  storage::StateStore& store_;
  const stream::VnodeOwnership& ownership_;
  const std::unique_ptr<runtime::Executor> loop_;  // where the streams' requests and ends are taken in
};

}  // namespace penstock::compute
