#pragma once

#include <memory>
#include <vector>

#include "stream/executor/aggregate/counted_values.h"
#include "stream/executor/aggregate/group_states.h"
#include "stream/executor/expression_errors.h"
#include "stream/executor/operator.h"
#include "stream/executor/state/barrier_tables.h"
#include "stream/executor/state/memory_account.h"

namespace penstock::stream {

struct HashAggOptions {
  std::vector<uint32_t> group_key;  // columns of the input
  std::vector<AggregateCall> calls;
  uint32_t row_count_call = 0;               // count(*) over all rows: a group with 0 is gone
  std::vector<expr::ExpressionPtr> filters;  // of the calls' FILTER clauses, each once
  bool append_only = false;                  // the input never takes a row back

  storage::StateTable groups;
  struct Distinct {
    storage::StateTable table;
    uint32_t column;
    std::vector<uint32_t> calls;  // in order; one counter each
  };
  std::vector<Distinct> distinct;
  struct Values {
    storage::StateTable table;
    uint32_t call;
  };
  std::vector<Values> values;  // of each call that keeps values
};

/// GROUP BY over a changelog.
///
///  - Changed groups come out at the barrier, as one Insert, Delete or update each, and only if a column changed. Their state is encoded
///    once, at the same moment. (Sooner only if the node is over its memory budget and changed groups are what takes it.) Output is the
///    group key, then a column a call.
///  - A group whose row count is 0 does not exist. Without a group key there is one row always, from just after the first barrier on.
///  - Groups that changed since the last barrier stay in memory; others may be evicted and are read again when they are touched, a chunk's
///    worth with one multi-get.
///  - DISTINCT calls over one column share one table of counts; min and max over input that retracts keep counts of their values.
class HashAggOperator final : public Operator {
 public:
  HashAggOperator(HashAggOptions options, const ActorContext& context);

  Status init(EpochPair first) override { return tables_.init(first); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return false; }
  Status skip(EpochPair skipped) override { return tables_.skip(skipped); }
  size_t memory_bytes() const override;
  size_t evict(size_t bytes) override;

 private:
  enum class Phase : uint8_t { Idle, Chunk, FirstRow, Refill, Emit };

  struct Distinct {
    std::unique_ptr<CountedValues> values;
    std::vector<uint32_t> calls;
  };
  struct Values {
    std::unique_ptr<CountedValues> values;
    uint32_t call;
    std::vector<uint32_t> unknown;                 // groups whose best values must be read
    std::vector<std::vector<data::Datum>> refill;  // what was read for them
  };
  // Groups in a batch of changed rows: each may give two rows, and a batch becomes one chunk.
  static constexpr size_t kOldRows = data::kChunkRows / 2;
  // Groups touched since the barrier that had a row, and that row's columns of the calls.
  struct OldRows {
    std::vector<uint32_t> groups;
    std::vector<data::Column> outputs;
  };

  // A chunk.
  void prepare_chunk();
  void evaluate_filters();
  void select(size_t call, Changes& to) const;
  [[nodiscard]] Result<Step> read_or(Phase phase, Output& out);
  Status read_states();
  Status install_states();
  Result<Step> apply_chunk(Output& out);
  void mark_dirty();
  void apply_call(size_t call);
  void apply_function(size_t call, const Changes& changes);
  void track_values(Values& values, const Changes& changes);
  [[nodiscard]] bool settle_memory();

  // A barrier, or changed groups must leave memory.
  Result<Step> flush(Output& out);
  void find_unknown();
  Status read_unknown();
  void take_best_values();
  Result<Step> emit_some(Output& out);
  void emit_old(OldRows old, Output& out);
  void emit_fresh(std::span<const uint32_t> groups, Output& out);
  void write_groups(std::span<const uint32_t> groups, const std::vector<data::Column>& keys, std::span<const uint8_t> alive);
  [[nodiscard]] OldRows take_old_rows();
  [[nodiscard]] std::vector<data::Column> outputs_of(std::span<const uint32_t> groups);
  [[nodiscard]] std::vector<uint8_t> alive_of(const std::vector<data::Column>& outputs) const;
  [[nodiscard]] std::vector<const std::byte*> payloads_of(std::span<const uint32_t> groups) const;
  Result<Step> make_first_row(Output& out);

  const std::vector<uint32_t> group_key_;
  const std::vector<AggregateCall> calls_;
  const uint32_t row_count_call_;
  const std::vector<expr::ExpressionPtr> filters_;
  const bool append_only_;
  const GroupStates states_;
  KeyedState groups_;
  std::vector<Distinct> distinct_;
  std::vector<std::optional<size_t>> distinct_of_call_;  // which of distinct_
  std::vector<Values> values_;
  std::vector<std::optional<size_t>> values_of_call_;
  BarrierTables tables_;
  ExpressionErrors errors_;
  MemoryAccount memory_;

  // Since the last barrier.
  std::vector<OldRows> old_rows_;
  std::vector<uint32_t> fresh_;  // touched groups that had no row

  Phase phase_ = Phase::Idle;
  std::optional<Barrier> barrier_;  // while one is being passed

  // The chunk at hand; kept for its memory.
  data::StreamChunk chunk_;
  std::vector<std::optional<data::Bitmap>> passed_;  // by filter; none: not computed
  Changes all_;                                      // every visible row
  std::vector<Changes> selected_;                    // by call: the rows its FILTER passes; unused without one
  std::vector<Changes> present_;                     // by call: what DISTINCT made of them
  std::vector<std::byte*> states_scratch_;
};

}  // namespace penstock::stream
