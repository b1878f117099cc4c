#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "storage/epoch_log/base_tables.h"
#include "storage/epoch_log/flush_marks.h"
#include "storage/epoch_log/graph_log.h"
#include "storage/epoch_log/log_core.h"
#include "storage/epoch_log/log_flush.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// The state store as a log of epochs over a sorted base: a small durable segment a checkpoint, and the base fed seldom and in large
/// pieces. README.md shows how the parts fit. Thread-safe as the contract says; outlives every handle it gave.
class LogStateStore final : public StateStore {
 public:
  /// `folder` and `runtime` outlive the store. Errors: whatever the files say, each with its path.
  [[nodiscard]] static Result<std::unique_ptr<LogStateStore>> open(runtime::Runtime& runtime, DataFolder& folder, NodeUuid node,
                                                                   std::unique_ptr<SortedBase> base, EpochLogOptions options);
  ~LogStateStore() override;

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
  [[nodiscard]] Result<std::unique_ptr<ChangeFeed>> follow(PartialGraphId graph, std::span<const TableId> tables) override;
  void remove_graph(PartialGraphId graph) override;
  void drop_tables(std::span<const TableId> tables) override;
  [[nodiscard]] std::vector<uint64_t> flushed_segments(PartialGraphId graph) const override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_committed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_sealed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Epoch committed_epoch(PartialGraphId graph) const override;
  [[nodiscard]] Usage usage() const override;
  [[nodiscard]] std::map<TableId, uint64_t> table_sizes() const override;
  [[nodiscard]] std::optional<std::set<uint64_t>> known_segments() const override;
  [[nodiscard]] Disk disk() const override;

  /// From now on flushing begins at this many committed bytes; 0: as the options say.
  void set_flush_threshold(uint64_t bytes) { flush_.set_threshold(bytes); }
  /// One "name value" a line, for `ctl` and metrics.
  [[nodiscard]] std::string statistics() const;

 private:
  LogStateStore(runtime::Runtime& runtime, DataFolder& folder, NodeUuid node, EpochLogOptions options)
      : core_(runtime, folder, node, options), flush_(core_, marks_, tables_, [this] { return graphs(); }) {}

  [[nodiscard]] std::vector<std::shared_ptr<GraphLog>> graphs() const;
  [[nodiscard]] std::shared_ptr<GraphLog> find(PartialGraphId id) const;
  [[nodiscard]] Result<std::shared_ptr<GraphLog>> known(PartialGraphId id) const;
  [[nodiscard]] Result<LogSegmentPtr> adopt(const SegmentRef& ref, const std::map<uint64_t, LogSegmentPtr>& in_memory,
                                            const std::optional<std::set<TableId>>& live_tables);

  LogCore core_;
  FlushMarks marks_;
  BaseTables tables_;
  LogFlush flush_;
  mutable Mutex mutex_;
  std::map<PartialGraphId, std::shared_ptr<GraphLog>> graphs_ ABSL_GUARDED_BY(mutex_);  // shared with handles and running calls
  std::map<PartialGraphId, PartialGraphId> branches_ ABSL_GUARDED_BY(mutex_);           // branch -> graph
};

}  // namespace penstock::storage
