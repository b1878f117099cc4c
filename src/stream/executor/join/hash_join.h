#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "stream/executor/chunk_rows.h"
#include "stream/executor/expression_errors.h"
#include "stream/executor/join/join_side.h"
#include "stream/executor/operator.h"
#include "stream/executor/state/barrier_tables.h"
#include "stream/executor/state/memory_account.h"

namespace penstock::stream {

/// What a join type gives: the pairs that match, and of each side rows by themselves (the other side's columns NULL).
struct JoinShape {
  enum class Alone : uint8_t { Never, Unmatched, Matched };
  bool pairs = true;
  std::array<Alone, 2> alone{Alone::Never, Alone::Never};  // left, right
};
inline constexpr JoinShape kInnerJoin{true, {JoinShape::Alone::Never, JoinShape::Alone::Never}};
inline constexpr JoinShape kLeftJoin{true, {JoinShape::Alone::Unmatched, JoinShape::Alone::Never}};
inline constexpr JoinShape kRightJoin{true, {JoinShape::Alone::Never, JoinShape::Alone::Unmatched}};
inline constexpr JoinShape kFullJoin{true, {JoinShape::Alone::Unmatched, JoinShape::Alone::Unmatched}};
inline constexpr JoinShape kSemiJoin{false, {JoinShape::Alone::Matched, JoinShape::Alone::Never}};
inline constexpr JoinShape kAntiJoin{false, {JoinShape::Alone::Unmatched, JoinShape::Alone::Never}};

struct HashJoinOptions {
  JoinShape shape = kInnerJoin;
  struct Side {
    storage::StateTable table;  // all columns of the input; pk = key, then its stream key
    std::vector<uint32_t> key;
  };
  Side left, right;
  /// Columns are numbered left, then right. `condition` is over `condition_columns`, in that order; null: every pair of equal keys.
  expr::ExpressionPtr condition;
  std::vector<uint32_t> condition_columns;
  std::vector<uint32_t> output;
};

/// Equi-join of two changelogs with any further condition.
///
///  - Each row is joined with the rows that the other input has at that moment, then kept on its own side. What comes out is Inserts and
///    Deletes: the two halves of an update join by themselves.
///  - A NULL in the key matches nothing, and the row is not kept.
///  - Output is bounded by about a chunk a step, however many rows a key has.
///  - The rows of keys that are not in memory are read when a chunk asks for them, all of the chunk's keys in one go.
class HashJoinOperator final : public Operator {
 public:
  HashJoinOperator(HashJoinOptions options, const ActorContext& context);

  Status init(EpochPair first) override { return tables_.init(first); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return false; }
  Status skip(EpochPair skipped) override { return tables_.skip(skipped); }
  size_t memory_bytes() const override { return sides_[0].memory_bytes() + sides_[1].memory_bytes(); }
  size_t evict(size_t bytes) override;

 private:
  using Alone = JoinShape::Alone;
  enum class Phase : uint8_t { Idle, Read, Probe };

  // Pairs of a row of the chunk and a row of the other side, in order of the chunk's rows.
  struct Pairs {
    std::vector<uint32_t> places;  // of the chunk's row, in rows_
    std::vector<uint32_t> others;  // row on the other side
    void clear() {
      places.clear();
      others.clear();
    }
  };
  // What goes out, in order. kNullRow or null: the columns of that side are NULL.
  struct Joined {
    std::vector<Op> ops;
    std::vector<uint32_t> rows;            // of the chunk
    std::vector<const std::byte*> others;  // on the other side
    void add(Op op, uint32_t row, const std::byte* other) {
      ops.push_back(op);
      rows.push_back(row);
      others.push_back(other);
    }
  };
  // Where the rows of a pair come from, to fetch columns of (left, right).
  struct Source {
    const data::DataChunk& chunk;
    std::span<const uint32_t> rows;
    std::span<const std::byte* const> others;
    bool nulls = false;  // some rows are kNullRow
  };

  [[nodiscard]] JoinSide& own() { return sides_[port_]; }
  [[nodiscard]] JoinSide& other() { return sides_[1 - port_]; }
  [[nodiscard]] bool counts(size_t side) const { return shape_.alone[side] != Alone::Never; }

  void split_rows();
  void resolve();
  Status read();
  Result<Step> probe(Output& out);
  void count_matches();
  void collect_pairs();
  void keep_matching();
  void join_pairs(Joined& to);
  void join_pair(size_t place, uint32_t other_row, Joined& to);
  void end_row(size_t place, Joined& to);
  void send(Joined joined, Output& out);
  [[nodiscard]] std::vector<uint8_t> matching(const Pairs& pairs, const data::DataChunk& chunk, std::span<const uint32_t> rows,
                                              const JoinSide& other, size_t port);
  [[nodiscard]] data::Column column_of(const Source& source, uint32_t column, const JoinSide& other, size_t port) const;
  Status finish_chunk();
  void settle_memory();

  const JoinShape shape_;
  const expr::ExpressionPtr condition_;
  const std::vector<uint32_t> condition_columns_;
  const std::vector<uint32_t> output_;
  std::array<JoinSide, 2> sides_;
  BarrierTables tables_;
  ExpressionErrors errors_;
  MemoryAccount memory_;

  // The chunk at hand.
  Phase phase_ = Phase::Idle;
  size_t port_ = 0;
  data::StreamChunk chunk_;
  std::vector<uint32_t> rows_;       // visible rows whose key has no NULL
  std::vector<uint32_t> null_rows_;  // visible rows whose key has one
  std::vector<uint32_t> runs_;       // by place in rows_: the other side's run
  std::vector<uint32_t> own_runs_;   // likewise of the own side; only to count matches
  std::vector<uint32_t> matches_;    // by place: pairs found so far
  size_t place_ = 0;                 // next pair: place in rows_ …
  size_t entry_ = 0;                 // … and in its run
  size_t ended_ = 0;                 // places whose pairs have all been joined
  Pairs pairs_;
};

}  // namespace penstock::stream
