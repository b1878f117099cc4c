#pragma once

#include "stream/executor/operator.h"

namespace penstock::stream {

/// Numbers that never come twice, neither from another actor nor after a restart or rescale.
///
///     63 |  62 … 22                      | 21 … v   | v-1 … 0
///      0 | ms since 2021-04-01 (41 bits) | sequence | vnode        v = bits of (vnode count - 1), 8 for 256 vnodes
///
/// The vnode is one that the actor owns, so two actors never meet. Numbers grow, and in each epoch they start no lower than the epoch's
/// time; as epochs never go back, a restarted actor begins above what was committed before. An actor hands out
/// owned vnodes * 2^(22 - v) numbers a millisecond before it would run ahead of time: 2 million with half of 256 vnodes.
class RowIdSequence {
 public:
  explicit RowIdSequence(const VNodeBitmap& vnodes);
  void start_epoch(Epoch curr);
  [[nodiscard]] int64_t next();

 private:
  std::vector<VNode> owned_;
  uint32_t vnode_bits_;
  uint64_t per_milli_;  // numbers in a millisecond
  uint64_t ticks_ = 0;  // numbers given or skipped so far: millisecond * per_milli_ + number within
};

/// Fills the BIGINT column `column` of inserted rows where it is NULL.
class RowIdGenOperator final : public Operator {
 public:
  RowIdGenOperator(uint32_t column, const VNodeBitmap& vnodes) : column_(column), ids_(vnodes) {}

  Status init(EpochPair first) override;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> on_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return false; }
  Status skip(EpochPair skipped) override {
    ids_.start_epoch(skipped.curr);
    return ok();
  }

 private:
  [[nodiscard]] data::Column filled(const data::StreamChunk& chunk);

  const uint32_t column_;
  RowIdSequence ids_;
};

}  // namespace penstock::stream
