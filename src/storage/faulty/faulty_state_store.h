#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/state_store.h"

namespace penstock::storage {

enum class StoreCall : uint8_t {
  RetainSegments,
  OpenGraph,
  OpenTable,
  StartEpoch,
  SyncEpoch,
  CommitEpoch,
  ReadCommitted,
  ReadSealed,
  Append,  // and the following, of a table handle
  Get,     // multi_get as well
  Scan,
  Seal,
  BeginImport,
  AddImport,
  FinishImport,
  AdoptSegments,
};
constexpr size_t kStoreCalls = 15;

/// Another store whose calls fail or take long when a test says so. A call that is made to fail does not reach the store. Thread-safe.
class FaultyStateStore final : public StateStore {
 public:
  /// Both outlive this and its handles. A delay waits on the runtime, so in simulation others go on meanwhile.
  FaultyStateStore(StateStore& inner, runtime::Runtime& runtime) : inner_(inner), runtime_(runtime) {}

  /// The `times` calls after the next `skip` ones answer `error`.
  void fail(StoreCall call, Error error, uint64_t skip = 0, uint64_t times = UINT64_MAX);
  /// They take `time` longer.
  void delay(StoreCall call, runtime::Duration time, uint64_t skip = 0, uint64_t times = UINT64_MAX);
  /// No more faults of this kind of call.
  void heal(StoreCall call);
  [[nodiscard]] uint64_t calls(StoreCall call) const;

  Status retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed) override;
  Status open_graph(GraphTerm graph, Epoch committed, std::span<const SegmentRef> live,
                    std::optional<std::span<const TableId>> live_tables) override;
  Status open_branch(GraphTerm branch, PartialGraphId graph, std::span<const SegmentRef> live) override;
  Status merge_branch(PartialGraphId branch, Epoch epoch) override { return inner_.merge_branch(branch, epoch); }
  [[nodiscard]] Result<std::unique_ptr<LocalStateStore>> open_table(TableOptions options) override;
  Status start_epoch(PartialGraphId graph, Epoch curr, std::span<const TableId> tables) override;
  [[nodiscard]] Result<std::vector<SegmentInfo>> sync_epoch(GraphTerm graph, Epoch prev, std::span<const TableId> tables) override;
  Status commit_epoch(PartialGraphId graph, Epoch epoch, std::span<const uint64_t> struck_off, std::span<const GraphTerm> with) override;
  void clear(PartialGraphId graph) override { inner_.clear(graph); }
  [[nodiscard]] Result<std::unique_ptr<SegmentImport>> begin_import(GraphTerm graph, Epoch epoch) override;
  Status adopt_segments(GraphTerm graph, Epoch epoch, std::span<const SegmentRef> files) override;
  [[nodiscard]] Result<std::unique_ptr<ChangeFeed>> follow(PartialGraphId graph, std::span<const TableId> tables) override {
    return inner_.follow(graph, tables);
  }
  void remove_graph(PartialGraphId graph) override { inner_.remove_graph(graph); }
  void drop_tables(std::span<const TableId> tables) override { inner_.drop_tables(tables); }
  [[nodiscard]] std::vector<uint64_t> flushed_segments(PartialGraphId graph) const override { return inner_.flushed_segments(graph); }
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_committed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotReader>> read_sealed(PartialGraphId graph, TableId table, Epoch epoch) override;
  [[nodiscard]] Epoch committed_epoch(PartialGraphId graph) const override { return inner_.committed_epoch(graph); }
  [[nodiscard]] Usage usage() const override { return inner_.usage(); }
  [[nodiscard]] std::optional<std::set<uint64_t>> known_segments() const override { return inner_.known_segments(); }
  [[nodiscard]] std::map<TableId, uint64_t> table_sizes() const override { return inner_.table_sizes(); }
  [[nodiscard]] Disk disk() const override { return inner_.disk(); }

 private:
  class Local;
  class Import;
  struct Fault {
    std::optional<Error> error;  // else a delay
    runtime::Duration time{};
    uint64_t skip = 0;
    uint64_t times = 0;
  };
  struct OfCall {
    uint64_t calls = 0;
    std::vector<Fault> faults;
  };

  /// What the faults of this call come to now.
  Status begin(StoreCall call);
  void add(StoreCall call, Fault fault);

  StateStore& inner_;
  runtime::Runtime& runtime_;
  mutable Mutex mutex_;
  std::array<OfCall, kStoreCalls> of_call_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::storage
