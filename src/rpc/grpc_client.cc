#include "rpc/grpc_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "rpc/grpc_queue.h"

namespace penstock::rpc {
namespace {

// "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Connection refused" -> "Connection refused"
std::string last_part(const std::string& message) {
  const size_t colon = message.rfind(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

// Owns itself: ends with the last operation it has started. `pending_` counts these, from any thread; all else but the starting of
// operations happens on the queue's thread.
class GrpcClientCall final : public GrpcPipe::Wire {
 public:
  GrpcClientCall(std::shared_ptr<GrpcPipe> pipe, GrpcPipes& pipes) : pipe_(std::move(pipe)), pipes_(pipes) {}

  void open(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue& queue, const std::string& method, bool is_call) {
    if (is_call) context_.AddMetadata(kGrpcKindHeader, kGrpcCallKind);
    call_ = grpc::GenericStub(channel).PrepareCall(&context_, method, &queue);
    pipe_->attach(*this);
    call_->StartCall(begin(start_tag_));
  }

  void start_read(grpc::ByteBuffer* into) override { call_->Read(into, begin(read_tag_)); }
  void start_write(const grpc::ByteBuffer* frame) override { call_->Write(*frame, begin(write_tag_)); }
  bool end_writes() override {
    call_->WritesDone(begin(writes_done_tag_));
    return true;
  }
  void release() override { call_->Finish(&status_, begin(finish_tag_)); }
  void cancel() override { context_.TryCancel(); }

 private:
  void* begin(GrpcTag& tag) {
    pending_.fetch_add(1);
    return &tag;
  }
  void end() {
    if (pending_.fetch_sub(1) != 1 || !finished_) return;
    pipe_->on_done(to_error());
    pipes_.remove(pipe_.get());
    delete this;
  }

  void on_started(bool good) {
    reached_ = good;
    pipe_->on_started(good);
    end();
  }
  void on_read(bool good) {
    pipe_->on_read(good);
    end();
  }
  void on_written(bool good) {
    pipe_->on_written(good);
    end();
  }
  void on_writes_done(bool /*good*/) { end(); }
  void on_finished(bool /*good*/) {
    finished_ = true;
    end();
  }

  [[nodiscard]] Error to_error() const {
    const std::string& peer = pipe_->peer();
    const std::string text = last_part(status_.error_message());
    switch (status_.error_code()) {
      case grpc::StatusCode::OK:
        return error(Code::Closed, "{} ended the stream without a word", peer);
      case grpc::StatusCode::UNAVAILABLE:
        return reached_ ? error(Code::Closed, "the connection to {} broke: {}", peer, text)
                        : error(Code::Unavailable, "cannot reach {}: {}", peer, text);
      case grpc::StatusCode::RESOURCE_EXHAUSTED:
        return error(Code::ConfigurationLimit, "{}: {}", peer, text);
      case grpc::StatusCode::UNIMPLEMENTED:
        return error(Code::Protocol, "{} is no node of ours: {}", peer, text);
      default:
        return error(Code::Closed, "the stream to {} broke: {}", peer, text);
    }
  }

  const std::shared_ptr<GrpcPipe> pipe_;  // shared with the owner's stream
  GrpcPipes& pipes_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::Status status_;
  std::atomic<int> pending_{0};
  bool reached_ = false;
  bool finished_ = false;
  GrpcMemberTag<GrpcClientCall, &GrpcClientCall::on_started> start_tag_{*this};
  GrpcMemberTag<GrpcClientCall, &GrpcClientCall::on_read> read_tag_{*this};
  GrpcMemberTag<GrpcClientCall, &GrpcClientCall::on_written> write_tag_{*this};
  GrpcMemberTag<GrpcClientCall, &GrpcClientCall::on_writes_done> writes_done_tag_{*this};
  GrpcMemberTag<GrpcClientCall, &GrpcClientCall::on_finished> finish_tag_{*this};
};

}  // namespace

void open_grpc_stream(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue& queue, const std::string& method, bool is_call,
                      const std::shared_ptr<GrpcPipe>& pipe, GrpcPipes& pipes) {
  if (!pipes.add(pipe)) {
    pipe->on_done(error(Code::Unavailable, "cannot reach {}: this transport is closed", pipe->peer()));
    return;
  }
  (new GrpcClientCall(pipe, pipes))->open(channel, queue, method, is_call);
}

}  // namespace penstock::rpc
