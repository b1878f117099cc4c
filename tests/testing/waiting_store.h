#pragma once

#include <memory>
#include <utility>

#include "storage/memory/memory_state_store.h"

namespace penstock::testing {

/// A MemoryStateStore for tests and benches of operators.
class WaitingStore final : public storage::StateStore {
 public:
  bool waits = false;     // tables say that reading may block: operators take the way of NeedState
  bool discards = false;  // what is written is dropped: benches of operators that need not read it

  Status retain_segments(std::span<const storage::SegmentRef> live, std::optional<uint64_t> highest) override {
    return inner_.retain_segments(live, highest);
  }
  Status open_graph(storage::GraphTerm graph, Epoch committed, std::span<const storage::SegmentRef> live,
                    std::optional<std::span<const TableId>> tables) override {
    return inner_.open_graph(graph, committed, live, tables);
  }
  Status open_branch(storage::GraphTerm branch, PartialGraphId graph, std::span<const storage::SegmentRef> live) override {
    return inner_.open_branch(branch, graph, live);
  }
  Status merge_branch(PartialGraphId branch, Epoch epoch) override { return inner_.merge_branch(branch, epoch); }
  Result<std::unique_ptr<storage::LocalStateStore>> open_table(storage::TableOptions options) override {
    PENSTOCK_TRY(auto table, inner_.open_table(std::move(options)));
    return std::unique_ptr<storage::LocalStateStore>(std::make_unique<Table>(*this, std::move(table)));
  }
  Status start_epoch(PartialGraphId graph, Epoch curr, std::span<const TableId> tables) override {
    return inner_.start_epoch(graph, curr, tables);
  }
  Result<std::vector<storage::SegmentInfo>> sync_epoch(storage::GraphTerm graph, Epoch prev, std::span<const TableId> tables) override {
    return inner_.sync_epoch(graph, prev, tables);
  }
  Status commit_epoch(PartialGraphId graph, Epoch epoch, std::span<const uint64_t> struck_off,
                      std::span<const storage::GraphTerm> with) override {
    return inner_.commit_epoch(graph, epoch, struck_off, with);
  }
  void clear(PartialGraphId graph) override { inner_.clear(graph); }
  Result<std::unique_ptr<storage::SegmentImport>> begin_import(storage::GraphTerm graph, Epoch epoch) override {
    return inner_.begin_import(graph, epoch);
  }
  Status adopt_segments(storage::GraphTerm graph, Epoch epoch, std::span<const storage::SegmentRef> files) override {
    return inner_.adopt_segments(graph, epoch, files);
  }
  void remove_graph(PartialGraphId graph) override { inner_.remove_graph(graph); }
  void drop_tables(std::span<const TableId> tables) override { inner_.drop_tables(tables); }
  std::vector<uint64_t> flushed_segments(PartialGraphId graph) const override { return inner_.flushed_segments(graph); }
  Result<std::unique_ptr<storage::SnapshotReader>> read_committed(PartialGraphId graph, TableId table, Epoch epoch) override {
    return inner_.read_committed(graph, table, epoch);
  }
  Result<std::unique_ptr<storage::SnapshotReader>> read_sealed(PartialGraphId graph, TableId table, Epoch epoch) override {
    return inner_.read_sealed(graph, table, epoch);
  }
  Epoch committed_epoch(PartialGraphId graph) const override { return inner_.committed_epoch(graph); }
  Usage usage() const override { return inner_.usage(); }

 private:
  class Table final : public storage::LocalStateStore {
   public:
    Table(WaitingStore& store, std::unique_ptr<storage::LocalStateStore> inner) : store_(store), inner_(std::move(inner)) {}
    Status init(EpochPair epoch) override { return inner_->init(epoch); }
    Status append(storage::WriteBatch batch) override { return store_.discards ? ok() : inner_->append(std::move(batch)); }
    Result<std::optional<std::string>> get(std::string_view key) override { return inner_->get(key); }
    Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys) override {
      return inner_->multi_get(keys);
    }
    Result<std::unique_ptr<storage::RowIterator>> scan(const storage::Range& range) override { return inner_->scan(range); }
    bool may_block() const override { return store_.waits; }
    Status seal_current_epoch(EpochPair next) override { return inner_->seal_current_epoch(next); }
    Status update_vnode_bitmap(const VNodeBitmap& vnodes) override { return inner_->update_vnode_bitmap(vnodes); }

   private:
    WaitingStore& store_;
    std::unique_ptr<storage::LocalStateStore> inner_;
  };

  storage::MemoryStateStore inner_;
};

}  // namespace penstock::testing
