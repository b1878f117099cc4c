#include "rpc/grpc_transport.h"

#include <absl/container/flat_hash_map.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/log.h"
#include "rpc/grpc_client.h"
#include "rpc/grpc_queue.h"
#include "rpc/grpc_server.h"
#include "rpc/unary.h"

namespace penstock::rpc {
namespace {

// gRPC's own lines: whatever matters in them reaches the owners of streams as an error.
void log_of_grpc(gpr_log_func_args* line) { log::debug("grpc", "{}:{} {}", line->file, line->line, line->message); }

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(runtime::Runtime& runtime, GrpcOptions options) : runtime_(runtime), options_(std::move(options)) {
    gpr_set_log_function(log_of_grpc);
  }
  GrpcTransport(const GrpcTransport&) = delete;
  GrpcTransport& operator=(const GrpcTransport&) = delete;
  ~GrpcTransport() override {
    for (const auto& pipe : pipes_.close()) pipe->tear_down();
    pipes_.wait_until_empty();
    queue_.Shutdown();
  }

  Result<std::unique_ptr<Listener>> listen(std::string_view address, std::shared_ptr<Service> service) override {
    return listen_grpc(runtime_, options_, address, std::move(service));
  }

  std::shared_ptr<Stream> connect(std::string_view address, std::string_view method, runtime::Executor& executor,
                                  StreamEvents events) override {
    return open(address, method, false, executor, std::move(events));
  }

  void call(std::string_view address, std::string_view method, Bytes request, runtime::Duration timeout, runtime::Executor& executor,
            CallDone done) override {
    call_over_stream(runtime_, executor, method, std::move(request), timeout, std::move(done),
                     [&](StreamEvents events) { return open(address, method, true, executor, std::move(events)); });
  }

 private:
  std::shared_ptr<Stream> open(std::string_view address, std::string_view method, bool is_call, runtime::Executor& executor,
                               StreamEvents events) {
    const auto pipe = std::make_shared<GrpcPipe>(runtime_, options_.linger, std::string(address));
    pipe->inbox().start(executor, std::move(events));
    open_grpc_stream(channel_to(address), queue_, std::string(method), is_call, pipe, pipes_);
    return std::make_shared<GrpcStream>(pipe);
  }

  std::shared_ptr<grpc::Channel> channel_to(std::string_view address) {
    const MutexLock lock(mutex_);
    auto& channel = channels_[std::string(address)];
    if (!channel) channel = grpc::CreateCustomChannel(std::string(address), credentials(), arguments());
    return channel;
  }

  [[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> credentials() const {
    if (!options_.tls) return grpc::InsecureChannelCredentials();
    return grpc::SslCredentials(
        {.pem_root_certs = options_.tls->authority, .pem_private_key = options_.tls->key, .pem_cert_chain = options_.tls->certificate});
  }

  [[nodiscard]] grpc::ChannelArguments arguments() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageBytes + 1));
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options_.keepalive_time.count()));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options_.keepalive_timeout.count()));
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    // A peer that comes back is found soon: recovery waits for it.
    constexpr int kFirstPauseMs = 50;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstPauseMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(options_.max_reconnect_pause.count()));
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options_.connect_timeout.count()));
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // a request is sent once
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // another transport in this process has connections of its own
    return arguments;
  }

  runtime::Runtime& runtime_;
  const GrpcOptions options_;
  GrpcPipes pipes_;
  Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels_ ABSL_GUARDED_BY(mutex_);
  grpc::CompletionQueue queue_;
  GrpcQueueThread thread_{"grpc-client", queue_};  // joined first
};

}  // namespace

std::unique_ptr<Transport> make_grpc_transport(runtime::Runtime& runtime, GrpcOptions options) {
  return std::make_unique<GrpcTransport>(runtime, std::move(options));
}

}  // namespace penstock::rpc
