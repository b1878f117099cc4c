#include "stream/exchange/output_port.h"

namespace penstock::stream {

using data::Op;
using data::StreamChunk;

void OutputPort::connect(std::unique_ptr<ChannelSender> sender) {
  sender_ = std::move(sender);
  if (discarding_) sender_->close(error(Code::Closed, "actor {} came too late: changes have passed it by", downstream_));
}

Status OutputPort::push(StreamChunk chunk) {
  if (discarding_) return ok();
  if (chunk.visibility() && chunk.visible_rows() < chunk.rows() / 4) chunk = chunk.compact();
  if (chunk.rows() == 0) return ok();
  const bool small = chunk.rows() < kSmall;
  if (!small || small_rows_ + chunk.rows() > data::kChunkRows) seal_small();
  if (discarding_) return ok();
  if (small) {
    small_rows_ += chunk.rows();
    small_.push_back(std::move(chunk));
    // Gathering more than there is room for would let it all through as one chunk.
    if (sender_ && small_rows_ >= sender_->room()) seal_small();
  } else {
    return send_or_keep(std::move(chunk));
  }
  return send(false);
}

Status OutputPort::push_barrier(const Barrier& barrier) {
  if (discarding_) return ok();
  seal_small();
  if (discarding_) return ok();
  return send_or_keep(Barrier{barrier.epoch, barrier.kind, nullptr});
}

Status OutputPort::send_or_keep(Message message) {
  if (due_.empty() && sender_) {
    const Result<bool> sent = sender_->try_send(message);
    if (sent.has_error()) return lost(sent.error());
    if (sent.value()) return ok();
  }
  keep(std::move(message));
  return send(false);
}

void OutputPort::keep(Message message) {
  if (!sender_) {
    if (const auto* chunk = std::get_if<StreamChunk>(&message)) {
      kept_ += chunk_weight(*chunk);
    } else {
      ++kept_barriers_;
    }
    if (soft_ && (kept_ > kMostKept || kept_barriers_ > kMostBarriersKept)) return discard();
  }
  due_.push(std::move(message));
}

Status OutputPort::send(bool small) {
  // As long as older ones wait, more may still come to be gathered with these.
  if (small && due_.empty()) seal_small();
  while (!due_.empty() && sender_) {
    const Result<bool> sent = sender_->try_send(due_.front());
    if (sent.has_error()) return lost(sent.error());
    if (!sent.value()) break;
    due_.pop();
    if (small && due_.empty()) seal_small();
  }
  if (due_.empty() && std::exchange(kept_barriers_, 0) > 0) due_ = {};  // what waited for the downstream is the most there will be for long
  return ok();
}

Status OutputPort::check() {
  if (!sender_ || discarding_) return ok();
  const Status state = sender_->state();
  return state.has_error() ? lost(state.error()) : ok();
}

Status OutputPort::lost(const Error& reason) {
  const bool ended = last_ && due_.empty();
  if ((!soft_ && !ended) || reason.code() != Code::Closed) return reason.with_context(fmt::format("output to actor {}", downstream_));
  discard();
  return ok();
}

void OutputPort::discard() {
  discarding_ = true;
  due_.clear();
  small_.clear();
  small_rows_ = 0;
}

void OutputPort::seal_small() {
  if (small_.empty()) return;
  StreamChunk whole = small_.size() == 1 ? std::move(small_.front()) : concat_chunks(small_);
  small_.clear();
  small_rows_ = 0;
  keep(std::move(whole));
}

StreamChunk concat_chunks(std::span<const StreamChunk> chunks) {
  std::vector<StreamChunk> whole;
  whole.reserve(chunks.size());
  size_t rows = 0;
  bool insert_only = true;
  for (const StreamChunk& chunk : chunks) {
    whole.push_back(chunk.compact());
    rows += whole.back().rows();
    insert_only = insert_only && whole.back().insert_only();
  }
  std::vector<data::Column> columns;
  columns.reserve(whole.front().width());
  std::vector<data::Column> parts(whole.size());
  for (size_t i = 0; i < whole.front().width(); ++i) {
    for (size_t part = 0; part < whole.size(); ++part) parts[part] = whole[part].column(i);
    columns.push_back(data::concat(parts));
  }
  std::shared_ptr<std::vector<Op>> ops;  // shared with the chunk
  if (!insert_only) {
    ops = std::make_shared<std::vector<Op>>();
    ops->reserve(rows);
    for (const StreamChunk& chunk : whole) {
      if (chunk.insert_only()) {
        ops->insert(ops->end(), chunk.rows(), Op::Insert);
      } else {
        ops->insert(ops->end(), chunk.ops()->begin(), chunk.ops()->end());
      }
    }
  }
  return {data::DataChunk(std::move(columns), rows), std::move(ops)};
}

}  // namespace penstock::stream
