#include "stream/executor/project.h"

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

Result<Step> ProjectOperator::on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& out) {
  using data::StreamChunk;
  std::vector<data::Column> columns;
  columns.reserve(exprs_.size());
  for (const auto& expr : exprs_) columns.push_back(expr->evaluate(chunk.data(), chunk.visibility().get(), errors_.rows()));
  StreamChunk projected = without_empty_updates(chunk.with_columns(std::move(columns)));
  if (projected.visible_rows() > 0) out.push_back(std::move(projected));
  return Step::Done;
}

Result<Step> ProjectOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  errors_.report(barrier.epoch.prev);
  return Step::Done;
}

}  // namespace penstock::stream
