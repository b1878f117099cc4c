#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/error.h"
#include "common/metrics/metrics.h"
#include "http/monitor.h"
#include "meta/barrier/checkpoint_control.h"
#include "meta/cluster/cluster.h"
#include "meta/source/split_assignment.h"
#include "meta/store/meta_store.h"
#include "rpc/transport.h"
#include "runtime/runtime.h"

namespace penstock::meta {

class MetaLoop;

/// Lists the splits of a source as its connector does; may block, is called on the blocking pool from several threads.
using SplitLister = std::function<Result<SourceListing>(const pb::CatalogObject& source)>;

/// A running meta: a thin shell that gives the pure machines of this folder their events and performs their effects, on one serial executor
/// with a thread of its own. In the playground over the memory transport, in a process of its own over gRPC.
///
/// Thread-safe. The runtime and the transport outlive it.
class MetaNode {
 public:
  static constexpr uint64_t kMostBallast = 32ULL << 20;  // commits are small
  struct Options {
    std::string data_dir;                 // RocksDB; not looked at if there is a `store`
    std::shared_ptr<MetaStore> store;     // shared: a test opens the next meta on it
    uint32_t barrier_interval_ms = 1000;  // of databases that have none of their own
    uint32_t checkpoint_frequency = 1;
    size_t max_in_flight_barriers = 16;
    uint64_t disk_reserve = 0;  // bytes; 0: the default
    uint64_t ballast_bytes = kMostBallast;
    Cluster::Options cluster;
    runtime::Duration source_list_interval = std::chrono::seconds(5);  // how often a followed source is looked through for new splits
    bool copy_ahead = true;                                            // what moves, while the graph runs
    runtime::Duration rescale_delay = std::chrono::seconds(1);         // from a node's joining to the moving of adaptive jobs to it
    SplitLister list_splits;
    metrics::Registry* metrics = nullptr;  // where figures are recorded; none: nowhere. Outlives the node
    /// This meta can do nothing more (its store failed, or a newer meta leads): the process should end with this. Called once at most, on
    /// the loop.
    std::function<void(const Error&)> on_fatal;
  };

  /// Opens the store, becomes the leader and serves `address` (see `address()` where the port is 0). Blocks on the disk.
  /// Errors: as open_rocksdb_meta_store and Transport::listen.
  [[nodiscard]] static Result<std::unique_ptr<MetaNode>> start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                               std::string_view address);
  /// Ends at once, as a crash would, but for closing its streams: what is committed stays. Waits for the loop.
  ~MetaNode();
  MetaNode(const MetaNode&) = delete;
  MetaNode& operator=(const MetaNode&) = delete;

  /// A last checkpoint of every database that runs; then `done`, on the loop, at the latest after `patience`. Afterwards nothing is
  /// scheduled any more: destroy it.
  void shutdown(runtime::Job done, runtime::Duration patience = std::chrono::seconds(10));

  /// Answers the same calls on another transport too, and says where. Errors: as Transport::listen.
  [[nodiscard]] Result<std::string> listen_also(rpc::Transport& transport, std::string_view address);
  /// Its part of the monitor's pages; to be ended before the node is.
  [[nodiscard]] http::MonitoredRole monitored();

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }

 private:
  MetaNode(runtime::Runtime& runtime, std::shared_ptr<MetaLoop> loop, std::string address, std::string cluster_id);

  runtime::Runtime& runtime_;
  std::shared_ptr<MetaLoop> loop_;  // shared with its jobs, timers and streams
  const std::string address_;
  const std::string cluster_id_;
};

}  // namespace penstock::meta
