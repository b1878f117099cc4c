// Actors on several nodes over the in-memory transport, with its faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/compute_service.pb.h"
#include "unit/stream/task/remote_node.h"

namespace penstock::stream {
namespace {

using namespace std::chrono_literals;
using data::Op;
using testing::kGraph;
using testing::one_column;

// Workers 1 and 2. Fragment 1 (actors 11, 12) is on worker 1, fragment 2 (21, 22) on worker 2 unless a test says otherwise.
class RemoteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (auto& node : nodes_) node->node.actors.start_graph(kGraph);
  }
  ~RemoteTest() override {
    int stopped = 0;
    for (auto& node : nodes_) node->node.actors.stop_graph(kGraph, [&stopped] { ++stopped; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped == 2; }, 10s));
    EXPECT_EQ(world_.alive.load(), 0);
  }
  void two_fragments() {
    plan_.fragment(1, "emit", {11, 12}, {1, 1});
    plan_.fragment(2, "log(merge:1)", {21, 22}, {2, 2});
    plan_.edge(1, 2, 1, pb::DISPATCH_BROADCAST);
  }
  void build(uint32_t worker, uint32_t fragment) {
    nodes_[worker - 1]->node.actors.build(kGraph, plan_.build(fragment, worker), {Epoch{1}, Epoch{2}}, manager_);
  }
  void build_all() {
    for (const uint32_t fragment : plan_.fragments()) {
      for (const uint32_t worker : {1, 2}) build(worker, fragment);
    }
    sim_.run_until_idle();
  }
  void barrier(uint64_t prev, uint64_t curr, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    manager_->put({{Epoch{prev}, Epoch{curr}}, BarrierKind::Checkpoint, std::move(mutation)});
    sim_.run_until_idle();
  }
  void emit(uint32_t actor, data::StreamChunk chunk) {
    world_.to_emit[actor] = std::move(chunk);
    world_.wakes[actor]();
    sim_.run_until_idle();
  }
  std::string collected(uint64_t prev) {
    std::string out;
    for (const ActorId actor : manager_->collected[prev]) out += (out.empty() ? "" : " ") + std::to_string(actor.value);
    return out;
  }
  std::string failure_of(uint32_t actor) {
    const auto found = manager_->failures.find(ActorId{actor});
    return found == manager_->failures.end() ? "none" : found->second.to_string();
  }

  testing::Playground world_;
  runtime::SimRuntime sim_{3};
  rpc::MemoryNetwork network_{sim_};
  testing::Topology plan_{kGraph};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
  std::vector<std::unique_ptr<testing::RemoteNode>> nodes_ = [this] {
    std::vector<std::unique_ptr<testing::RemoteNode>> nodes;
    for (const uint32_t worker : {1, 2}) nodes.push_back(std::make_unique<testing::RemoteNode>(sim_, world_, network_, worker));
    return nodes;
  }();
};

TEST_F(RemoteTest, carries_rows_and_barriers_in_order) {
  two_fragments();
  build_all();
  barrier(1, 2);
  emit(11, one_column({{Op::Insert, 1}, {Op::UpdateDelete, 2}, {Op::UpdateInsert, 3}}));
  barrier(2, 3);
  EXPECT_EQ(world_.log[21], "| 1..2 > +1 U-2 U+3 | 2..3 > ");
  EXPECT_EQ(world_.log[22], world_.log[21]);
  EXPECT_EQ(collected(2), "11 12 21 22");
}

TEST_F(RemoteTest, parks_a_request_for_a_graph_that_has_yet_to_begin) {
  const storage::GraphTerm later{PartialGraphId{1}, Term{8}};
  testing::Topology plan(later);
  plan.fragment(1, "emit", {11}, {1});
  plan.fragment(2, "log(merge:1)", {21}, {2});
  plan.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  nodes_[1]->node.actors.stop_graph(kGraph, [] {});
  nodes_[1]->node.actors.start_graph(later);
  nodes_[1]->node.actors.build(later, plan.build(2, 2), {Epoch{1}, Epoch{2}}, manager_);
  barrier(1, 2);
  EXPECT_EQ(nodes_[0]->node.actors.parked_requests(), 1U);
  nodes_[0]->node.actors.stop_graph(kGraph, [] {});
  nodes_[0]->node.actors.start_graph(later);
  EXPECT_EQ(nodes_[0]->node.actors.parked_requests(), 1U);
  nodes_[0]->node.actors.build(later, plan.build(1, 1), {Epoch{1}, Epoch{2}}, manager_);
  sim_.run_until_idle();
  EXPECT_EQ(collected(1), "11 21");
  for (auto& node : nodes_) node->node.actors.stop_graph(later, [] {});
  sim_.run_until_idle();
}

TEST_F(RemoteTest, parks_a_request_for_a_graph_that_has_left_and_comes_again_in_its_term) {
  two_fragments();
  bool removed = false;
  nodes_[0]->node.actors.remove_graph(kGraph, [&] { removed = true; });
  EXPECT_TRUE(sim_.run_until([&] { return removed; }, 1s));
  build(2, 2);
  barrier(1, 2);
  EXPECT_EQ(nodes_[0]->node.actors.parked_requests(), 4U);
  nodes_[0]->node.actors.start_graph(kGraph);
  build(1, 1);
  sim_.run_until_idle();
  EXPECT_EQ(collected(1), "11 12 21 22");
  EXPECT_EQ(failure_of(21), "none");
}

TEST_F(RemoteTest, refuses_a_request_of_a_term_that_is_over) {
  two_fragments();
  nodes_[0]->node.actors.stop_graph(kGraph, [] {});
  build(2, 2);
  sim_.run_until_idle();
  EXPECT_EQ(nodes_[0]->node.actors.refused_requests(), 4U);
  EXPECT_EQ(failure_of(21),
            "no output of actor 11 in graph 1 term 7: this term is over (in node-1, input from actor 11 of fragment 1, actor 21 of "
            "fragment 2, job toy)");
}

TEST_F(RemoteTest, stops_cleanly_across_nodes) {
  two_fragments();
  build_all();
  barrier(1, 2);
  barrier(2, 3, testing::mutation([](pb::Mutation& m) {
            for (const uint32_t actor : {11, 12, 21, 22}) m.mutable_stop()->add_actors(actor);
          }));
  EXPECT_EQ(collected(2), "11 12 21 22");
  EXPECT_TRUE(manager_->failures.empty());
  EXPECT_EQ(world_.alive.load(), 0);
}

TEST_F(RemoteTest, a_broken_stream_fails_both_sides_at_once) {
  two_fragments();
  build_all();
  barrier(1, 2);
  network_.break_streams(testing::Topology::endpoint(1), testing::Topology::endpoint(2));
  sim_.run_until_idle();
  EXPECT_THAT(failure_of(11), ::testing::StartsWith("the exchange stream to node-2 is lost: "));
  EXPECT_THAT(failure_of(21), ::testing::StartsWith("the exchange stream from node-1 is lost: "));
  EXPECT_EQ(manager_->failures.size(), 4U);
}

TEST_F(RemoteTest, silence_is_loss) {
  two_fragments();
  build_all();
  barrier(1, 2);
  sim_.run_for(60s);
  EXPECT_EQ(manager_->failures.size(), 0U) << "pings keep an idle stream alive";
  network_.partition(testing::Topology::endpoint(1), testing::Topology::endpoint(2));
  sim_.run_for(9s);
  EXPECT_EQ(manager_->failures.size(), 0U);
  sim_.run_for(3s);
  EXPECT_THAT(failure_of(11), ::testing::HasSubstr("nothing was heard for 10 s"));
  EXPECT_THAT(failure_of(21), ::testing::HasSubstr("nothing was heard for 10 s"));
}

TEST_F(RemoteTest, fails_when_a_node_cannot_be_reached) {
  plan_.fragment(1, "emit", {11}, {3});
  plan_.fragment(2, "log(merge:1)", {21}, {2});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build(2, 2);
  sim_.run_for(20s);
  EXPECT_THAT(failure_of(21), ::testing::StartsWith("the exchange stream from node-3 is lost: "));
}

TEST_F(RemoteTest, opens_a_new_stream_after_one_was_lost) {
  two_fragments();
  build_all();
  barrier(1, 2);
  network_.break_streams(testing::Topology::endpoint(1), testing::Topology::endpoint(2));
  sim_.run_until_idle();
  const storage::GraphTerm next{PartialGraphId{1}, Term{8}};
  testing::Topology plan(next);
  plan.fragment(1, "emit", {11}, {1});
  plan.fragment(2, "log(merge:1)", {21}, {2});
  plan.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  const auto manager = std::make_shared<testing::FakeBarrierManager>();
  for (auto& node : nodes_) {
    node->node.actors.stop_graph(kGraph, [] {});
    node->node.actors.start_graph(next);
  }
  nodes_[0]->node.actors.build(next, plan.build(1, 1), {Epoch{5}, Epoch{6}}, manager);
  nodes_[1]->node.actors.build(next, plan.build(2, 2), {Epoch{5}, Epoch{6}}, manager);
  sim_.run_until_idle();
  manager->put({{Epoch{5}, Epoch{6}}, BarrierKind::Initial, nullptr});
  sim_.run_until_idle();
  EXPECT_EQ(manager->collected[5].size(), 2U);
  for (auto& node : nodes_) node->node.actors.stop_graph(next, [] {});
  sim_.run_until_idle();
}

TEST_F(RemoteTest, waits_for_credit_and_goes_on_when_it_comes) {
  plan_.fragment(1, "emit", {11}, {1});
  plan_.fragment(2, "ask(merge:1)", {21}, {2});
  plan_.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
  build_all();
  barrier(1, 2);
  network_.set_delay(1ms, 2ms);
  bool waited = false;
  for (int i = 0; i < 40; ++i) {
    world_.to_emit[11] = one_column(std::vector<std::pair<Op, int64_t>>(4000, {Op::Insert, 1}));
    world_.wakes[11]();
    EXPECT_TRUE(sim_.run_until(
        [&] {
          waited |= nodes_[0]->node.actors.status()[0].waiting_for == "output to actor 21: no budget";
          return !world_.to_emit.contains(11);
        },
        1s));
  }
  barrier(2, 3);
  EXPECT_TRUE(waited);
  EXPECT_EQ(nodes_[1]->node.actors.status()[0].rows_out, nodes_[0]->node.actors.status()[0].rows_out);
  EXPECT_EQ(nodes_[1]->node.actors.status()[0].rows_out, 160'000U);
}

// ---- peers that do what they may not ----------------------------------------------------------------------------------------------------

/// A peer of node 1 that sends what the test says.
class RogueClientTest : public RemoteTest {
 protected:
  std::string tell(std::initializer_list<std::string> frames) {
    auto transport = network_.transport("rogue");
    auto executor = sim_.make_serial("rogue", false);
    std::string closed = "open";
    rpc::StreamEvents events;
    events.on_message = [](const rpc::Bytes&) {};
    events.on_closed = [&closed](const Status& status) { closed = status.has_error() ? status.error().message() : "done"; };
    const auto stream = transport->connect(testing::Topology::endpoint(1), kExchangeMethod, *executor, std::move(events));
    for (const std::string& frame : frames) stream->write(frame);
    sim_.run_until_idle();
    return closed;
  }
  static std::string subscribe(uint32_t channel, uint32_t budget = 100) {
    pb::ExchangeFrame frame;
    frame.mutable_subscribe()->set_channel(channel);
    frame.mutable_subscribe()->set_row_budget(budget);
    frame.mutable_subscribe()->mutable_up_graph()->set_id(kGraph.graph.value);
    frame.mutable_subscribe()->mutable_up_graph()->set_term(kGraph.term.value);
    return frame.SerializeAsString();
  }
};

TEST_F(RogueClientTest, loses_its_stream_for_anything_out_of_order) {
  const std::string open = open_frame("rogue");
  EXPECT_EQ(tell({open, subscribe(1)}), "open");
  EXPECT_EQ(tell({"\xff\xff garbage"}), "an exchange frame of 10 bytes does not parse");
  EXPECT_EQ(tell({ping_frame()}), "an exchange stream must begin with its version");
  EXPECT_EQ(tell({open, open}), "an exchange stream was opened twice");
  EXPECT_EQ(tell({open, ""}), "an exchange frame of kind 0 came from the receiving side");
  EXPECT_EQ(tell({open, data_frame(1, "x")}), "an exchange frame of kind 3 came from the receiving side");
  EXPECT_EQ(tell({open, subscribe(1), subscribe(1)}), "channel 1 after channel 1");
  EXPECT_EQ(tell({open, subscribe(1, 0)}), "channel 1 with a budget of 0 rows");
  EXPECT_EQ(tell({open, subscribe(1, UINT32_MAX)}), "channel 1 with a budget of 4294967295 rows");
  EXPECT_EQ(tell({open, credit_frame(9, 1)}), "credit for channel 9, which was never opened");
  EXPECT_EQ(tell({open, subscribe(1), credit_frame(1, 1)}), "credit of 1 rows for channel 1, which has 0 in flight");
  EXPECT_EQ(tell({open, closed_frame(2, error(Code::Closed, "x"))}), "the end of channel 2, which was never opened");
  pb::ExchangeFrame old;
  old.mutable_open()->set_version(99);
  old.mutable_open()->set_node_id("rogue");
  EXPECT_EQ(tell({old.SerializeAsString()}), "this node speaks version 1 of exchange, node rogue version 99");
}

/// A node 3 that serves whatever the test says to a downstream on node 2.
class RogueServerTest : public RemoteTest {
 protected:
  struct Rogue final : rpc::Service {
    void call(std::string_view, rpc::Bytes, Reply reply) override { reply(error(Code::Protocol, "no")); }
    Result<Accepted> open(std::string_view, std::shared_ptr<rpc::Stream> opened) override {
      stream = std::move(opened);
      rpc::StreamEvents events;
      events.on_message = [](const rpc::Bytes&) {};
      events.on_closed = [this](const Status& status) { closed = status.has_error() ? status.error().message() : "done"; };
      return Accepted{executor, std::move(events)};
    }
    std::shared_ptr<rpc::Stream> stream;
    runtime::Executor* executor = nullptr;
    std::string closed = "open";
  };

  std::string tell(std::initializer_list<std::string> frames) {
    const auto transport = network_.transport("node-3");
    const auto executor = sim_.make_serial("rogue", false);
    const auto rogue = std::make_shared<Rogue>();
    rogue->executor = executor.get();
    const auto listener = transport->listen("node-3", rogue).value();
    testing::Topology plan(kGraph);
    plan.fragment(1, "emit", {1}, {3});
    plan.fragment(2, "log(merge:1)", {next_actor_}, {2});
    plan.edge(1, 2, 1, pb::DISPATCH_SIMPLE);
    nodes_[1]->node.actors.build(kGraph, plan.build(2, 2), {Epoch{1}, Epoch{2}}, manager_);
    sim_.run_until_idle();
    for (const std::string& frame : frames) rogue->stream->write(frame);
    sim_.run_until_idle();
    const std::string closed = rogue->closed;
    rogue->stream->close(ok());
    sim_.run_until_idle();
    ++next_actor_;
    return closed;
  }
  static std::string rows(std::string_view table) {
    std::string bytes;
    data::encode_chunk(data::chunk_from_table(table), bytes);
    return bytes;
  }
  uint32_t next_actor_ = 900;
};

TEST_F(RogueServerTest, loses_its_stream_for_anything_out_of_order) {
  const std::vector<uint32_t> one = {1};
  barrier(1, 2);
  const std::string first = barrier_frame(one, {{Epoch{1}, Epoch{2}}, BarrierKind::Initial, nullptr});
  EXPECT_EQ(tell({first, data_frame(1, rows("I64\n+ 1"))}), "open");
  EXPECT_EQ(tell({"\xff"}), "an exchange frame of 1 bytes does not parse");
  EXPECT_EQ(tell({open_frame("x")}), "an exchange frame of kind 1 came from the sending side");
  EXPECT_EQ(tell({data_frame(7, rows("I64\n+ 1"))}), "a message for channel 7, which was never opened");
  EXPECT_EQ(tell({data_frame(1, rows("T\n+ a"))}), "rows for channel 1 have other columns than the plan says");
  EXPECT_EQ(tell({data_frame(1, rows("I64 I64\n+ 1 1"))}), "rows for channel 1 have other columns than the plan says");
  EXPECT_THAT(tell({data_frame(1, "nonsense")}), ::testing::Not("open"));
  EXPECT_EQ(tell({barrier_frame(one, {{Epoch{2}, Epoch{2}}, BarrierKind::Initial, nullptr})}), "a barrier 2..2 of kind 1");
  EXPECT_EQ(tell({barrier_frame(one, {{Epoch{2}, Epoch{3}}, static_cast<BarrierKind>(4), nullptr})}), "a barrier 2..3 of kind 4");
  EXPECT_EQ(manager_->failures.size(), next_actor_ - 900) << "each actor fails with its stream";
}

TEST_F(RogueServerTest, may_not_send_more_than_its_budget) {
  std::string text = "I64\n";
  for (int i = 0; i < 4096; ++i) text += "+ 1\n";
  const std::string full = data_frame(1, rows(text));
  const std::vector<uint32_t> one = {1};
  EXPECT_EQ(tell({full, full, full, full, full}), "rows for channel 1 without budget");
  std::vector<std::string> barriers;
  pb::ExchangeFrame many;
  many.mutable_barrier()->add_channels(1);
  for (uint64_t i = 1; i <= kMaxBarriersInFlight + 1; ++i) {
    pb::Barrier* barrier = many.mutable_barrier()->add_barriers();
    barrier->mutable_epoch()->set_prev(i);
    barrier->mutable_epoch()->set_curr(i + 1);
    barrier->set_kind(pb::BARRIER_BARRIER);
  }
  EXPECT_EQ(tell({many.SerializeAsString()}), "more than 64 barriers for channel 1");
}

}  // namespace
}  // namespace penstock::stream
