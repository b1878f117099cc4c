#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/memory/memory_disk.h"
#include "storage/memory/memory_table.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// The state store over ordered maps: the contract at its plainest, for unit tests and for simulations that are not about storage.
///
/// Durable is what is on the `MemoryDisk`: segments once `sync_epoch` has returned, and what was flushed. Drop the store and make another
/// one over the same disk to crash the process. Thread-safe; nothing blocks for long; every call is done when it returns.
class MemoryStateStore final : public StateStore {
 public:
  struct Options {
    std::shared_ptr<MemoryDisk> disk;     // none: a new one. Shared by the stores before and after a crash
    runtime::Runtime* runtime = nullptr;  // for the age of versions; none: every committed version stays readable
    size_t flush_segments = 4;            // committed segments above this number are flushed, at the next commit
  };

  MemoryStateStore() : MemoryStateStore(Options{}) {}
  explicit MemoryStateStore(Options options);
  ~MemoryStateStore() override;

  Status retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed) override;
  Status open_graph(GraphTerm graph, Epoch committed, std::span<const SegmentRef> live,
                    std::optional<std::span<const TableId>> live_tables) override;
  Status open_branch(GraphTerm branch, PartialGraphId graph, std::span<const SegmentRef> live) override;
  Status merge_branch(PartialGraphId branch, Epoch epoch) override;
  [[nodiscard]] Result<std::unique_ptr<LocalStateStore>> open_table(TableOptions options) override;
  Status start_epoch(PartialGraphId graph, Epoch curr, std::span<const TableId> tables) override;
  [[nodiscard]] Result<std::vector<SegmentInfo>> sync_epoch(GraphTerm graph, Epoch prev, std::span<const TableId> tables) override;
  Status commit_epoch(PartialGraphId graph, Epoch epoch, std::span<const uint64_t> struck_off, std::span<const GraphTerm> with) override;
  void clear(PartialGraphId graph) override;
  [[nodiscard]] Result<std::unique_ptr<SegmentImport>> begin_import(GraphTerm graph, Epoch epoch) override;
  Status adopt_segments(GraphTerm graph, Epoch epoch, std::span<const SegmentRef> files) override;
  void remove_graph(PartialGraphId graph) override;
  void drop_tables(std::span<const TableId> tables) override;
  [[nodiscard]] std::vector<uint64_t> flushed_segments(PartialGraphId graph) const override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_committed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_sealed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Epoch committed_epoch(PartialGraphId graph) const override;
  [[nodiscard]] Usage usage() const override;

  /// As the option, from the next commit on.
  void set_flush_segments(size_t segments);

 private:
  class Local;
  class Reader;
  class Import;

  using Keys = std::map<TableId, std::set<std::string>>;
  struct Version {
    Epoch epoch;
    std::optional<runtime::TimePoint> superseded;
  };
  struct Graph {
    Term term;
    uint64_t incarnation = 0;  // counted up by open_graph and clear; writers of an older one are refused
    uint64_t life = 0;         // counted up when the rows are forgotten; readers of an older one are refused
    bool open = false;
    Epoch committed;
    Epoch started;  // highest curr of start_epoch
    Epoch synced;
    std::map<Epoch, Keys> dirty;     // written, in no segment
    std::map<Epoch, Keys> unfolded;  // in a segment; versions that are still to be folded
    std::vector<uint64_t> staged;
    std::vector<uint64_t> committed_segments;  // not flushed, in order of commit
    std::set<uint64_t> flushed;                // listed by meta
    std::set<TableId> tables;
    std::deque<Version> versions;  // readable; the last one is `committed`
    std::multiset<Epoch> pins;     // of readers
    // Of a branch, whose `committed` is that of the last commit it was in:
    std::optional<PartialGraphId> trunk;
    std::optional<Epoch> merged;  // rows from this epoch on are the trunk's
  };

  Result<Graph*> open_graph_of(PartialGraphId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status check_branch(const GraphTerm& branch, Epoch epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void commit_staged(Graph& from, Graph& to, Epoch epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] Epoch committed_of(TableId table, Epoch epoch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void close_branches(PartialGraphId trunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  MemoryTable& table(TableId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void adopt(Graph& graph, const MemoryDisk::Segment& segment, const std::optional<std::set<TableId>>& live)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void become_committed(Graph& graph, Epoch epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void forget(Graph& graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void close(Graph& graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void forget_uncommitted(Graph& graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void drop_old_versions(Graph& graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] static uint64_t checksum_of(const MemoryDisk::Segment& segment);
  void flush(PartialGraphId id, Graph& graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void flush_one(PartialGraphId id, const MemoryDisk::Segment& segment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Result<std::unique_ptr<SnapshotReader>> pin(Graph& graph, PartialGraphId id, TableId table, Epoch epoch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void unpin(PartialGraphId graph, uint64_t life, Epoch epoch);

  const Options options_;
  const std::shared_ptr<MemoryDisk> disk_;  // shared with the store after a crash, never at the same time
  mutable Mutex mutex_;
  std::map<PartialGraphId, Graph> graphs_ ABSL_GUARDED_BY(mutex_);
  std::map<TableId, MemoryTable> tables_ ABSL_GUARDED_BY(mutex_);
  std::set<TableId> dropped_ ABSL_GUARDED_BY(mutex_);
  size_t flush_segments_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::storage
