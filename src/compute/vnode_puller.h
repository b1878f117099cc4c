#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/mutex.h"
#include "rpc/transport.h"
#include "stream/task/barrier_worker/vnode_mover.h"

namespace penstock::compute {

/// The other end of `TransferServer`: pulls vnodes from their old owners into segment files of this node, one owner after the other. What
/// comes is written as it comes, so memory stays small whatever the size. Every order is answered exactly once. What was pulled ahead is
/// kept as files, with the streams to the old owners, which then have what changed. Thread-safe.
class VnodePuller final : public stream::VnodeMover {
 public:
  VnodePuller(runtime::Runtime& runtime, rpc::Transport& transport, storage::StateStore& store);

  void pull(stream::TransferVnodes order, Done done) override;
  void cancel(storage::GraphTerm graph) override;

  /// Without a frame for this long the transfer has failed.
  static constexpr runtime::Duration kPatience = std::chrono::seconds(20);

 private:
  class Pull;
  class Order;
  using Pulls = std::vector<std::shared_ptr<Pull>>;

  /// What is kept for this part.
  [[nodiscard]] std::shared_ptr<Pull> take_kept(storage::GraphTerm graph, const stream::TransferVnodes::Part& part);
  void begin(storage::GraphTerm graph, Epoch epoch, stream::TransferVnodes::Part part, bool ahead, Done done);
  /// What has changed; all rows if that cannot be had.
  void finish_kept(Pull& kept, storage::GraphTerm graph, Epoch epoch, Done done);
  void forget_kept(storage::GraphTerm graph);

  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  storage::StateStore& store_;
  const std::unique_ptr<runtime::Executor> loop_;
  Mutex mutex_;
  std::map<storage::GraphTerm, std::vector<std::weak_ptr<Pull>>> running_ ABSL_GUARDED_BY(mutex_);
  std::map<storage::GraphTerm, Pulls> kept_ ABSL_GUARDED_BY(mutex_);  // pulled ahead, or on their way; shared with their streams
};

}  // namespace penstock::compute
