#include "stream/executor/dml.h"

#include <algorithm>

#include "common/check.h"
#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

DmlOperator::DmlOperator(ObjectId table, std::vector<data::DataType> types, const ActorContext& context)
    : table_(table), types_(std::move(types)), actor_(context.actor), registry_(context.dml), wake_(context.wake) {}

Status DmlOperator::init(EpochPair /*first*/) {
  queue_ = registry_.register_actor(table_, types_, actor_, wake_);
  return ok();
}

Result<Step> DmlOperator::on_chunk(size_t /*port*/, data::StreamChunk /*chunk*/, Output& /*out*/) {
  PENSTOCK_CHECK(false, "a DML operator has no input");
}

Result<Step> DmlOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  epoch_ = barrier.epoch.curr;
  return Step::Done;
}

Result<Generator::Poll> DmlOperator::poll(Output& out) {
  drain(out);
  return Poll{};
}

Status DmlOperator::before_barrier(Output& out) {
  drain(out);
  return ok();
}

// It came from another process.
bool DmlOperator::fits(const data::StreamChunk& chunk) const {
  const auto kind = [](data::DataType type) { return type.kind; };
  return std::ranges::equal(chunk.data().types(), types_, {}, kind, kind);
}

// A barrier may not leave any behind, and what was accepted is in memory anyway: there is no bound on what one call takes.
void DmlOperator::drain(Output& out) {
  if (!epoch_) return;
  for (DmlQueue::Batch& batch : queue_->take(*epoch_)) {
    if (!fits(batch.chunk)) {
      batch.taken(error(Code::SerializationFailure, "not applied: the table has other columns than the rows; it is being altered")
                      .with_hint("Run it again."));
      continue;
    }
    append_in_pieces(std::move(batch.chunk), out);
    batch.taken(*epoch_);
  }
}

}  // namespace penstock::stream
