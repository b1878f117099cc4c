#include "stream/exchange/outputs.h"

#include <gtest/gtest.h>

#include "proto/control_stream.pb.h"
#include "stream/exchange/local_channel.h"
#include "unit/stream/exchange/fakes.h"

namespace penstock::stream {
namespace {

using testing::barrier;
using testing::rows;

constexpr storage::GraphTerm kGraph{PartialGraphId{1}, Term{1}};
constexpr uint32_t kLink = 77;

pb::Dispatcher edge(pb::DispatchType type, std::vector<uint32_t> actors, uint32_t fragment = 20, uint64_t graph = 1) {
  pb::Dispatcher description;
  description.set_downstream_fragment(fragment);
  description.set_link(kLink);
  description.mutable_strategy()->set_type(type);
  description.mutable_strategy()->add_output(0);
  for (const uint32_t id : actors) {
    pb::ActorInfo* actor = description.add_actors();
    actor->set_actor_id(id);
    actor->mutable_graph()->set_id(graph);
  }
  if (type == pb::DISPATCH_HASH) {
    description.mutable_strategy()->add_dist_key(0);
    std::string mapping;
    for (size_t vnode = 0; vnode < 256; ++vnode) mapping += {static_cast<char>(vnode % actors.size()), '\0'};
    description.set_vnode_to_actor(mapping);
  }
  return description;
}

class OutputsTest : public ::testing::Test {
 protected:
  /// What a downstream actor has received, until it is asked: "+1 +2 | barrier 1..2 | end".
  struct Downstream {
    std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>(std::make_shared<testing::FakeSignal>());
    std::unique_ptr<ChannelReceiver> receiver;

    std::string take() {
      std::vector<Mailbox::Delivery> batch;
      mailbox->take(batch);
      std::string out;
      for (const auto& delivery : batch) {
        out += out.empty() ? "" : " | ";
        if (const auto* chunk = std::get_if<data::StreamChunk>(&delivery.what)) {
          out += chunk->rows() > 10 ? fmt::format("{} rows", chunk->rows()) : testing::brief(*chunk);
          receiver->release_chunk(delivery.weight);
        } else if (const auto* b = std::get_if<Barrier>(&delivery.what)) {
          out += fmt::format("barrier {}..{}", b->epoch.prev, b->epoch.curr);
        } else {
          out += "end";
        }
      }
      return out;
    }
  };

  void attach(uint32_t actor, size_t budget = kChannelBudget, uint32_t link = kLink) {
    Downstream& downstream = downstreams_[actor];
    LocalChannel ends = make_local_channel(downstream.mailbox, 0, budget, ActorId{5}, ActorId{actor});
    downstream.receiver = std::move(ends.receiver);
    outputs_.attach({ActorId{actor}, link, std::move(ends.sender)});
  }
  std::string take(uint32_t actor) { return downstreams_[actor].take(); }
  void flush() { ASSERT_FALSE(outputs_.send(true).has_error()); }
  void dispatch(const data::StreamChunk& chunk) { ASSERT_FALSE(outputs_.dispatch(chunk).has_error()); }
  void add(const pb::Dispatcher& description) {
    const Status added = outputs_.add(description);
    ASSERT_FALSE(added.has_error()) << added.error().to_string();
  }

  std::shared_ptr<testing::FakeSignal> signal_ = std::make_shared<testing::FakeSignal>();
  Outputs outputs_{kGraph, 1, signal_};
  std::map<uint32_t, Downstream> downstreams_;
};

TEST_F(OutputsTest, broadcasts_to_all_and_hashes_to_one) {
  add(edge(pb::DISPATCH_BROADCAST, {1, 2}));
  add(edge(pb::DISPATCH_HASH, {3, 4}, 21));
  for (uint32_t actor : {1, 2, 3, 4}) attach(actor);
  dispatch(rows(0, 100));
  flush();
  EXPECT_EQ(take(1), "100 rows");
  EXPECT_EQ(take(2), "100 rows");
  const std::string three = take(3);
  const std::string four = take(4);
  EXPECT_EQ(std::stoi(three) + std::stoi(four), 100) << three << ", " << four;
  EXPECT_GT(std::stoi(three), 20);
  EXPECT_GT(std::stoi(four), 20);
}

TEST_F(OutputsTest, gathers_small_chunks_until_there_is_nothing_else_to_do) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  dispatch(rows(1, 2));
  dispatch(rows(8, 1));
  EXPECT_EQ(take(1), "");
  EXPECT_FALSE(outputs_.empty());
  EXPECT_FALSE(outputs_.blocked());
  flush();
  EXPECT_EQ(take(1), "+1 +2 +8");
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(OutputsTest, gathers_at_most_a_chunk_full) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  for (int i = 0; i < 9; ++i) dispatch(rows(0, 500));
  EXPECT_EQ(take(1), "4000 rows");
}

TEST_F(OutputsTest, sends_large_chunks_at_once_after_the_small_ones_before_them) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  dispatch(rows(1, 2));
  dispatch(rows(0, 2000));
  EXPECT_EQ(take(1), "+1 +2 | 2000 rows");
}

TEST_F(OutputsTest, sends_everything_before_a_barrier) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  dispatch(rows(1, 2));
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  EXPECT_EQ(take(1), "+1 +2 | barrier 1..2");
}

TEST_F(OutputsTest, keeps_ops_when_it_gathers) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  dispatch(rows(1, 1));
  dispatch(data::chunk_from_table("I64\nU- 1\nU+ 2\n- 9 D"));
  dispatch(rows(3, 1));
  flush();
  EXPECT_EQ(take(1), "+1 U-1 U+2 +3");
}

TEST_F(OutputsTest, is_blocked_without_budget_and_no_longer_when_it_comes_back) {
  add(edge(pb::DISPATCH_BROADCAST, {1, 2}));
  attach(1, 4);
  attach(2);
  dispatch(rows(0, 2000));
  EXPECT_FALSE(outputs_.blocked());
  dispatch(rows(0, 2000));
  ASSERT_TRUE(outputs_.blocked());
  EXPECT_EQ(outputs_.blocking()->downstream(), ActorId{1});
  EXPECT_EQ(take(2), "2000 rows | 2000 rows") << "one slow downstream does not hold what others can have";
  EXPECT_EQ(take(1), "2000 rows");
  EXPECT_EQ(signal_->output, 1);
  ASSERT_FALSE(outputs_.send(false).has_error());
  EXPECT_FALSE(outputs_.blocked());
  EXPECT_EQ(take(1), "2000 rows");
}

TEST_F(OutputsTest, a_barrier_waits_behind_rows_without_budget) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1, 1);
  dispatch(rows(0, 1));
  flush();
  dispatch(rows(1, 1));
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  EXPECT_EQ(take(1), "+0");
  EXPECT_TRUE(outputs_.blocked());
  flush();
  EXPECT_EQ(take(1), "+1 | barrier 1..2");
}

TEST_F(OutputsTest, holds_messages_until_the_downstream_connects) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  ASSERT_TRUE(outputs_.blocked());
  EXPECT_FALSE(outputs_.blocking()->connected());
  attach(1);
  flush();
  EXPECT_EQ(take(1), "barrier 1..2");
}

TEST_F(OutputsTest, takes_a_channel_that_came_before_its_dispatcher) {
  attach(1);
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  dispatch(rows(1, 1));
  flush();
  EXPECT_EQ(take(1), "+1");
}

TEST_F(OutputsTest, tells_two_edges_to_one_actor_apart_by_their_link) {
  pb::Dispatcher second = edge(pb::DISPATCH_SIMPLE, {1});
  second.set_link(kLink + 1);
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  add(second);
  attach(1, kChannelBudget, kLink + 1);
  dispatch(rows(1, 1));
  flush();
  ASSERT_TRUE(outputs_.blocked());
  EXPECT_EQ(outputs_.blocking()->link(), kLink);
  EXPECT_EQ(take(1), "+1");
}

TEST_F(OutputsTest, fails_when_a_receiver_is_gone) {
  add(edge(pb::DISPATCH_SIMPLE, {1}));
  attach(1);
  ASSERT_FALSE(outputs_.check().has_error());
  downstreams_[1].receiver.reset();
  const Status failed = outputs_.check();
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().to_string(), "downstream actor 1 has ended (in output to actor 1)");
}

TEST_F(OutputsTest, discards_what_goes_to_another_graph_whose_receiver_is_gone) {
  add(edge(pb::DISPATCH_BROADCAST, {1}, 20, 2));
  add(edge(pb::DISPATCH_SIMPLE, {2}, 21));
  attach(1, 1);
  attach(2);
  dispatch(rows(0, 2000));
  dispatch(rows(0, 2000));
  EXPECT_TRUE(outputs_.blocked());
  downstreams_[1].receiver.reset();
  ASSERT_FALSE(outputs_.check().has_error());
  EXPECT_FALSE(outputs_.blocked());
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  EXPECT_TRUE(outputs_.empty());
  EXPECT_EQ(take(2), "2000 rows | 2000 rows | barrier 1..2");
}

TEST_F(OutputsTest, is_not_blocked_by_a_job_being_created_that_has_yet_to_connect) {
  add(edge(pb::DISPATCH_SIMPLE, {7}, 20, 2));
  dispatch(rows(1, 2));
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  dispatch(rows(3, 1));
  EXPECT_FALSE(outputs_.blocked());
  attach(7);
  flush();
  EXPECT_EQ(take(7), "+1 +2 | barrier 1..2 | +3");
}

TEST_F(OutputsTest, gives_up_on_a_job_being_created_that_does_not_connect_for_too_long) {
  add(edge(pb::DISPATCH_SIMPLE, {7}, 20, 2));
  for (size_t i = 0; i < 6; ++i) dispatch(rows(0, kChannelBudget));
  EXPECT_FALSE(outputs_.blocked());
  EXPECT_TRUE(outputs_.empty()) << "nothing is kept";
  attach(7);
  flush();
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  EXPECT_EQ(take(7), "end");

  add(edge(pb::DISPATCH_SIMPLE, {8}, 21, 2));
  for (uint64_t epoch = 2; epoch < 2 + kMaxBarriersInFlight; ++epoch) {
    ASSERT_FALSE(outputs_.send_barrier(barrier(epoch, epoch + 1)).has_error());
  }
  attach(8);
  flush();
  EXPECT_EQ(take(8), "end") << "barriers are not collected without end either";
}

TEST_F(OutputsTest, forgets_requests_of_jobs_whose_edge_never_came) {
  attach(7);
  downstreams_.erase(7);
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  add(edge(pb::DISPATCH_SIMPLE, {7}, 20, 2));
  ASSERT_FALSE(outputs_.send_barrier(barrier(2, 3)).has_error());
  attach(7);
  flush();
  EXPECT_EQ(take(7), "barrier 2..3") << "the second request is the one that counts";
}

TEST_F(OutputsTest, ends_the_channels_of_an_edge_that_is_removed) {
  add(edge(pb::DISPATCH_SIMPLE, {1}, 20));
  add(edge(pb::DISPATCH_SIMPLE, {2}, 21));
  attach(1);
  attach(2);
  outputs_.remove([](FragmentId fragment, ActorId) { return fragment == FragmentId{20}; });
  EXPECT_EQ(take(1), "end");
  outputs_.remove([](FragmentId, ActorId actor) { return actor == ActorId{2}; });
  EXPECT_EQ(take(2), "end");
  dispatch(rows(0, 1));
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(OutputsTest, whom_the_last_barrier_ends_may_be_gone_before_others_have_it) {
  add(edge(pb::DISPATCH_BROADCAST, {1, 2, 3}));
  attach(1);
  attach(2, 1);
  attach(3);
  dispatch(rows(0, 2000));
  dispatch(rows(0, 10));
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  outputs_.expect_end([](FragmentId, ActorId actor) { return actor <= ActorId{2}; });
  EXPECT_EQ(take(1), "2000 rows | +0 +1 +2 +3 +4 +5 +6 +7 +8 +9 | barrier 1..2");
  downstreams_[1].receiver.reset();
  EXPECT_FALSE(outputs_.check().has_error()) << "1 has its last barrier, 2 waits behind rows";
  EXPECT_TRUE(outputs_.blocked());
  downstreams_[2].receiver.reset();
  EXPECT_TRUE(outputs_.check().has_error()) << "2 ended without it";
}

TEST_F(OutputsTest, whom_the_last_barrier_does_not_end_must_stay) {
  add(edge(pb::DISPATCH_BROADCAST, {1, 2}, 20));
  attach(1);
  attach(2);
  ASSERT_FALSE(outputs_.send_barrier(barrier(1, 2)).has_error());
  outputs_.expect_end([](FragmentId fragment, ActorId actor) { return fragment == FragmentId{21} || actor == ActorId{1}; });
  downstreams_[2].receiver.reset();
  EXPECT_TRUE(outputs_.check().has_error());
}

TEST_F(OutputsTest, refuses_descriptions_that_make_no_sense) {
  const auto refused = [&](const pb::Dispatcher& description) {
    const Status added = outputs_.add(description);
    return added.has_error() ? added.error().to_string() : "taken";
  };
  EXPECT_EQ(refused(edge(pb::DISPATCH_UNKNOWN, {1})), "unknown dispatch type 0 (in edge to fragment 20)");
  EXPECT_EQ(refused(edge(pb::DISPATCH_BROADCAST, {})), "no downstream actor (in edge to fragment 20)");
  EXPECT_EQ(refused(edge(pb::DISPATCH_SIMPLE, {1, 2})), "2 downstream actors where there must be one (in edge to fragment 20)");
  auto bad = edge(pb::DISPATCH_HASH, {1, 2});
  bad.mutable_strategy()->set_dist_key(0, 1);
  EXPECT_EQ(refused(bad), "distribution key column 1 of an output of 1 columns (in edge to fragment 20)");
  bad = edge(pb::DISPATCH_HASH, {1, 2});
  bad.mutable_strategy()->set_output(0, 9);
  EXPECT_EQ(refused(bad), "output column 9 of an output of 1 columns (in edge to fragment 20)");
  bad = edge(pb::DISPATCH_HASH, {1, 2});
  bad.mutable_vnode_to_actor()->at(2) = 2;
  EXPECT_EQ(refused(bad), "vnode 1 is mapped to actor 2 of 2 (in edge to fragment 20)");
  bad.set_vnode_to_actor("abc");
  EXPECT_EQ(refused(bad), "a vnode mapping of 3 bytes (in edge to fragment 20)");
  EXPECT_EQ(refused(edge(pb::DISPATCH_SIMPLE, {1})), "taken");
  EXPECT_EQ(refused(edge(pb::DISPATCH_SIMPLE, {1})), "an edge to fragment 20 over link 77 is there already");
}

}  // namespace
}  // namespace penstock::stream
