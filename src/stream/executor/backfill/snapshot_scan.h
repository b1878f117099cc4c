#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "stream/executor/actor_context.h"
#include "stream/executor/backfill/scan_position.h"
#include "stream/executor/operator.h"
#include "stream/executor/source/chunk_sizer.h"
#include "stream/executor/source/token_bucket.h"
#include "stream/executor/state/barrier_tables.h"

namespace penstock::stream {

struct StreamScanOptions {
  storage::TableSchema upstream;
  std::vector<uint32_t> output;  // columns of upstream
  storage::StateTable progress;
  /// A batch ends with whichever comes first.
  size_t batch_rows = 65'536;
  runtime::Duration batch_time = std::chrono::milliseconds(50);
  uint64_t rate_limit = 0;  // rows a second; 0: none
};

/// What a backfill (`StreamScanOperator`) needs until it is done: the positions, their table, and the batch that is being read. The calls
/// are those of an operator.
///
/// How long a batch takes is not known when it is read: a row may join with millions. So it is given out in chunks of the graph's chunk
/// time
/// (`stream/pace.h`), and a barrier or a change does not wait for the whole of it: after a barrier the scan keeps the actor for `kShare` of
/// these times, so that that of a table that keeps changing gets on; from then on whatever comes is taken between two chunks. The position
/// is that of the last row given out. A barrier leaves the rest of the batch as it is; the first change makes it void, and it is read
/// again.
///
/// Positions are rows of `progress` (vnode, pk of the last row read or NULL, finished, rows), stored under the vnode they speak of and
/// committed with the rows they stand for. Progress is reported at each barrier until it was reported as done.
///
/// A backfill that is to come after others of its job waits until a StartBackfill names its fragment: it reads nothing, so its positions
/// are where nothing has been read, and changes pass it no more than they pass one that has just begun.
class SnapshotScan {
 public:
  SnapshotScan(StreamScanOptions options, const ActorContext& context);

  Status init(EpochPair first) { return tables_.init(first); }
  [[nodiscard]] Result<Step> on_chunk(data::StreamChunk chunk, Output& out);
  [[nodiscard]] Result<Step> resume(Output& out);
  [[nodiscard]] Operator::StateRead take_state_read();
  [[nodiscard]] Result<Step> on_barrier(const Barrier& barrier);
  [[nodiscard]] Result<Step> after_barrier(const Barrier& barrier);
  [[nodiscard]] Generator::Poll poll(Output& out);
  /// All was read and reported: nothing is to come but changes.
  [[nodiscard]] bool told_done() const { return told_done_; }

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
  [[nodiscard]] bool has_read_nothing() const { return current_ == 0 && !positions_.empty() && !positions_[0].started(); }
  Status load();
  void note_loaded();
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
  const FragmentId fragment_;
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
  bool waits_;  // for other backfills of the job
  TokenBucket limit_;
  std::shared_ptr<const Pace> pace_;  // shared with the graph's other actors; null: none
  const std::function<void()> wake_;
  ChunkSizer sizer_{data::kChunkRows};
  runtime::TimePoint share_until_;  // of the actor's time
  size_t allowed_ = 0;              // rows of the batch that is being read
  size_t chunk_rows_ = 0;           // of each of its chunks
};

}  // namespace penstock::stream
