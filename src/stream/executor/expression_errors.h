#pragma once

#include "expr/expression.h"
#include "stream/executor/actor_context.h"

namespace penstock::stream {

/// Rows whose expressions failed since the last barrier: they are NULL in the view, counted here and told once an epoch.
class ExpressionErrors {
 public:
  explicit ExpressionErrors(EpochReports& reports) : reports_(reports) {}

  [[nodiscard]] expr::RowErrors& rows() { return rows_; }
  /// At a barrier, before its epoch is collected.
  void report(Epoch prev) {
    if (rows_.count == 0) return;
    reports_.report_expression_errors(prev, rows_.count, *rows_.first);
    rows_ = {};
  }

 private:
  EpochReports& reports_;
  expr::RowErrors rows_;
};

}  // namespace penstock::stream
