#pragma once

#include <memory>

#include "rpc/transport.h"
#include "storage/state_store.h"

namespace penstock::compute {

/// Answers /penstock.Compute/Transfer: all rows of some vnodes of some tables at one committed epoch, ascending by table and key, to the
/// node that becomes their owner. Waits up to 5 s for this node to hear of the epoch's commit; otherwise `SnapshotTooOld`, never fewer
/// rows. One that follows sends them as of that epoch or a later one, and what has changed since when it is asked for that, once; what it
/// keeps until then goes with its stream, or after 10 minutes. Thread-safe; a transfer lives as long as its stream, and sends no more
/// frames than its reader asked for.
class TransferServer {
 public:
  TransferServer(runtime::Runtime& runtime, storage::StateStore& store);
  /// For rpc::Service::open.
  [[nodiscard]] rpc::Service::Accepted open(std::shared_ptr<rpc::Stream> stream);

 private:
  class Transfer;
  runtime::Runtime& runtime_;
  storage::StateStore& store_;
  const std::unique_ptr<runtime::Executor> loop_;  // where the streams' requests and ends are taken in
};

}  // namespace penstock::compute
