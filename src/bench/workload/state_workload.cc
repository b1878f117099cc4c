#include "bench/workload/state_workload.h"

#include "runtime/random.h"

namespace penstock::bench {
namespace {

enum StateKind : uint32_t { kWrite, kRead, kScan, kSync, kCommit };

class StateWorker final : public Worker {
 public:
  StateWorker(const StateOptions& options, storage::StateStore& store, StateSlot& slot, uint64_t seed)
      : options_(options), store_(store), slot_(slot), random_(seed), choice_({"write", "read", "scan"}, options.weights) {}

  Result<Done> next() override {
    if (step_ == Step::Sync) return sync();
    if (step_ == Step::Commit) return commit();
    switch (choice_.pick(random_.next())) {
      case kWrite:
        return write();
      case kRead:
        return read();
      default:
        return scan();
    }
  }

 private:
  enum class Step : uint8_t { Load, Sync, Commit };

  // vnode BE | key BE
  std::string key() {
    const uint64_t number = random_.below(options_.keys);
    const auto vnode = static_cast<VNode>(runtime::SplitMix::mix(number) % kDefaultVNodeCount);
    std::string bytes;
    for (int shift = 8; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(vnode >> shift));
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
    return bytes;
  }

  Result<Done> write() {
    value_.assign(draw_size(options_.value, random_.next(), random_.next()), static_cast<char>('a' + random_.below(26)));
    storage::WriteBatch batch;
    const std::string row = key();
    batch.put(row, value_);
    PENSTOCK_TRY(slot_.rows->append(std::move(batch)));
    if (++written_ % options_.epoch_every == 0) step_ = Step::Sync;
    return Done{kWrite, row.size() + value_.size(), ""};
  }

  Result<Done> read() {
    PENSTOCK_TRY(const auto value, slot_.rows->get(key()));
    return Done{kRead, value ? value->size() : 0, ""};
  }

  Result<Done> scan() {
    PENSTOCK_TRY(const auto rows, slot_.rows->scan({key(), ""}));
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < options_.scan_rows; ++i) {
      PENSTOCK_TRY(const bool more, rows->next());
      if (!more) break;
      bytes += rows->key().size() + rows->value().size();
    }
    return Done{kScan, bytes, ""};
  }

  Result<Done> sync() {
    const Epoch next{slot_.current.value + (uint64_t{1} << 16U)};
    PENSTOCK_TRY(store_.start_epoch(slot_.graph, next, std::span(&slot_.table, 1)));
    PENSTOCK_TRY(slot_.rows->seal_current_epoch({slot_.current, next}));
    PENSTOCK_TRY(const auto segments, store_.sync_epoch({slot_.graph, Term{1}}, slot_.current, std::span(&slot_.table, 1)));
    sealed_ = slot_.current;
    slot_.current = next;
    step_ = Step::Commit;
    uint64_t bytes = 0;
    for (const storage::SegmentInfo& segment : segments) bytes += segment.bytes;
    return Done{kSync, bytes, ""};
  }

  Result<Done> commit() {
    const std::vector<uint64_t> flushed = store_.flushed_segments(slot_.graph);
    PENSTOCK_TRY(store_.commit_epoch(slot_.graph, sealed_, flushed));
    slot_.committed = sealed_;
    step_ = Step::Load;
    return Done{kCommit, 0, ""};
  }

  const StateOptions& options_;
  storage::StateStore& store_;
  StateSlot& slot_;
  runtime::SplitMix random_;
  const WeightedChoice choice_;
  Step step_ = Step::Load;
  Epoch sealed_;
  uint64_t written_ = 0;
  std::string value_;
};

}  // namespace

Status StateWorkload::validate() {
  PENSTOCK_TRY(const auto* store, resources_.state_store(options_.store, options_.path));
  const storage::StateStore::Disk disk = store->disk();
  if (disk.low()) return error(Code::DiskFull, "only {} bytes are free for {}", disk.free_bytes, options_.path);
  return ok();
}

Result<std::unique_ptr<Worker>> StateWorkload::make_worker(uint32_t index) {
  PENSTOCK_TRY(auto* store, resources_.state_store(options_.store, options_.path));
  PENSTOCK_TRY(auto* slot, resources_.state_slot(options_.store, options_.path, index));
  const uint64_t seed = options_.load.seed * 1'000'003 + resources_.agent() * 1009 + index;
  return std::unique_ptr<Worker>(std::make_unique<StateWorker>(options_, *store, *slot, seed));
}

}  // namespace penstock::bench
