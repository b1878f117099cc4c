#pragma once

#include "stream/executor/operator.h"

namespace penstock::stream {

/// connector = 'blackhole': takes every row, keeps none, counts them.
class BlackholeSink final : public Operator {
 public:
  Status init(EpochPair /*first*/) override { return ok(); }
  Result<Step> on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& /*out*/) override {
    rows_ += chunk.visible_rows();
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  [[nodiscard]] bool acts_at_barriers() const override { return false; }

  /// Since the actor started.
  [[nodiscard]] uint64_t rows() const { return rows_; }

 private:
  uint64_t rows_ = 0;
};

}  // namespace penstock::stream
