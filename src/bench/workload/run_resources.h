#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/workload/link_table.h"
#include "bench/workload/process_table.h"
#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/data_folder.h"
#include "storage/posix_filesystem.h"
#include "storage/state_store.h"

namespace penstock::bench {

/// One worker's table in a state store, kept from stage to stage.
struct StateSlot {
  PartialGraphId graph;
  TableId table;
  Epoch committed;
  Epoch current;
  std::unique_ptr<storage::LocalStateStore> rows;
};

/// What a worker of `stream` knows of its rows, which are numbered from 0 without gaps.
struct StreamLedger {
  uint64_t acknowledged = 0;  // rows that are certainly there
  uint64_t attempted = 0;     // and so many at most
  bool known = false;         // false: what an earlier run left is still to be looked up
};

/// What an agent has open between the stages of one run; closed when the run is left. Thread-safe.
class RunResources {
 public:
  /// `folder`: where processes' output goes.
  RunResources(runtime::Runtime& runtime, std::string run, std::string folder, uint32_t agent, uint32_t agents)
      : runtime_(runtime),
        run_(std::move(run)),
        folder_(std::move(folder)),
        agent_(agent),
        agents_(agents),
        processes_(runtime, watch_),
        links_(runtime) {}
  RunResources(const RunResources&) = delete;
  RunResources& operator=(const RunResources&) = delete;

  [[nodiscard]] runtime::Runtime& runtime() const { return runtime_; }
  [[nodiscard]] const std::string& run() const { return run_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] uint32_t agent() const { return agent_; }
  [[nodiscard]] uint32_t agents() const { return agents_; }

  /// The store "memory", or RocksDB in `path`/agent-N; opened by the first call.
  [[nodiscard]] Result<storage::StateStore*> state_store(const std::string& kind, const std::string& path);
  /// The table of worker `index` in that store, open for writing. One user at a time.
  [[nodiscard]] Result<StateSlot*> state_slot(const std::string& kind, const std::string& path, uint32_t index);
  /// What was started for this run; ends with it.
  [[nodiscard]] ProcessTable& processes() { return processes_; }
  /// Of whatever else is started.
  [[nodiscard]] ProcessWatch& watch() { return watch_; }
  [[nodiscard]] LinkTable& links() { return links_; }
  /// Of worker `index`. One user at a time.
  [[nodiscard]] StreamLedger& stream_ledger(const std::string& table, uint32_t index);
  void forget_streams(const std::string& table);
  /// Closes the store and removes its folder.
  Status remove_state(const std::string& kind, const std::string& path);

 private:
  struct OpenStore {
    std::unique_ptr<storage::DataFolder> folder;
    std::unique_ptr<storage::StateStore> store;
    std::map<uint32_t, std::unique_ptr<StateSlot>> slots;
  };
  [[nodiscard]] std::string folder_of(const std::string& path) const { return fmt::format("{}/agent-{}", path, agent_); }
  Result<OpenStore*> open(const std::string& kind, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  runtime::Runtime& runtime_;
  const std::string run_;
  const std::string folder_;
  const uint32_t agent_;
  const uint32_t agents_;
  storage::PosixFileSystem files_;
  ProcessWatch watch_;
  ProcessTable processes_;
  LinkTable links_;
  Mutex mutex_;
  std::map<std::string, std::map<uint32_t, StreamLedger>> ledgers_ ABSL_GUARDED_BY(mutex_);  // by table
  std::map<std::string, OpenStore> stores_ ABSL_GUARDED_BY(mutex_);                          // by kind and path
};

}  // namespace penstock::bench
