#pragma once

#include "stream/executor/operator.h"

namespace penstock::stream {

/// UNION ALL: the rows of all inputs, as they come.
class UnionOperator final : public Operator {
 public:
  Status init(EpochPair /*first*/) override { return ok(); }
  Result<Step> on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& out) override {
    out.push_back(std::move(chunk));
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  [[nodiscard]] bool acts_at_barriers() const override { return false; }
};

}  // namespace penstock::stream
