#pragma once

#include <memory>

#include "stream/executor/backfill/snapshot_scan.h"

namespace penstock::stream {

/// Backfill: the rows that an upstream table has, then its changes, with nothing lost or doubled while it keeps changing.
///
/// After each barrier, and before the first change of `curr`, it reads a batch of the table as of the sealed epoch `prev`, above its
/// position, in key order, one vnode after the other. When the first change of `curr` has come the position stands still until the next
/// barrier: changes at or below it pass, those above are dropped, because a later batch reads them. As long as no change has come, further
/// batches of the same snapshot may follow (`poll`), so a quiet table is read without waiting for barriers. While it is paused it reads
/// nothing, likewise while it waits for other backfills of its job; a rate bounds what it reads, never the changes that pass. In a paced
/// graph a batch is given out by time (`SnapshotScan`).
///
/// When all was read and that is committed, what it needed for it is given back: from then on changes pass, and nothing else is left.
class StreamScanOperator final : public Operator, public Generator {
 public:
  using Options = StreamScanOptions;
  StreamScanOperator(Options options, const ActorContext& context)
      : output_(options.output), scan_(std::make_unique<SnapshotScan>(std::move(options), context)) {}

  Status init(EpochPair first) override { return scan_->init(first); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override { return scan_->resume(out); }
  StateRead take_state_read() override { return scan_->take_state_read(); }
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return scan_ != nullptr; }
  Generator* generator() override { return this; }

  Result<Poll> poll(Output& out) override { return scan_ ? scan_->poll(out) : Poll{}; }
  Status before_barrier(Output& /*out*/) override { return ok(); }

 private:
  const std::vector<uint32_t> output_;
  std::unique_ptr<SnapshotScan> scan_;  // until it is done
  bool done_ = false;                   // as of the last barrier
};

}  // namespace penstock::stream
