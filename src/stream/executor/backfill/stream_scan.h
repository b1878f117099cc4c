#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "stream/executor/actor_context.h"
#include "stream/executor/backfill/scan_position.h"
#include "stream/executor/operator.h"
#include "stream/executor/source/chunk_sizer.h"
#include "stream/executor/source/token_bucket.h"
#include "stream/executor/state/barrier_tables.h"

namespace penstock::stream {

/// Backfill: the rows that an upstream table has, then its changes, with nothing lost or doubled while it keeps changing.
///
/// After each barrier, and before the first change of `curr`, it reads a batch of the table as of the sealed epoch `prev`, above its
/// position, in key order, one vnode after the other. When the first change of `curr` has come the position stands still until the next
/// barrier: changes at or below it pass, those above are dropped, because a later batch reads them. As long as no change has come, further
/// batches of the same snapshot may follow (`poll`), so a quiet table is read without waiting for barriers. While it is paused it reads
/// nothing; a rate bounds what it reads, never the changes that pass.
///
/// How long a batch takes is not known when it is read: a row may join with millions. So it is given out in chunks of the graph's chunk
/// time
/// (`stream/pace.h`), and a barrier or a change does not wait for the whole of it: after a barrier the operator keeps the actor for
/// `kShare` of these times, so that the scan of a table that keeps changing gets on; from then on whatever comes is taken between two
/// chunks. The position is that of the last row given out. A barrier leaves the rest of the batch as it is; the first change makes it void,
/// and it is read again.
///
/// Positions are rows of `progress` (vnode, pk of the last row read or NULL, finished, rows), stored under the vnode they speak of and
/// committed with the rows they stand for. Progress is reported at each barrier until it was reported as done.
class StreamScanOperator final : public Operator, public Generator {
 public:
  struct Options {
    storage::TableSchema upstream;
    std::vector<uint32_t> output;  // columns of upstream
    storage::StateTable progress;
    /// A batch ends with whichever comes first.
    size_t batch_rows = 65'536;
    runtime::Duration batch_time = std::chrono::milliseconds(50);
    uint64_t rate_limit = 0;  // rows a second; 0: none
  };
  StreamScanOperator(Options options, const ActorContext& context);

  Status init(EpochPair first) override { return tables_.init(first); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return !told_done_; }
  Status skip(EpochPair skipped) override { return tables_.skip(skipped); }
  Generator* generator() override { return this; }

  Result<Poll> poll(Output& out) override;
  Status before_barrier(Output& /*out*/) override { return ok(); }

 private:
  enum class Phase : uint8_t { Idle, Load, Read };
  class Batch;
  static constexpr int kShare = 32;
  /// A batch of a paced graph has so many chunks at most, so that little is read in vain.
  static constexpr size_t kChunksOfBatch = 64;
  /// Rows that were read, and how far each vnode is once they have been given out. No rows: only that.
  struct Read {
    std::optional<data::StreamChunk> chunk;
    std::vector<std::pair<size_t, ScanPosition>> then;  // by place in positions_
  };

  [[nodiscard]] bool finished() const { return current_ == positions_.size(); }
  Status load();
  Status load_position(ScanPosition& position, std::string_view value);
  void save();
  void report(Epoch prev);
  /// True if a batch may be read now; it is what `take_state_read` does next.
  [[nodiscard]] bool begin_batch();
  Status read_batch();
  Status read_vnode(storage::SnapshotReader& reader, ScanPosition& position, size_t place, Batch& batch) const;
  void give_next(Output& out);
  void drop_rest();
  [[nodiscard]] runtime::Duration chunk_time() const { return pace_ ? pace_->chunk_time() : runtime::Duration::zero(); }
  [[nodiscard]] Result<data::Bitmap> passed_rows(const data::StreamChunk& chunk) const;
  [[nodiscard]] std::string progress_key(VNode vnode) const;

  const storage::TableSchema upstream_;
  const data::RowCodec rows_of_upstream_;
  const std::vector<uint32_t> output_;
  const size_t batch_rows_;
  const runtime::Duration batch_time_;
  const ActorId actor_;
  const PartialGraphId graph_;
  storage::StateStore& store_;
  runtime::Runtime& runtime_;
  EpochReports& reports_;
  storage::StateTable progress_;
  BarrierTables tables_;

  std::vector<ScanPosition> positions_;  // of the actor's vnodes, ascending; those before current_ are finished
  std::vector<uint32_t> position_of_;    // by vnode; UINT32_MAX: not the actor's
  size_t current_ = 0;
  Phase phase_ = Phase::Idle;
  bool loaded_ = false;
  bool told_done_ = false;
  bool still_ = true;      // a change of the running epoch has come: the position stands still
  Epoch sealed_;           // what batches are read as of
  std::deque<Read> read_;  // not yet given out
  bool paused_;
  TokenBucket limit_;
  std::shared_ptr<const Pace> pace_;  // shared with the graph's other actors; null: none
  const std::function<void()> wake_;
  ChunkSizer sizer_{data::kChunkRows};
  runtime::TimePoint share_until_;  // of the actor's time
  size_t allowed_ = 0;              // rows of the batch that is being read
  size_t chunk_rows_ = 0;           // of each of its chunks
};

}  // namespace penstock::stream
