#pragma once

#include <vector>

#include "stream/executor/expression_errors.h"
#include "stream/executor/operator.h"

namespace penstock::stream {

/// Computes a column an expression; rows and ops stay as they are, but updates that change none of the columns are hidden.
class ProjectOperator final : public Operator {
 public:
  ProjectOperator(std::vector<expr::ExpressionPtr> exprs, EpochReports& reports) : exprs_(std::move(exprs)), errors_(reports) {}

  Status init(EpochPair /*first*/) override { return ok(); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  [[nodiscard]] bool acts_at_barriers() const override { return false; }

 private:
  const std::vector<expr::ExpressionPtr> exprs_;
  ExpressionErrors errors_;
};

}  // namespace penstock::stream
