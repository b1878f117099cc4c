#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "compute/compute_node.h"
#include "frontend/session.h"
#include "meta/meta_node.h"
#include "meta/store/memory_meta_store.h"
#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"
#include "sim/journal.h"
#include "sim/process.h"
#include "sim/protocol_checker.h"
#include "sim/sql_client.h"
#include "storage/epoch_log/log_state_store.h"
#include "storage/memory/memory_base.h"
#include "storage/memory_filesystem.h"

namespace penstock::sim {

/// A whole cluster in one thread, decided by one seed: meta, computes and a frontend as they are in real processes, over links, disks and a
/// clock that can be made to fail. What is simulated is only what lies below: `SimRuntime`, `MemoryNetwork`, `MemoryFileSystem` with an
/// ordered map in RocksDB's place, and `MemoryMetaStore`.
///
/// Nodes are killed and started at any moment, also from jobs of the simulation, but not from their own. The journal holds what happened
/// and what went wrong.
class Cluster {
 public:
  struct Options {
    uint64_t seed = 1;
    size_t computes = 2;
    size_t late = 0;  // of them: the last ones, which are not started with the cluster
    uint32_t parallelism = 2;
    uint32_t barrier_interval_ms = 250;
    uint32_t checkpoint_frequency = 1;
    runtime::Duration min_delay = std::chrono::microseconds(20);
    runtime::Duration max_delay = std::chrono::milliseconds(2);
    /// Small numbers make files, flushes and evictions happen often.
    size_t memory_bytes = size_t{4} << 20U;
    uint64_t flush_threshold = 16 << 10;
  };
  /// All nodes are started but those that come late.
  Cluster(Options options, Journal& journal, runtime::SimRuntime& world);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  void start_meta();
  void kill_meta();
  [[nodiscard]] bool has_meta() const { return meta_.node != nullptr; }
  void start_compute(size_t i);
  /// Sectors that were not synced are there afterwards or not, each as the seed says.
  void kill_compute(size_t i);
  /// False while one of its jobs waits in the middle (a sync, for space on the disk): it cannot be taken away under its own feet.
  [[nodiscard]] bool may_kill_compute(size_t i) const { return !computes_[i]->process || !computes_[i]->process->in_job(); }
  [[nodiscard]] bool has_compute(size_t i) const { return computes_[i]->node != nullptr; }
  /// As SIGTERM to its process: it hands over what it has, then it ends.
  void leave_compute(size_t i);
  /// Its number at meta, as the frontend was told; 0: it has never joined.
  [[nodiscard]] WorkerId worker_of(size_t i) const;
  [[nodiscard]] size_t computes() const { return computes_.size(); }
  /// The disk of a compute, for faults. Bytes in use there.
  [[nodiscard]] storage::MemoryFileSystem& files(size_t i) { return computes_[i]->files; }

  /// A session at a frontend, for one thread; `frontend` 0 is the one that never dies.
  [[nodiscard]] std::unique_ptr<SqlClient> connect(const std::string& database = "dev", size_t frontend = 0);
  /// One more, for sessions that are to die with it; its number.
  size_t start_frontend();
  /// Nobody hears of it any more, nor it of anybody: its sessions, which wait in the middle of a statement, find that out when their
  /// patience ends. It is kept until the cluster ends, for them.
  void kill_frontend(size_t i);
  [[nodiscard]] bool has_frontend(size_t i) const { return frontends_[i]->alive; }

  [[nodiscard]] runtime::SimRuntime& world() { return world_; }
  [[nodiscard]] rpc::MemoryNetwork& network() { return network_; }
  [[nodiscard]] ProtocolChecker& checker() { return checker_; }
  [[nodiscard]] Journal& journal() { return journal_; }
  [[nodiscard]] frontend::MetaClient& meta_client() { return frontends_.front()->meta; }
  [[nodiscard]] const Options& options() const { return options_; }

  /// "meta", "compute-0", …, "frontend": names for the network's faults.
  [[nodiscard]] std::vector<std::string> node_names() const;

  /// What a second meta on the same store would do: the one that runs must notice that it leads no more.
  void start_rival_meta();

 private:
  struct Meta {
    std::shared_ptr<meta::MemoryMetaStore::Disk> disk = std::make_shared<meta::MemoryMetaStore::Disk>("simulated");
    std::unique_ptr<Process> process;
    std::unique_ptr<rpc::Transport> transport;
    std::unique_ptr<meta::MetaNode> node;
  };
  struct Compute {
    storage::MemoryFileSystem files;
    std::shared_ptr<storage::MemoryBase::Disk> base = std::make_shared<storage::MemoryBase::Disk>();  // shared with the base over it
    std::unique_ptr<Process> process;
    std::unique_ptr<rpc::Transport> transport;
    std::unique_ptr<storage::DataFolder> folder;
    std::unique_ptr<storage::LogStateStore> store;
    std::unique_ptr<compute::ComputeNode> node;
    uint64_t starts = 0;
  };
  struct Frontend {
    Frontend(runtime::Runtime& world, rpc::MemoryNetwork& network, std::string called)
        : name(std::move(called)),
          process(world),
          transport(network.transport(name, &process)),
          loop(process.make_serial("frontend", false)),
          meta(process, *transport, "meta:5690") {}
    const std::string name;
    bool alive = true;
    Process process;
    const std::unique_ptr<rpc::Transport> transport;
    std::unique_ptr<runtime::Executor> loop;
    frontend::MetaClient meta;
    // Of a session each, as if it were at a frontend of its own: a session that waits for another one's lock would keep its turn.
    std::deque<frontend::TableLocks> locks;
  };

  Status open_compute(size_t i);
  void on_meta_fatal(const Error& error);
  void bury_compute(size_t i, uint64_t start);
  static std::string name_of(size_t i) { return fmt::format("compute-{}", i); }

  const Options options_;
  Journal& journal_;
  runtime::SimRuntime& world_;
  ProtocolChecker checker_;
  rpc::MemoryNetwork network_;
  std::unique_ptr<runtime::Executor> undertaker_;  // buries what ended by itself
  Meta meta_;
  std::vector<std::unique_ptr<Compute>> computes_;
  std::vector<std::unique_ptr<Frontend>> frontends_;
};

}  // namespace penstock::sim
