// What only a real network does to a transport.
#include "rpc/grpc_transport.h"

#include <latch>

#include "rpc/tcp.h"
#include "runtime/random.h"
#include "unit/rpc/transport_fixture.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PENSTOCK_NO_GRPC_TESTS  // Debian's gRPC is not instrumented
#endif
#endif

#if !defined(PENSTOCK_NO_GRPC_TESTS)
namespace penstock::rpc {
namespace {

/// Carries bytes between one client and a server until it is told to stall: then both sides hear nothing, as behind a cut cable.
class Cable {
 public:
  Cable(runtime::Runtime& runtime, std::string server) : runtime_(runtime), server_address_(std::move(server)) {
    runtime_.spawn_thread("cable", [this] { accept(); });
  }
  ~Cable() {
    listener_->close();
    stalled_ = true;
    if (client_) client_->shutdown();
    if (server_) server_->shutdown();
    ended_.wait();
  }
  [[nodiscard]] std::string address() const { return listener_->address(); }
  void stall() { stalled_ = true; }

 private:
  void accept() {
    if (auto accepted = listener_->accept(); accepted.has_value()) {
      client_ = std::move(accepted).value();
      server_ = TcpStream::connect(server_address_, 20s).value();
      runtime_.spawn_thread("cable-back", [this] {
        carry(*server_, *client_);
        ended_.count_down();
      });
      carry(*client_, *server_);
    } else {
      ended_.count_down();
    }
    ended_.count_down();
  }
  void carry(TcpStream& from, TcpStream& to) {
    std::array<char, 65536> buffer{};
    for (;;) {
      const auto count = from.read_some(buffer);
      if (count.has_error() || count.value() == 0) return;
      if (!stalled_ && to.write_all({buffer.data(), count.value()}).has_error()) return;
    }
  }

  runtime::Runtime& runtime_;
  const std::string server_address_;
  const std::unique_ptr<TcpListener> listener_ = TcpListener::listen("127.0.0.1:0").value();
  std::unique_ptr<TcpStream> client_;
  std::unique_ptr<TcpStream> server_;
  std::atomic<bool> stalled_{false};
  std::latch ended_{2};
};

class GrpcTransportTest : public ::testing::Test {
 protected:
  static GrpcOptions impatient() {
    return {.keepalive_time = 150ms, .keepalive_timeout = 150ms, .connect_timeout = 200ms, .max_reconnect_pause = 100ms, .linger = 200ms};
  }

  Result<Bytes> call(const std::string& address, Bytes request) {
    return transport_->call_and_wait(*runtime_, address, "/upper", std::move(request), 20s);
  }

  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 2});
  std::shared_ptr<TestService> service_ = std::make_shared<TestService>(*runtime_);
  std::unique_ptr<Transport> transport_ = make_grpc_transport(*runtime_, impatient());
  std::unique_ptr<Listener> listener_ = transport_->listen("127.0.0.1:0", service_).value();
};

TEST_F(GrpcTransportTest, random_bytes_on_its_port_harm_nobody) {
  runtime::SplitMix random(9);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int i = 0; i < 60; ++i) {
    auto stream = TcpStream::connect(listener_->address(), 20s).value();
    std::string bytes = i % 3 == 0 ? "" : preface;
    if (i % 3 == 1) bytes += std::string("\0\0\0\4\0\0\0\0\0", 9);  // valid settings, then nonsense
    const size_t start = bytes.size();
    bytes.resize(start + random.below(3'000));
    for (size_t at = start; at < bytes.size(); ++at) bytes[at] = static_cast<char>(random.next());
    static_cast<void>(stream->write_all(bytes));
    if (i % 2 == 0) {
      std::array<char, 100> answer{};
      static_cast<void>(stream->read_some(answer, 20ms));
    }
  }
  EXPECT_EQ(call(listener_->address(), "still here").value(), "STILL HERE");
}

TEST_F(GrpcTransportTest, server_that_accepts_and_says_nothing_is_unavailable) {
  const auto mute = TcpListener::listen("127.0.0.1:0").value();
  EXPECT_EQ(call(mute->address(), "x").error().code(), Code::Unavailable);
}

TEST_F(GrpcTransportTest, silent_connection_ends_the_streams_of_both_sides) {
  Cable cable(*runtime_, listener_->address());
  const auto heard = std::make_shared<Recorder>(*runtime_);
  const auto stream = transport_->connect(cable.address(), "/keep", runtime_->pool(), heard->events());
  const auto server = service_->wait_for_kept();
  stream->write("through");
  ASSERT_TRUE(server.heard->wait_for_messages(1));
  cable.stall();
  EXPECT_EQ(heard->wait_for_end().error().code(), Code::Closed);
  EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
}

TEST_F(GrpcTransportTest, restarted_server_is_found_again_soon) {
  const std::string address = listener_->address();
  ASSERT_TRUE(call(address, "x").has_value());
  listener_.reset();
  EXPECT_EQ(call(address, "x").error().code(), Code::Unavailable);
  listener_ = transport_->listen(address, service_).value();
  const auto start = runtime_->now();
  while (call(address, "x").has_error()) ASSERT_LT(runtime_->now() - start, 2s);
}

TEST_F(GrpcTransportTest, closing_does_not_wait_for_a_peer_that_never_reads) {
  Gate gate(runtime_->pool());
  service_->keep_on(gate);
  const auto heard = std::make_shared<Recorder>(*runtime_);
  auto stream = transport_->connect(listener_->address(), "/keep", runtime_->pool(), heard->events());
  const auto server = service_->wait_for_kept();
  for (int i = 0; i < 512; ++i) stream->write(Bytes(64U << 10U, 'x'));
  stream->close(ok());
  EXPECT_TRUE(heard->wait_for_end().has_value());
  stream.reset();
  // The transport's destructor waits for gRPC, which would wait for the reader.
  transport_.reset();
  gate.open();
  EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
}

TEST_F(GrpcTransportTest, listener_stops_although_its_service_never_reads) {
  Gate gate(runtime_->pool());
  service_->keep_on(gate);
  const auto heard = std::make_shared<Recorder>(*runtime_);
  const auto stream = transport_->connect(listener_->address(), "/keep", runtime_->pool(), heard->events());
  const auto server = service_->wait_for_kept();
  for (int i = 0; i < 512; ++i) stream->write(Bytes(64U << 10U, 'x'));
  listener_.reset();
  EXPECT_EQ(heard->wait_for_end().error().code(), Code::Closed);
  gate.open();
  EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
}

TEST_F(GrpcTransportTest, listens_on_ipv6_as_well) {
  auto listener = transport_->listen("[::1]:0", service_);
  if (listener.has_error()) GTEST_SKIP() << "no IPv6 here: " << listener.error().to_string();
  EXPECT_TRUE(listener.value()->address().starts_with("[::1]:"));
  EXPECT_EQ(call(listener.value()->address(), "six").value(), "SIX");
}

TEST_F(GrpcTransportTest, address_that_is_none_is_refused) {
  EXPECT_EQ(transport_->listen("nonsense", service_).error().code(), Code::InvalidParameter);
  EXPECT_EQ(transport_->listen("192.0.2.1:0", service_).error().code(), Code::Io);
  EXPECT_EQ(call("nonsense", "x").error().code(), Code::Unavailable);
}

}  // namespace
}  // namespace penstock::rpc
#endif
