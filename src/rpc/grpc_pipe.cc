#include "rpc/grpc_pipe.h"

#include "rpc/error_codec.h"

namespace penstock::rpc {

void GrpcPipe::attach(Wire& wire) {
  inbox_->on_handled([weak = weak_from_this()](size_t) {
    const auto pipe = weak.lock();
    if (!pipe) return;
    const MutexLock lock(pipe->mutex_);
    pipe->advance();
  });
  const MutexLock lock(mutex_);
  wire_ = &wire;
}

void GrpcPipe::on_started(bool good) {
  const MutexLock lock(mutex_);
  started_ = true;
  if (!good) nobody_reads_ = writes_ended_ = reads_ended_ = true;
  advance();
}

bool GrpcPipe::write(Bytes message) {
  const size_t size = message.size();
  if (size > kMaxMessageBytes) {
    const Status reason = error(Code::ConfigurationLimit, "message of {} bytes is over the limit of {}", size, kMaxMessageBytes);
    close(reason, reason);
    return false;
  }
  if (inbox_->ended()) return false;
  const MutexLock lock(mutex_);
  if (closing_ || nobody_reads_) return false;
  enqueue({GrpcFrame::Kind::Message, std::move(message)});
  return true;
}

void GrpcPipe::close(const Status& own, const Status& told) {
  if (!inbox_->abandon(own)) return;
  GrpcFrame end{GrpcFrame::Kind::End, encode_status(told)};
  const MutexLock lock(mutex_);
  start_linger();
  if (!nobody_reads_) enqueue(std::move(end));
  closing_ = true;
  advance();
}

void GrpcPipe::tear_down() {
  inbox_->discard();
  break_off();
}

void GrpcPipe::break_off() {
  const MutexLock lock(mutex_);
  nobody_reads_ = true;
  if (wire_ != nullptr) wire_->cancel();
  advance();
}

void GrpcPipe::on_read(bool good) {
  std::optional<Status> end;
  bool readable = true;
  if (good) {
    auto frame = GrpcFrame::decode(incoming_);
    incoming_.Clear();
    if (frame.has_error()) {
      end = frame.error();
      readable = false;
    } else if (frame.value().kind == GrpcFrame::Kind::End) {
      end = decode_status(frame.value().payload);
    } else {
      inbox_->deliver(std::move(frame.value().payload));
    }
  }
  if (end) inbox_->finish(*end);
  if (!readable) break_off();
  const MutexLock lock(mutex_);
  reading_ = false;
  if (!good) reads_ended_ = true;
  if (!good || end) {
    nobody_reads_ = true;
    start_linger();
  }
  advance();
}

void GrpcPipe::on_written(bool good) {
  const MutexLock lock(mutex_);
  writing_ = false;
  queued_.fetch_sub(std::exchange(writing_bytes_, 0), std::memory_order_relaxed);
  writing_frame_.Clear();
  if (!good) nobody_reads_ = true;
  advance();
}

void GrpcPipe::on_cancelled() {
  inbox_->finish(error(Code::Closed, "the connection with {} broke", peer_));
  const MutexLock lock(mutex_);
  nobody_reads_ = true;
  advance();
}

void GrpcPipe::on_done(const Status& reason) {
  inbox_->finish(reason);
  const MutexLock lock(mutex_);
  wire_ = nullptr;
  nobody_reads_ = true;
  linger_timer_.cancel();
  drop_outgoing();
}

void GrpcPipe::enqueue(GrpcFrame frame) {
  queued_.fetch_add(frame.payload.size(), std::memory_order_relaxed);
  outgoing_.push(std::move(frame));
  advance();
}

void GrpcPipe::drop_outgoing() {
  while (!outgoing_.empty()) queued_.fetch_sub(outgoing_.pop().payload.size(), std::memory_order_relaxed);
}

void GrpcPipe::start_linger() {
  if (wire_ == nullptr || closing_ || nobody_reads_) return;
  linger_timer_ = runtime_.after(linger_, runtime_.pool(), [weak = weak_from_this()] {
    if (const auto pipe = weak.lock()) pipe->break_off();
  });
}

void GrpcPipe::advance() {
  if (wire_ == nullptr || !started_ || released_) return;
  advance_writes();
  advance_reads();
  if (!writes_ended_ || !reads_ended_) return;
  released_ = true;
  wire_->release();
}

void GrpcPipe::advance_writes() {
  if (nobody_reads_) drop_outgoing();
  if (writing_ || writes_ended_) return;
  if (!outgoing_.empty()) {
    GrpcFrame frame = outgoing_.pop();
    writing_bytes_ = frame.payload.size();
    auto encoded = GrpcFrame::encode(frame.kind, std::move(frame.payload));
    writing_frame_.Swap(&encoded);
    writing_ = true;
    wire_->start_write(&writing_frame_);
  } else if (closing_ || nobody_reads_) {
    writes_ended_ = true;
    may_read_on_ = wire_->end_writes();
  }
}

void GrpcPipe::advance_reads() {
  if (reading_ || reads_ended_) return;
  if (!may_read_on_) {
    reads_ended_ = true;
  } else if (inbox_->bytes() < kWindow || inbox_->ended()) {
    reading_ = true;
    wire_->start_read(&incoming_);
  }
}

GrpcStream::~GrpcStream() {
  pipe_->close(error(Code::Closed, "the stream was dropped"), error(Code::Closed, "the peer dropped the stream"));
}

bool GrpcPipes::add(const std::shared_ptr<GrpcPipe>& pipe) {
  const MutexLock lock(mutex_);
  if (closed_) return false;
  pipes_.emplace(pipe.get(), pipe);
  return true;
}

void GrpcPipes::remove(const GrpcPipe* pipe) {
  std::shared_ptr<GrpcPipe> removed;
  const MutexLock lock(mutex_);
  const auto found = pipes_.find(pipe);
  if (found == pipes_.end()) return;
  removed = std::move(found->second);
  pipes_.erase(found);
  if (pipes_.empty()) empty_.notify_all();
}

std::vector<std::shared_ptr<GrpcPipe>> GrpcPipes::close() {
  std::vector<std::shared_ptr<GrpcPipe>> all;
  const MutexLock lock(mutex_);
  closed_ = true;
  for (const auto& [key, pipe] : pipes_) all.push_back(pipe);
  return all;
}

void GrpcPipes::wait_until_empty() {
  const MutexLock lock(mutex_);
  while (!pipes_.empty()) empty_.wait(mutex_);
}

}  // namespace penstock::rpc
