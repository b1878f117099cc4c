#include "stream/executor/row_id_gen.h"

#include <bit>

#include "common/check.h"

namespace penstock::stream {

using data::Column;
using data::StreamChunk;

namespace {
constexpr uint32_t kLowBits = 22;
}

RowIdSequence::RowIdSequence(const VNodeBitmap& vnodes)
    : owned_(vnodes.list()),
      vnode_bits_(static_cast<uint32_t>(std::bit_width(std::max(vnodes.size(), 2U) - 1))),
      per_milli_(std::max<uint64_t>(owned_.size(), 1) << (kLowBits - vnode_bits_)) {}

void RowIdSequence::start_epoch(Epoch curr) { ticks_ = std::max(ticks_, (curr.value >> 16) * per_milli_); }

int64_t RowIdSequence::next() {
  PENSTOCK_CHECK(!owned_.empty(), "an actor without vnodes has no row ids to give");
  const uint64_t tick = ticks_++;
  const uint64_t within = tick % per_milli_;
  const uint64_t vnode = owned_[within % owned_.size()];
  return static_cast<int64_t>(tick / per_milli_ << kLowBits | within / owned_.size() << vnode_bits_ | vnode);
}

Status RowIdGenOperator::init(EpochPair first) {
  ids_.start_epoch(first.curr);
  return ok();
}

Result<Step> RowIdGenOperator::on_chunk(size_t /*port*/, StreamChunk chunk, Output& out) {
  std::vector<Column> columns = chunk.data().columns();
  if (columns[column_].validity() != nullptr) {
    columns[column_] = filled(chunk);
    chunk = chunk.with_columns(std::move(columns));
  }
  out.push_back(std::move(chunk));
  return Step::Done;
}

Result<Step> RowIdGenOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  ids_.start_epoch(barrier.epoch.curr);
  return Step::Done;
}

Column RowIdGenOperator::filled(const StreamChunk& chunk) {
  const Column& given = chunk.column(column_);
  data::ColumnBuilder<int64_t> builder(given.type(), chunk.rows());
  for (size_t row = 0; row < chunk.rows(); ++row) {
    if (!given.is_null(row)) {
      builder.append(given.value<int64_t>(row));
    } else if (chunk.is_visible(row) && data::is_insert(chunk.op(row))) {
      builder.append(ids_.next());
    } else {
      builder.append_null();
    }
  }
  return builder.finish();
}

}  // namespace penstock::stream
