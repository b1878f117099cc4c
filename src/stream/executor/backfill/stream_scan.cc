#include "stream/executor/backfill/stream_scan.h"

namespace penstock::stream {

Result<Step> StreamScanOperator::on_chunk(size_t /*port*/, data::StreamChunk chunk, Output& out) {
  if (scan_) return scan_->on_chunk(std::move(chunk), out);
  out.push_back(chunk.project(output_));
  return Step::Done;
}

Result<Step> StreamScanOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  if (!scan_) return Step::Done;
  done_ = scan_->told_done();
  return scan_->on_barrier(barrier);
}

Result<Step> StreamScanOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  if (!scan_) return Step::Done;
  PENSTOCK_TRY(const Step step, scan_->after_barrier(barrier));
  if (done_) scan_.reset();  // a barrier ago already, so that the last positions are out of its table
  return step;
}

}  // namespace penstock::stream
