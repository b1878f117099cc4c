#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "connector/source/split_reader.h"
#include "stream/executor/actor_context.h"
#include "stream/executor/mutation.h"
#include "stream/executor/operator.h"
#include "stream/executor/source/chunk_sizer.h"
#include "stream/executor/source/token_bucket.h"

namespace penstock::stream {

/// How readers are opened: connector::open_split, or a test's own.
using SplitReaderFactory = std::function<Result<std::unique_ptr<connector::SplitReader>>(
    const connector::SourceSpec&, const connector::SplitPosition&, std::vector<uint32_t>)>;

/// Reads the actor's splits, round robin, a chunk a step.
///
///  - Never blocks: a reader that needs bytes becomes NeedState, and the read runs on the blocking pool.
///  - At each Checkpoint barrier it reports where every split stands: "all rows before this are in `prev`". Nothing else keeps offsets.
///  - Row id: split number << 40 | row in the split; the same when a row is read again after a recovery.
///  - Pause, Resume, SourceChangeSplit, Throttle and ConnectorPropsChange take effect once their barrier has passed. A split that stays
///    keeps its reader; with new options each reader is opened anew where it was.
///  - A bad record is the reader's business (on_error): it fails the actor, or is counted and told with the next report.
class SourceOperator final : public Operator, public Generator {
 public:
  struct Options {
    ObjectId source;
    connector::SourceSpec spec;
    std::vector<uint32_t> output;  // columns of spec.columns
    bool with_row_id = false;      // appended
    uint64_t rate_limit = 0;       // rows a second of this actor; 0: none
    uint64_t own_rate = 0;         // rows a second that the source itself asks for, all of its splits together; 0: none
    uint64_t own_splits = 1;       // how many splits those are
  };
  SourceOperator(Options options, const ActorContext& context, SplitReaderFactory open);

  Status init(EpochPair first) override;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  Generator* generator() override { return this; }

  Result<Poll> poll(Output& out) override;
  Status before_barrier(Output& /*out*/) override { return ok(); }

 private:
  struct Split {
    SplitState state;
    std::unique_ptr<connector::SplitReader> reader;  // null when the split is finished
  };

  Result<Split> open(SplitState state);
  Status assign(std::vector<SplitState> splits);
  Status change(std::map<std::string, std::string> properties);
  void keep_own_pace();
  void forget(Split& split);
  void finish(Split& split);
  Result<Poll> read_some(Output& out);
  void emit(Split& split, data::DataChunk rows, uint64_t first_row, Output& out) const;
  [[nodiscard]] static SplitState state_of(const Split& split);
  [[nodiscard]] SourceReport report() const;
  [[nodiscard]] std::string place(const Split& split) const;

  Options options_;  // the spec's properties and its own rate change
  const ActorId actor_;
  const SplitReaderFactory open_;
  runtime::Runtime& runtime_;
  EpochReports& reports_;

  std::vector<Split> splits_;
  std::vector<SplitState> to_open_;  // from construction to init
  size_t turn_ = 0;                  // of splits_: who reads next, and who reads now after NeedState
  bool paused_;
  std::shared_ptr<const Pace> flow_;  // shared with the graph's other actors; null: none
  ChunkSizer sizer_{data::kChunkRows};
  TokenBucket limit_;            // of the user
  TokenBucket pace_;             // of the source itself, the actor's share
  uint64_t skipped_before_ = 0;  // by readers that are gone
  std::string last_error_;
};

}  // namespace penstock::stream
