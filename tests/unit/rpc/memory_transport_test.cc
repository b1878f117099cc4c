// The faults of the in-memory network.
#include "rpc/memory_transport.h"

#include <set>

#include "unit/rpc/transport_fixture.h"

namespace penstock::rpc {
namespace {

class MemoryNetworkTest : public ::testing::Test {
 protected:
  explicit MemoryNetworkTest(uint64_t seed = 11) : sim_(seed) {}

  struct Pair {
    std::shared_ptr<Stream> client;
    std::shared_ptr<Recorder> client_heard;
    std::shared_ptr<Stream> server;
    std::shared_ptr<Recorder> server_heard;
  };
  Pair connect(Transport& from, const std::string& address = "b:1") {
    Pair pair;
    pair.client_heard = std::make_shared<Recorder>(sim_);
    pair.client = from.connect(address, "/keep", sim_.pool(), pair.client_heard->events());
    auto kept = service_->wait_for_kept();
    pair.server = kept.stream;
    pair.server_heard = kept.heard;
    return pair;
  }
  Result<Bytes> call(std::string_view method, runtime::Duration timeout) { return a_->call_and_wait(sim_, "b:1", method, "x", timeout); }

  runtime::SimRuntime sim_;
  MemoryNetwork network_{sim_};
  std::unique_ptr<Transport> a_ = network_.transport("a");
  std::unique_ptr<Transport> b_ = network_.transport("b");
  std::shared_ptr<TestService> service_ = std::make_shared<TestService>(sim_);
  std::unique_ptr<Listener> listener_ = b_->listen("b:1", service_).value();
};

// The order in which two streams' messages arrive at one reader.
std::vector<std::string> arrivals(uint64_t seed) {
  runtime::SimRuntime sim(seed);
  MemoryNetwork network(sim);
  network.set_delay(1ms, 20ms);
  const auto a = network.transport("a");
  const auto b = network.transport("b");
  const auto service = std::make_shared<TestService>(sim);
  const auto listener = b->listen("b:1", service).value();
  std::vector<std::string> order;
  std::vector<std::shared_ptr<Stream>> streams;
  for (int s = 0; s < 2; ++s) {
    StreamEvents events;
    events.on_message = [&order](Bytes message) { order.push_back(std::move(message)); };
    streams.push_back(a->connect("b:1", "/echo", sim.pool(), std::move(events)));
  }
  for (int m = 0; m < 4; ++m) {
    for (size_t s = 0; s < 2; ++s) {
      streams[s]->write(fmt::format("{}{}", s, m));
      sim.run_for(3ms);
    }
  }
  sim.run_for(1s);
  return order;
}

TEST(MemoryNetwork, delay_reorders_streams_and_never_one_stream) {
  std::set<std::vector<std::string>> orders;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const auto order = arrivals(seed);
    std::map<char, std::string> by_stream;
    for (const auto& message : order) by_stream[message[0]] += message[1];
    EXPECT_EQ(by_stream['0'], "0123");
    EXPECT_EQ(by_stream['1'], "0123");
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 10U);
  EXPECT_EQ(arrivals(5), arrivals(5));
}

TEST_F(MemoryNetworkTest, delay_is_what_was_set) {
  network_.set_delay(7ms, 7ms);
  const auto start = sim_.now();
  EXPECT_EQ(call("/upper", 1s).value(), "X");
  EXPECT_GE(sim_.now() - start, 14ms);
  EXPECT_LT(sim_.now() - start, 20ms);
}

TEST_F(MemoryNetworkTest, partition_holds_messages_back_silently_until_it_heals) {
  const Pair pair = connect(*a_);
  network_.partition("a", "b");
  pair.client->write("there");
  pair.server->write("back");
  sim_.run_for(1h);
  EXPECT_TRUE(pair.server_heard->messages().empty());
  EXPECT_FALSE(pair.client_heard->ended());
  EXPECT_FALSE(pair.server_heard->ended());
  EXPECT_EQ(pair.client->queued_bytes(), 5U);
  network_.heal("b", "a");
  sim_.run_until_idle();
  EXPECT_EQ(pair.server_heard->messages(), std::vector<Bytes>{"there"});
  EXPECT_EQ(pair.client_heard->messages(), std::vector<Bytes>{"back"});
  EXPECT_EQ(pair.client->queued_bytes(), 0U);
}

TEST_F(MemoryNetworkTest, partition_takes_an_address_for_its_node_and_spares_others) {
  const auto c = network_.transport("c");
  network_.partition("a", "b:1");
  EXPECT_EQ(call("/upper", 1s).error().code(), Code::Timeout);
  EXPECT_EQ(c->call_and_wait(sim_, "b:1", "/upper", "c", 1s).value(), "C");
  EXPECT_EQ(b_->call_and_wait(sim_, "b:1", "/upper", "b", 1s).value(), "B");
  network_.heal_all();
  EXPECT_EQ(call("/upper", 1s).value(), "X");
}

TEST_F(MemoryNetworkTest, connecting_across_a_partition_gives_up) {
  network_.partition("a", "b");
  const auto heard = std::make_shared<Recorder>(sim_);
  const auto stream = a_->connect("b:1", "/keep", sim_.pool(), heard->events());
  const auto start = sim_.now();
  EXPECT_EQ(heard->wait_for_end().error().code(), Code::Unavailable);
  EXPECT_GE(sim_.now() - start, 4s);
  EXPECT_FALSE(stream->write("x"));
}

TEST_F(MemoryNetworkTest, end_that_closes_during_a_partition_is_heard_of_when_it_heals) {
  const Pair pair = connect(*a_);
  network_.partition("a", "b");
  pair.client->write("last");
  pair.client->close(ok());
  sim_.run_for(1min);
  EXPECT_TRUE(pair.client_heard->ended());
  EXPECT_FALSE(pair.server_heard->ended());
  network_.heal("a", "b");
  EXPECT_TRUE(pair.server_heard->wait_for_end().has_value());
  EXPECT_EQ(pair.server_heard->messages(), std::vector<Bytes>{"last"});
}

TEST_F(MemoryNetworkTest, broken_streams_lose_what_was_under_way_and_tell_both_ends) {
  network_.set_delay(10ms, 10ms);
  const Pair pair = connect(*a_);
  pair.client->write("lost");
  network_.break_streams("a", "b");
  EXPECT_EQ(pair.client_heard->wait_for_end().error().code(), Code::Closed);
  EXPECT_EQ(pair.server_heard->wait_for_end().error().code(), Code::Closed);
  sim_.run_for(1s);
  EXPECT_TRUE(pair.server_heard->messages().empty());
  EXPECT_EQ(call("/upper", 1s).value(), "X");
}

TEST_F(MemoryNetworkTest, killed_node_hears_nothing_and_its_peers_hear_closed) {
  const Pair pair = connect(*a_);
  pair.server->write("sent before");
  network_.kill("b");
  EXPECT_FALSE(pair.server->write("from the grave"));
  EXPECT_EQ(pair.client_heard->wait_for_end().error().code(), Code::Closed);
  EXPECT_EQ(pair.client_heard->messages(), std::vector<Bytes>{"sent before"});
  sim_.run_for(1min);
  EXPECT_FALSE(pair.server_heard->ended());
  EXPECT_EQ(call("/upper", 1s).error().code(), Code::Unavailable);
}

TEST_F(MemoryNetworkTest, killed_node_reaches_nobody_but_its_next_incarnation_does) {
  const auto other = network_.transport("c");
  const auto other_listener = other->listen("c:1", service_).value();
  network_.kill("b:1");
  const auto heard = std::make_shared<Recorder>(sim_);
  EXPECT_FALSE(b_->connect("c:1", "/keep", sim_.pool(), heard->events())->write("x"));
  EXPECT_EQ(b_->listen("b:2", service_).error().code(), Code::Io);
  const auto reborn = network_.transport("b");
  const auto again = reborn->listen("b:1", service_).value();
  listener_.reset();  // of the dead incarnation: the address is not its own any more
  EXPECT_EQ(call("/upper", 1s).value(), "X");
  EXPECT_EQ(reborn->call_and_wait(sim_, "c:1", "/upper", "y", 1s).value(), "Y");
  EXPECT_FALSE(heard->ended());
}

TEST_F(MemoryNetworkTest, call_under_way_when_its_server_dies_fails_at_once) {
  const auto waiter = sim_.make_waiter();
  std::optional<Code> code;
  a_->call("b:1", "/never", "x", 1h, sim_.pool(), [&](const Result<Bytes>& answer) {
    code = answer.error().code();
    waiter->notify();
  });
  sim_.run_for(1ms);
  network_.kill("b");
  EXPECT_TRUE(waiter->wait_for(1s));
  EXPECT_EQ(code, Code::Closed);
}

TEST_F(MemoryNetworkTest, node_that_talks_to_itself_dies_silently) {
  const Pair pair = connect(*b_);
  network_.kill("b");
  sim_.run_for(1min);
  EXPECT_FALSE(pair.client_heard->ended());
  EXPECT_FALSE(pair.server_heard->ended());
}

}  // namespace
}  // namespace penstock::rpc
