#include "rpc/grpc_server.h"

#include <absl/strings/str_replace.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "rpc/address.h"
#include "rpc/grpc_client.h"
#include "rpc/grpc_pipe.h"
#include "rpc/grpc_queue.h"
#include "rpc/tcp.h"
#include "rpc/unary.h"

namespace penstock::rpc {
namespace {

class GrpcAcceptor;

// One call, from the wait for it to its end. Owns itself: ends with the last operation it has started, of which gRPC's notice that the
// call is over is one. `pending_` counts them, from any thread; all else but the starting of operations happens on the queue's thread.
class GrpcServerCall final : public GrpcPipe::Wire {
 public:
  explicit GrpcServerCall(GrpcAcceptor& acceptor) : acceptor_(acceptor) {}

  void wait_for_request(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue) {
    context_.AsyncNotifyWhenDone(static_cast<GrpcTag*>(&over_tag_));
    service.RequestCall(&context_, &call_, &queue, &queue, begin(accept_tag_));
  }

  /// A request has come.
  void serve(std::shared_ptr<GrpcPipe> pipe, GrpcPipes& pipes) {
    pipe_ = std::move(pipe);
    pipes_ = &pipes;
    pending_.fetch_add(1);  // over_tag_, which comes only for calls that began
    pipe_->attach(*this);
    call_.SendInitialMetadata(begin(metadata_tag_));  // tells the client that it has reached us
    pipe_->on_started(true);
  }

  void start_read(grpc::ByteBuffer* into) override { call_.Read(into, begin(read_tag_)); }
  void start_write(const grpc::ByteBuffer* frame) override { call_.Write(*frame, begin(write_tag_)); }
  bool end_writes() override {
    call_.Finish(grpc::Status::OK, begin(finish_tag_));
    return false;
  }
  void release() override {}
  void cancel() override { context_.TryCancel(); }

  [[nodiscard]] const grpc::GenericServerContext& context() const { return context_; }

 private:
  void* begin(GrpcTag& tag) {
    pending_.fetch_add(1);
    return &tag;
  }
  void end() {
    if (pending_.fetch_sub(1) != 1) return;
    if (pipe_) {
      pipe_->on_done(error(Code::Closed, "the connection with {} broke", pipe_->peer()));
      pipes_->remove(pipe_.get());
    }
    delete this;
  }

  void on_accepted(bool good);
  void on_metadata_sent(bool /*good*/) { end(); }
  void on_read(bool good) {
    pipe_->on_read(good);
    end();
  }
  void on_written(bool good) {
    pipe_->on_written(good);
    end();
  }
  void on_finished(bool /*good*/) { end(); }
  void on_over(bool /*good*/) {
    if (context_.IsCancelled()) pipe_->on_cancelled();
    end();
  }

  GrpcAcceptor& acceptor_;
  GrpcPipes* pipes_ = nullptr;
  std::shared_ptr<GrpcPipe> pipe_;  // shared with the owner's stream; null while waiting
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter call_{&context_};
  std::atomic<int> pending_{0};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_accepted> accept_tag_{*this};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_metadata_sent> metadata_tag_{*this};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_read> read_tag_{*this};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_written> write_tag_{*this};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_finished> finish_tag_{*this};
  GrpcMemberTag<GrpcServerCall, &GrpcServerCall::on_over> over_tag_{*this};
};

// "ipv4:127.0.0.1:5688", "ipv6:%5B::1%5D:5688"
std::string readable_peer(std::string peer) {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (peer.starts_with(scheme)) peer.erase(0, scheme.size());
  }
  return absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
}

// Hands each request to the service.
class GrpcAcceptor {
 public:
  GrpcAcceptor(runtime::Runtime& runtime, runtime::Duration linger, std::shared_ptr<Service> service)
      : runtime_(runtime), linger_(linger), service_(std::move(service)) {}

  grpc::AsyncGenericService& generic_service() { return generic_service_; }
  GrpcPipes& pipes() { return pipes_; }

  void start(grpc::ServerCompletionQueue& queue) {
    queue_ = &queue;
    wait_for_next();
  }

  void on_request(GrpcServerCall& call) {
    wait_for_next();
    const auto& context = call.context();
    const auto pipe = std::make_shared<GrpcPipe>(runtime_, linger_, readable_peer(context.peer()));
    const bool serving = pipes_.add(pipe);
    call.serve(pipe, pipes_);
    if (!serving) return pipe->tear_down();
    const auto kind = context.client_metadata().find(kGrpcKindHeader);
    const bool is_call = kind != context.client_metadata().end() && kind->second == kGrpcCallKind;
    attach(context.method(), is_call, pipe);
  }

 private:
  void wait_for_next() { (new GrpcServerCall(*this))->wait_for_request(generic_service_, *queue_); }

  void attach(const std::string& method, bool is_call, const std::shared_ptr<GrpcPipe>& pipe) {
    // Held here so that a refusal is told before the service's own reference, being dropped, tells of itself.
    const auto stream = std::make_shared<GrpcStream>(pipe);
    if (is_call) {
      pipe->inbox().start(runtime_.pool(), answer_call(service_, method, stream));
    } else if (auto accepted = service_->open(method, stream); accepted.has_value()) {
      pipe->inbox().start(*accepted.value().executor, std::move(accepted.value().events));
    } else {
      stream->close(accepted.error());
    }
  }

  runtime::Runtime& runtime_;
  const runtime::Duration linger_;
  const std::shared_ptr<Service> service_;
  grpc::AsyncGenericService generic_service_;
  grpc::ServerCompletionQueue* queue_ = nullptr;  // constant after start
  GrpcPipes pipes_;
};

void GrpcServerCall::on_accepted(bool good) {
  if (good) acceptor_.on_request(*this);
  end();
}

class GrpcListener final : public Listener {
 public:
  GrpcListener(std::unique_ptr<GrpcAcceptor> acceptor, std::unique_ptr<grpc::ServerCompletionQueue> queue,
               std::unique_ptr<grpc::Server> server, std::string address)
      : acceptor_(std::move(acceptor)), queue_(std::move(queue)), server_(std::move(server)), address_(std::move(address)) {
    acceptor_->start(*queue_);
    thread_ = std::make_unique<GrpcQueueThread>("grpc-server", *queue_);
  }
  GrpcListener(const GrpcListener&) = delete;
  GrpcListener& operator=(const GrpcListener&) = delete;
  ~GrpcListener() override {
    const Status own = error(Code::Closed, "{} stopped listening", address_);
    const Status told = error(Code::Closed, "{} stopped", address_);
    for (const auto& pipe : acceptor_->pipes().close()) pipe->close(own, told);
    // Time for the clients to read what was sent; afterwards their streams are cancelled.
    constexpr auto kGrace = std::chrono::milliseconds(500);
    server_->Shutdown(std::chrono::system_clock::now() + kGrace);
    acceptor_->pipes().wait_until_empty();
    queue_->Shutdown();
    thread_.reset();
  }
  std::string address() const override { return address_; }

 private:
  const std::unique_ptr<GrpcAcceptor> acceptor_;
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  std::unique_ptr<GrpcQueueThread> thread_;
};

std::shared_ptr<grpc::ServerCredentials> server_credentials(const std::optional<GrpcTls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(tls->authority.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->authority;
  options.pem_key_cert_pairs.push_back({tls->key, tls->certificate});
  return grpc::SslServerCredentials(options);
}

void set_server_arguments(grpc::ServerBuilder& builder, const GrpcOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageBytes + 1));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else two servers share a port and neither knows
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive_time.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options.keepalive_timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Clients ping as often as they are set to.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 100);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

}  // namespace

Result<std::unique_ptr<Listener>> listen_grpc(runtime::Runtime& runtime, const GrpcOptions& options, std::string_view address,
                                              std::shared_ptr<Service> service) {
  PENSTOCK_TRY(Address real, Address::parse(address));
  if (options.tls && !options.tls->can_listen()) {
    return error(Code::InvalidConfig, "{} cannot be served with TLS: a certificate and its key are needed, not the authority alone",
                 address);
  }
  auto acceptor = std::make_unique<GrpcAcceptor>(runtime, options.linger, std::move(service));
  grpc::ServerBuilder builder;
  set_server_arguments(builder, options);
  int port = 0;
  builder.AddListeningPort(std::string(address), server_credentials(options.tls), &port);
  builder.RegisterAsyncGenericService(&acceptor->generic_service());
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (!server || port == 0) {
    queue->Shutdown();
    // gRPC does not say why; a plain socket does.
    PENSTOCK_TRY(TcpListener::listen(address));
    return error(Code::Io, "cannot listen on {}", address);
  }
  real.port = static_cast<uint16_t>(port);
  return std::make_unique<GrpcListener>(std::move(acceptor), std::move(queue), std::move(server), real.to_string());
}

}  // namespace penstock::rpc
