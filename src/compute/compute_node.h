#pragma once

#include <memory>
#include <string>

#include "compute/scan_server.h"
#include "compute/transfer_server.h"
#include "compute/vnode_puller.h"
#include "http/monitor.h"
#include "rpc/transport.h"
#include "storage/data_folder.h"
#include "storage/disk_guard.h"
#include "storage/node_identity.h"
#include "storage/state_store.h"
#include "stream/exchange/exchange_client.h"
#include "stream/exchange/exchange_service.h"
#include "stream/task/barrier_worker/local_barrier_worker.h"
#include "stream/task/dml_manager.h"
#include "stream/task/local_stream_manager.h"

namespace penstock::compute {

/// A compute: actors, the barrier worker, exchange, reads. It tells meta that it is there, again and again while it has no control
/// stream; meta then opens one.
///
/// Made by the composition root of a process; the runtime must have stopped before it is destroyed.
class ComputeNode {
 public:
  struct Options {
    std::string listen;     // gRPC address; port 0: any
    std::string advertise;  // where others reach it; empty: the address listened on
    std::string meta;       // meta's address
    uint32_t parallelism = 1;
    size_t memory_bytes = 0;                                            // budget of operators' state
    runtime::Duration barrier_target = std::chrono::milliseconds(500);  // sources are held back for; zero: never
    metrics::Registry* metrics = nullptr;                               // where figures are recorded; none: nowhere. Outlives the node
    metrics::Labels labels;                                             // of all its figures: several computes may share a registry
    uint64_t ballast_bytes = storage::DiskGuard::kDefaultBallast;
  };
  /// Errors: `Io` when the address is taken, `Corruption` for a data folder that makes no sense.
  [[nodiscard]] static Result<std::unique_ptr<ComputeNode>> start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                                  storage::DataFolder& folder, storage::NodeIdentity identity,
                                                                  storage::StateStore& store);
  ~ComputeNode();
  ComputeNode(const ComputeNode&) = delete;
  ComputeNode& operator=(const ComputeNode&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] stream::LocalBarrierWorker& worker() { return worker_; }
  [[nodiscard]] stream::LocalStreamManager& actors() { return actors_; }
  [[nodiscard]] const stream::MemoryBudget& memory() const { return memory_; }
  /// Tells meta that this node leaves for good: its actors and their state move to the others, if there are any, after a last checkpoint;
  /// `done` when meta has let it go, or does not answer. Then `stop`.
  void leave(runtime::Job done);
  /// Its part of the monitor's pages; to be ended before the node is.
  [[nodiscard]] http::MonitoredRole monitored();
  /// Ends the control stream and all actors; `done` once nothing runs any more. Nothing is synced: meta's last checkpoint came before.
  void stop(runtime::Job done);

 private:
  class Service;
  ComputeNode(Options options, runtime::Runtime& runtime, rpc::Transport& transport, storage::DataFolder& folder,
              storage::NodeIdentity identity, storage::StateStore& store, const stream::LeaderSeen& leader);
  Status listen();
  void register_with_meta();
  void on_registered(const Result<rpc::Bytes>& answer);
  void retry_later(runtime::Duration delay);
  void fill_facts(pb::NodeFacts& facts) const;

  // Constant after construction.
  const Options options_;
  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  storage::DataFolder& folder_;
  storage::StateStore& store_;
  const std::unique_ptr<runtime::Executor> loop_;
  std::string address_;

  // Owned by the loop.
  storage::NodeIdentity identity_;
  runtime::Timer retry_;
  std::optional<Code> said_;  // why it could not join
  std::atomic<bool> stopping_{false};

  stream::MemoryBudget memory_;
  stream::DmlManager dml_;
  stream::LocalStreamManager actors_;
  stream::ExchangeClient exchange_client_;
  stream::ExchangeService exchange_service_;
  stream::VnodeOwnership ownership_;
  VnodePuller puller_;
  stream::LocalBarrierWorker worker_;
  storage::DiskGuard disk_;
  ScanServer scans_;
  TransferServer transfers_;
  std::shared_ptr<Service> service_;         // shared with the listener
  std::unique_ptr<rpc::Listener> listener_;  // last: ends before what it serves
};

}  // namespace penstock::compute
