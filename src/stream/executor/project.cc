#include "stream/executor/project.h"

namespace penstock::stream {

Result<Step> ProjectOperator::on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& out) {
  std::vector<data::Column> columns;
  columns.reserve(exprs_.size());
  for (const auto& expr : exprs_) columns.push_back(expr->evaluate(chunk.data(), chunk.visibility().get(), errors_.rows()));
  out.push_back(chunk.with_columns(std::move(columns)));
  return Step::Done;
}

Result<Step> ProjectOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  errors_.report(barrier.epoch.prev);
  return Step::Done;
}

}  // namespace penstock::stream
