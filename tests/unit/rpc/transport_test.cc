// What every transport promises, tested on each.
#include "rpc/transport.h"

#include "rpc/grpc_transport.h"
#include "unit/rpc/transport_fixture.h"

#if defined(__SANITIZE_THREAD__)
#define PENSTOCK_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PENSTOCK_TSAN
#endif
#endif

namespace penstock::rpc {
namespace {

struct World {
  std::unique_ptr<runtime::Runtime> runtime;
  std::unique_ptr<MemoryNetwork> network;
  std::unique_ptr<Transport> server;
  std::unique_ptr<Transport> client;
};

World make_world(const std::string& kind) {
  World world;
  if (kind.starts_with("simulated")) {
    world.runtime = std::make_unique<runtime::SimRuntime>(3);
  } else {
    world.runtime = runtime::make_threaded_runtime({.pool_threads = 2});
  }
  if (kind == "grpc") {
    world.server = make_grpc_transport(*world.runtime);
    world.client = make_grpc_transport(*world.runtime);
    return world;
  }
  world.network = std::make_unique<MemoryNetwork>(*world.runtime);
  if (kind == "simulated_delayed") world.network->set_delay(10us, 5ms);
  world.server = world.network->transport("server");
  world.client = world.network->transport("client");
  return world;
}

class TransportTest : public ::testing::TestWithParam<std::string> {
 protected:
  TransportTest() { listen(); }

  void listen() { listener_ = world_.server->listen("127.0.0.1:0", service_).value(); }

  struct Opened {
    std::shared_ptr<Stream> stream;
    std::shared_ptr<Recorder> heard;
  };
  Opened connect(std::string_view method, runtime::Executor* executor = nullptr) {
    auto heard = std::make_shared<Recorder>(*world_.runtime);
    auto& on = executor != nullptr ? *executor : world_.runtime->pool();
    return {world_.client->connect(listener_->address(), method, on, heard->events()), heard};
  }
  // Both ends of a stream.
  std::pair<Opened, TestService::Kept> connect_kept(runtime::Executor* executor = nullptr) {
    Opened opened = connect("/keep", executor);
    return {opened, service_->wait_for_kept()};
  }
  Result<Bytes> call(std::string_view method, Bytes request, runtime::Duration timeout = 20s) {
    return world_.client->call_and_wait(*world_.runtime, listener_->address(), method, std::move(request), timeout);
  }

  World world_ = make_world(GetParam());
  std::shared_ptr<TestService> service_ = std::make_shared<TestService>(*world_.runtime);
  std::unique_ptr<Listener> listener_;
};

TEST_P(TransportTest, messages_come_in_order_and_whole) {
  const auto [stream, heard] = connect("/echo");
  std::vector<Bytes> sent;
  for (size_t i = 0; i < 2'000; ++i) sent.emplace_back(i * 37 % 5'000, static_cast<char>('a' + i % 26));
  sent.emplace_back("");
  sent.emplace_back(3'000'000, '\0');
  sent.emplace_back("end");
  for (const Bytes& message : sent) EXPECT_TRUE(stream->write(message));
  ASSERT_TRUE(heard->wait_for_messages(sent.size()));
  EXPECT_EQ(heard->messages(), sent);
}

TEST_P(TransportTest, close_in_good_order_comes_after_what_was_written) {
  const auto [client, server] = connect_kept();
  for (int i = 0; i < 100; ++i) client.stream->write(std::to_string(i));
  client.stream->close(ok());
  EXPECT_TRUE(server.heard->wait_for_end().has_value());
  EXPECT_EQ(server.heard->messages().size(), 100U);
  EXPECT_TRUE(client.heard->wait_for_end().has_value());
}

TEST_P(TransportTest, server_closes_in_good_order_after_what_was_written) {
  const auto [client, server] = connect_kept();
  for (int i = 0; i < 100; ++i) server.stream->write(std::to_string(i));
  server.stream->close(ok());
  EXPECT_TRUE(client.heard->wait_for_end().has_value());
  EXPECT_EQ(client.heard->messages().size(), 100U);
  EXPECT_TRUE(server.heard->wait_for_end().has_value());
}

TEST_P(TransportTest, client_closing_for_a_reason_tells_all_of_it) {
  const auto [client, server] = connect_kept();
  client.stream->close(TestService::rich_error());
  expect_rich_error(server.heard->wait_for_end().error());
  expect_rich_error(client.heard->wait_for_end().error());
}

TEST_P(TransportTest, server_closing_for_a_reason_tells_all_of_it) {
  const auto [client, server] = connect_kept();
  server.stream->write("last words");
  server.stream->close(TestService::rich_error());
  expect_rich_error(client.heard->wait_for_end().error());
  EXPECT_EQ(client.heard->messages(), std::vector<Bytes>{"last words"});
}

TEST_P(TransportTest, a_reason_of_any_length_arrives) {
  const auto [client, server] = connect_kept();
  const std::string detail(200'000, 'd');
  server.stream->close(error(Code::Internal, "long").with_detail(detail));
  EXPECT_EQ(client.heard->wait_for_end().error().detail(), detail);
}

TEST_P(TransportTest, ends_that_close_at_the_same_time_each_hear_one_end) {
  for (int i = 0; i < 20; ++i) {
    const auto [client, server] = connect_kept();
    client.stream->close(error(Code::Cancelled, "one"));
    server.stream->close(error(Code::Cancelled, "two"));
    EXPECT_EQ(client.heard->wait_for_end().error().code(), Code::Cancelled);
    EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Cancelled);
  }
}

TEST_P(TransportTest, refusal_to_open_is_told_with_its_reason) {
  const auto [stream, heard] = connect("/refuse");
  stream->write("into the void");
  expect_rich_error(heard->wait_for_end().error());
  EXPECT_FALSE(stream->write("more"));
}

TEST_P(TransportTest, address_where_nobody_listens_is_unavailable_and_named) {
  const std::string address = listener_->address();
  listener_.reset();
  auto heard = std::make_shared<Recorder>(*world_.runtime);
  const auto stream = world_.client->connect(address, "/echo", world_.runtime->pool(), heard->events());
  const Status end = heard->wait_for_end();
  EXPECT_EQ(end.error().code(), Code::Unavailable);
  EXPECT_NE(end.error().to_string().find(address), std::string::npos) << end.error().to_string();
  const auto answer = world_.client->call_and_wait(*world_.runtime, address, "/upper", "x", 20s);
  EXPECT_EQ(answer.error().code(), Code::Unavailable);
}

TEST_P(TransportTest, dropping_an_end_tells_both) {
  for (const bool drop_client : {false, true}) {
    auto [client, server] = connect_kept();
    client.stream->write("before");
    ASSERT_TRUE(server.heard->wait_for_messages(1));
    (drop_client ? client.stream : server.stream).reset();
    EXPECT_EQ(client.heard->wait_for_end().error().code(), Code::Closed);
    EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
  }
}

TEST_P(TransportTest, executor_may_go_once_its_end_was_dropped) {
  for (int i = 0; i < 50; ++i) {
    auto executor = world_.runtime->make_serial("short", false);
    auto [client, server] = connect_kept(executor.get());
    for (int m = 0; m < 20; ++m) server.stream->write("to nobody");
    client.stream.reset();
    executor.reset();
    EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
  }
}

TEST_P(TransportTest, nothing_comes_after_an_end_closed_itself_from_its_executor) {
  const auto serial = world_.runtime->make_serial("reader", false);
  const auto waiter = world_.runtime->make_waiter();
  std::shared_ptr<Stream> stream;
  bool closed = false;
  StreamEvents events;
  events.on_message = [&](const Bytes&) {
    EXPECT_FALSE(closed);
    closed = true;
    stream->close(ok());
    EXPECT_FALSE(stream->write("late"));
  };
  events.on_closed = [&](const Status&) { waiter->notify(); };
  const auto opening = world_.runtime->make_waiter();
  serial->post([&] {
    stream = world_.client->connect(listener_->address(), "/keep", *serial, std::move(events));
    opening->notify();
  });
  ASSERT_TRUE(opening->wait_for(20s));
  const auto server = service_->wait_for_kept();
  for (int i = 0; i < 100; ++i) server.stream->write("x");
  EXPECT_TRUE(waiter->wait_for(20s));
  EXPECT_TRUE(server.heard->wait_for_end().has_value());
}

TEST_P(TransportTest, handlers_of_an_end_on_the_pool_run_one_at_a_time) {
  int inside = 0;  // unguarded on purpose
  size_t count = 0;
  const auto done = world_.runtime->make_waiter();
  StreamEvents events;
  events.on_message = [&](const Bytes&) {
    EXPECT_EQ(++inside, 1);
    --inside;
    if (++count == 3'000) done->notify();
  };
  const auto stream = world_.client->connect(listener_->address(), "/echo", world_.runtime->pool(), std::move(events));
  for (int i = 0; i < 3'000; ++i) stream->write("x");
  EXPECT_TRUE(done->wait_for(20s));
}

TEST_P(TransportTest, queued_bytes_grow_while_the_reader_stands_still) {
  Gate gate(world_.runtime->pool());
  service_->keep_on(gate);
  auto [client, server] = connect_kept();
  const Bytes message(64 * 1024, 'x');
  constexpr size_t kMessages = 512;  // 32 MB: more than any transport may keep under way by itself
  for (size_t i = 0; i < kMessages; ++i) client.stream->write(message);
  EXPECT_GT(client.stream->queued_bytes(), message.size() * kMessages / 2);
  gate.open();
  ASSERT_TRUE(server.heard->wait_for_messages(kMessages));
  client.stream->write("last");
  ASSERT_TRUE(server.heard->wait_for_messages(kMessages + 1));
  // It is the transport's thread that counts the last one down.
  const auto waiter = world_.runtime->make_waiter();
  for (int i = 0; i < 1000 && client.stream->queued_bytes() > 0; ++i) static_cast<void>(waiter->wait_for(1ms));
  EXPECT_EQ(client.stream->queued_bytes(), 0U);
  client.stream.reset();
  static_cast<void>(server.heard->wait_for_end());
}

TEST_P(TransportTest, message_over_the_limit_ends_the_stream_and_says_so) {
  const auto [client, server] = connect_kept();
  EXPECT_FALSE(client.stream->write(Bytes(kMaxMessageBytes + 1, 'x')));
  EXPECT_EQ(client.heard->wait_for_end().error().code(), Code::ConfigurationLimit);
  EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::ConfigurationLimit);
  EXPECT_EQ(call("/upper", Bytes(kMaxMessageBytes + 1, 'x')).error().code(), Code::ConfigurationLimit);
  EXPECT_EQ(call("/answer_too_large", "").error().code(), Code::ConfigurationLimit);
}

TEST_P(TransportTest, message_at_the_limit_passes) { EXPECT_EQ(call("/size", Bytes(kMaxMessageBytes, 'x')).value(), "67108864"); }

TEST_P(TransportTest, calls_are_answered) {
  EXPECT_EQ(call("/upper", "penstock").value(), "PENSTOCK");
  EXPECT_EQ(call("/upper", "").value(), "");
}

TEST_P(TransportTest, many_calls_at_once_each_get_their_own_answer) {
  constexpr int kCalls = 300;
  const auto serial = world_.runtime->make_serial("caller", false);
  const auto waiter = world_.runtime->make_waiter();
  std::set<std::string> answers;
  for (int i = 0; i < kCalls; ++i) {
    world_.client->call(listener_->address(), "/upper", fmt::format("n{}", i), 20s, *serial, [&](Result<Bytes> answer) {
      answers.insert(std::move(answer).value());
      if (answers.size() == kCalls) waiter->notify();
    });
  }
  ASSERT_TRUE(waiter->wait_for(20s));
  EXPECT_TRUE(answers.contains("N0") && answers.contains("N299"));
}

TEST_P(TransportTest, failed_call_brings_the_whole_error) { expect_rich_error(call("/fail", "").error()); }

TEST_P(TransportTest, call_that_is_not_answered_times_out) {
  const auto start = world_.runtime->now();
  const auto answer = call("/never", "", 50ms);
  EXPECT_EQ(answer.error().code(), Code::Timeout);
  EXPECT_GE(world_.runtime->now() - start, 50ms);
  service_->let_go_of_replies();
}

TEST_P(TransportTest, call_that_its_service_forgets_fails) { EXPECT_EQ(call("/forget", "").error().code(), Code::Internal); }

TEST_P(TransportTest, end_of_the_listener_ends_its_streams_and_frees_its_address) {
  const auto [client, server] = connect_kept();
  const std::string address = listener_->address();
  listener_.reset();
  EXPECT_EQ(server.heard->wait_for_end().error().code(), Code::Closed);
  EXPECT_EQ(client.heard->wait_for_end().error().code(), Code::Closed);
  listener_ = world_.server->listen(address, service_).value();
  EXPECT_EQ(listener_->address(), address);
  EXPECT_EQ(call("/upper", "again").value(), "AGAIN");
}

TEST_P(TransportTest, address_in_use_is_an_error_that_names_it) {
  const auto second = world_.server->listen(listener_->address(), service_);
  ASSERT_TRUE(second.has_error());
  EXPECT_EQ(second.error().code(), Code::Io);
  EXPECT_NE(second.error().message().find(listener_->address()), std::string::npos) << second.error().to_string();
  EXPECT_NE(second.error().message().find("in use"), std::string::npos) << second.error().to_string();
}

TEST_P(TransportTest, port_zero_becomes_a_real_port) {
  const auto second = world_.server->listen("127.0.0.1:0", service_).value();
  EXPECT_NE(second->address(), listener_->address());
  EXPECT_FALSE(second->address().ends_with(":0"));
  EXPECT_TRUE(second->address().starts_with("127.0.0.1:"));
}

TEST_P(TransportTest, streams_know_their_peer) {
  const auto [client, server] = connect_kept();
  EXPECT_EQ(client.stream->peer(), listener_->address());
  EXPECT_NE(server.stream->peer(), "");
}

TEST_P(TransportTest, transports_may_end_while_streams_are_open) {
  const auto first = connect_kept();
  const auto second = connect("/echo");  // its events own their stream on the server's side
  second.stream->write("x");
  ASSERT_TRUE(second.heard->wait_for_messages(1));
  const auto pending = world_.runtime->make_waiter();
  world_.client->call(listener_->address(), "/never", "", 1h, world_.runtime->pool(), [](const Result<Bytes>&) {});
  listener_.reset();
  world_.client.reset();
  world_.server.reset();
  world_.network.reset();
  EXPECT_FALSE(first.first.stream->write("x") && first.second.stream->write("x"));
  service_->let_go_of_replies();
}

std::vector<std::string> transports() {
  std::vector<std::string> kinds{"memory", "simulated", "simulated_delayed"};
#if !defined(PENSTOCK_TSAN)  // Debian's gRPC is not instrumented
  kinds.emplace_back("grpc");
#endif
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Each, TransportTest, ::testing::ValuesIn(transports()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace penstock::rpc
