#include "storage/faulty/faulty_state_store.h"

namespace penstock::storage {

class FaultyStateStore::Local final : public LocalStateStore {
 public:
  Local(FaultyStateStore& store, std::unique_ptr<LocalStateStore> inner) : store_(store), inner_(std::move(inner)) {}

  Status init(EpochPair epoch) override { return inner_->init(epoch); }
  Status append(WriteBatch batch) override {
    PENSTOCK_TRY(store_.begin(StoreCall::Append));
    return inner_->append(std::move(batch));
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    PENSTOCK_TRY(store_.begin(StoreCall::Get));
    return inner_->get(key);
  }
  Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys) override {
    PENSTOCK_TRY(store_.begin(StoreCall::Get));
    return inner_->multi_get(keys);
  }
  Result<std::unique_ptr<RowIterator>> scan(const Range& range) override {
    PENSTOCK_TRY(store_.begin(StoreCall::Scan));
    return inner_->scan(range);
  }
  bool may_block() const override { return inner_->may_block(); }
  Status seal_current_epoch(EpochPair next) override {
    PENSTOCK_TRY(store_.begin(StoreCall::Seal));
    return inner_->seal_current_epoch(next);
  }
  Status update_vnode_bitmap(const VNodeBitmap& vnodes) override { return inner_->update_vnode_bitmap(vnodes); }

 private:
  FaultyStateStore& store_;
  const std::unique_ptr<LocalStateStore> inner_;
};

class FaultyStateStore::Import final : public SegmentImport {
 public:
  Import(FaultyStateStore& store, std::unique_ptr<SegmentImport> inner) : store_(store), inner_(std::move(inner)) {}

  Status add(TableId table, WriteBatch rows) override {
    PENSTOCK_TRY(store_.begin(StoreCall::AddImport));
    return inner_->add(table, std::move(rows));
  }
  Result<std::vector<SegmentInfo>> finish() override {
    PENSTOCK_TRY(store_.begin(StoreCall::FinishImport));
    return inner_->finish();
  }

 private:
  FaultyStateStore& store_;
  const std::unique_ptr<SegmentImport> inner_;
};

void FaultyStateStore::fail(StoreCall call, Error error, uint64_t skip, uint64_t times) { add(call, {std::move(error), {}, skip, times}); }

void FaultyStateStore::delay(StoreCall call, runtime::Duration time, uint64_t skip, uint64_t times) {
  add(call, {std::nullopt, time, skip, times});
}

void FaultyStateStore::add(StoreCall call, Fault fault) {
  MutexLock lock(mutex_);
  of_call_[static_cast<size_t>(call)].faults.push_back(std::move(fault));
}

void FaultyStateStore::heal(StoreCall call) {
  MutexLock lock(mutex_);
  of_call_[static_cast<size_t>(call)].faults.clear();
}

uint64_t FaultyStateStore::calls(StoreCall call) const {
  MutexLock lock(mutex_);
  return of_call_[static_cast<size_t>(call)].calls;
}

Status FaultyStateStore::begin(StoreCall call) {
  runtime::Duration wait{};
  Status answer = ok();
  {
    MutexLock lock(mutex_);
    OfCall& of_call = of_call_[static_cast<size_t>(call)];
    ++of_call.calls;
    for (Fault& fault : of_call.faults) {
      if (fault.skip > 0) {
        --fault.skip;
      } else if (fault.times > 0) {
        --fault.times;
        wait += fault.time;
        if (fault.error && answer.has_value()) answer = *fault.error;
      }
    }
  }
  if (wait > runtime::Duration::zero()) (void)runtime_.make_waiter()->wait_for(wait);
  return answer;
}

Status FaultyStateStore::retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed) {
  PENSTOCK_TRY(begin(StoreCall::RetainSegments));
  return inner_.retain_segments(live, highest_committed);
}

Status FaultyStateStore::open_graph(GraphTerm graph, Epoch committed, std::span<const SegmentRef> live,
                                    std::optional<std::span<const TableId>> live_tables) {
  PENSTOCK_TRY(begin(StoreCall::OpenGraph));
  return inner_.open_graph(graph, committed, live, live_tables);
}

Status FaultyStateStore::open_branch(GraphTerm branch, PartialGraphId graph, std::span<const SegmentRef> live) {
  PENSTOCK_TRY(begin(StoreCall::OpenGraph));
  return inner_.open_branch(branch, graph, live);
}

Result<std::unique_ptr<LocalStateStore>> FaultyStateStore::open_table(TableOptions options) {
  PENSTOCK_TRY(begin(StoreCall::OpenTable));
  PENSTOCK_TRY(auto table, inner_.open_table(std::move(options)));
  return std::unique_ptr<LocalStateStore>(std::make_unique<Local>(*this, std::move(table)));
}

Status FaultyStateStore::start_epoch(PartialGraphId graph, Epoch curr, std::span<const TableId> tables) {
  PENSTOCK_TRY(begin(StoreCall::StartEpoch));
  return inner_.start_epoch(graph, curr, tables);
}

Result<std::vector<SegmentInfo>> FaultyStateStore::sync_epoch(GraphTerm graph, Epoch prev, std::span<const TableId> tables) {
  PENSTOCK_TRY(begin(StoreCall::SyncEpoch));
  return inner_.sync_epoch(graph, prev, tables);
}

Status FaultyStateStore::commit_epoch(PartialGraphId graph, Epoch epoch, std::span<const uint64_t> struck_off,
                                      std::span<const GraphTerm> with) {
  PENSTOCK_TRY(begin(StoreCall::CommitEpoch));
  return inner_.commit_epoch(graph, epoch, struck_off, with);
}

Result<std::unique_ptr<SegmentImport>> FaultyStateStore::begin_import(GraphTerm graph, Epoch epoch) {
  PENSTOCK_TRY(begin(StoreCall::BeginImport));
  PENSTOCK_TRY(auto import, inner_.begin_import(graph, epoch));
  return std::unique_ptr<SegmentImport>(std::make_unique<Import>(*this, std::move(import)));
}

Status FaultyStateStore::adopt_segments(GraphTerm graph, Epoch epoch, std::span<const SegmentRef> files) {
  PENSTOCK_TRY(begin(StoreCall::AdoptSegments));
  return inner_.adopt_segments(graph, epoch, files);
}

Result<std::unique_ptr<SnapshotReader>> FaultyStateStore::read_committed(PartialGraphId graph, TableId table, Epoch epoch) {
  PENSTOCK_TRY(begin(StoreCall::ReadCommitted));
  return inner_.read_committed(graph, table, epoch);
}

Result<std::unique_ptr<SnapshotReader>> FaultyStateStore::read_sealed(PartialGraphId graph, TableId table, Epoch epoch) {
  PENSTOCK_TRY(begin(StoreCall::ReadSealed));
  return inner_.read_sealed(graph, table, epoch);
}

}  // namespace penstock::storage
