#pragma once

#include "stream/executor/expression_errors.h"
#include "stream/executor/operator.h"

namespace penstock::stream {

/// Passes the rows whose predicate is true. Rows are hidden, not copied, unless few are left; an update of which only one half passes
/// becomes a Delete or an Insert.
class FilterOperator final : public Operator {
 public:
  FilterOperator(expr::ExpressionPtr predicate, EpochReports& reports) : predicate_(std::move(predicate)), errors_(reports) {}

  Status init(EpochPair /*first*/) override { return ok(); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  [[nodiscard]] bool acts_at_barriers() const override { return false; }

 private:
  const expr::ExpressionPtr predicate_;
  ExpressionErrors errors_;
};

}  // namespace penstock::stream
