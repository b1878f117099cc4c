#include "stream/executor/filter.h"

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

Result<Step> FilterOperator::on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& out) {
  auto pass = expr::evaluate_predicate(*predicate_, chunk.data(), chunk.visibility().get(), errors_.rows());
  if (auto kept = keep_rows(chunk, std::move(pass))) out.push_back(std::move(*kept));
  return Step::Done;
}

Result<Step> FilterOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  errors_.report(barrier.epoch.prev);
  return Step::Done;
}

}  // namespace penstock::stream
