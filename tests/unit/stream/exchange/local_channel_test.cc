#include "stream/exchange/local_channel.h"

#include <gtest/gtest.h>

#include "unit/stream/exchange/fakes.h"

namespace penstock::stream {
namespace {

using testing::barrier;
using testing::rows;
using testing::send;

class LocalChannelTest : public ::testing::Test {
 protected:
  void open(size_t budget) {
    LocalChannel ends = make_local_channel(mailbox_, 3, budget, ActorId{1}, ActorId{2});
    sender_ = std::move(ends.sender);
    receiver_ = std::move(ends.receiver);
    sender_->set_owner(upstream_);
  }
  std::vector<Mailbox::Delivery> take() {
    std::vector<Mailbox::Delivery> batch;
    mailbox_->take(batch);
    return batch;
  }
  /// Takes everything and gives back the budget of its chunks.
  size_t consume() {
    const auto batch = take();
    for (const auto& delivery : batch) {
      if (std::holds_alternative<Barrier>(delivery.what)) receiver_->release_barrier();
      if (std::holds_alternative<data::StreamChunk>(delivery.what)) receiver_->release_chunk(delivery.weight);
    }
    return batch.size();
  }

  std::shared_ptr<testing::FakeSignal> upstream_ = std::make_shared<testing::FakeSignal>();
  std::shared_ptr<testing::FakeSignal> downstream_ = std::make_shared<testing::FakeSignal>();
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>(downstream_);
  std::unique_ptr<ChannelSender> sender_;
  std::unique_ptr<ChannelReceiver> receiver_;
};

TEST_F(LocalChannelTest, hands_over_the_chunk_itself) {
  open(kChannelBudget);
  const data::StreamChunk chunk = rows(7, 3);
  EXPECT_EQ(send(*sender_, chunk), "sent");
  const auto batch = take();
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].channel, 3U);
  EXPECT_EQ(std::get<data::StreamChunk>(batch[0].what).column(0).values<int64_t>(), chunk.column(0).values<int64_t>());
}

TEST_F(LocalChannelTest, wakes_the_receiver_only_when_its_mailbox_was_empty) {
  open(kChannelBudget);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(*sender_, rows(i, 1)), "sent");
  EXPECT_EQ(downstream_->input, 1);
  consume();
  EXPECT_EQ(send(*sender_, rows(9, 1)), "sent");
  EXPECT_EQ(downstream_->input, 2);
}

TEST_F(LocalChannelTest, lets_one_chunk_of_any_size_pass_when_it_is_empty) {
  open(8);
  EXPECT_EQ(send(*sender_, rows(0, 100)), "sent");
  EXPECT_EQ(send(*sender_, rows(0, 1)), "full");
  consume();
  EXPECT_EQ(upstream_->output, 1);
  EXPECT_EQ(send(*sender_, rows(0, 100)), "sent");
}

TEST_F(LocalChannelTest, leaves_a_refused_chunk_with_the_sender) {
  open(1);
  EXPECT_EQ(send(*sender_, rows(0, 1)), "sent");
  Message message = rows(5, 2);
  EXPECT_FALSE(sender_->try_send(message).value());
  EXPECT_EQ(testing::brief(std::get<data::StreamChunk>(message)), "+5 +6");
}

TEST_F(LocalChannelTest, gives_budget_back_in_batches_and_wakes_a_waiting_sender_once) {
  open(8);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(send(*sender_, rows(i, 1)), "sent");
  EXPECT_EQ(send(*sender_, rows(8, 1)), "full");
  receiver_->release_chunk(1);
  EXPECT_EQ(upstream_->output, 0) << "a quarter of the budget is the least that comes back";
  receiver_->release_chunk(1);
  EXPECT_EQ(upstream_->output, 1);
  receiver_->release_chunk(6);
  EXPECT_EQ(upstream_->output, 1) << "it does not wait any more";
}

// What is held back for a batch must never be what the sender waits for.
TEST_F(LocalChannelTest, never_gets_stuck_whatever_the_sizes) {
  for (size_t budget : {1, 2, 3, 4, 5, 7, 8, 100}) {
    open(budget);
    for (size_t round = 1; round < 200; ++round) {
      while (send(*sender_, rows(0, 1 + round * 7 % (2 * budget))) == "sent") {
      }
      const int woken = upstream_->output;
      consume();
      EXPECT_EQ(upstream_->output, woken + 1) << "budget " << budget;
      EXPECT_EQ(send(*sender_, rows(0, 1)), "sent") << "budget " << budget;
    }
    sender_.reset();
    take();
  }
}

TEST_F(LocalChannelTest, lets_barriers_pass_when_rows_have_no_budget) {
  open(1);
  EXPECT_EQ(send(*sender_, rows(0, 1)), "sent");
  EXPECT_EQ(send(*sender_, rows(0, 1)), "full");
  EXPECT_EQ(send(*sender_, barrier(1, 2)), "sent");
}

TEST_F(LocalChannelTest, sends_barriers_without_their_mutation) {
  open(1);
  Barrier with = barrier(1, 2);
  with.mutation = std::shared_ptr<const pb::Mutation>(std::shared_ptr<int>(), reinterpret_cast<const pb::Mutation*>(this));
  EXPECT_EQ(send(*sender_, with), "sent");
  EXPECT_EQ(std::get<Barrier>(take()[0].what).mutation, nullptr);
}

TEST_F(LocalChannelTest, refuses_more_barriers_than_may_be_in_flight) {
  open(1);
  for (uint64_t i = 1; i <= kMaxBarriersInFlight; ++i) EXPECT_EQ(send(*sender_, barrier(i, i + 1)), "sent");
  Message one_more = barrier(100, 101);
  const auto refused = sender_->try_send(one_more);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::Protocol);
}

TEST_F(LocalChannelTest, counts_a_barrier_until_the_receiver_has_it) {
  open(1);
  for (uint64_t i = 1; i <= 3 * kMaxBarriersInFlight; ++i) {
    EXPECT_EQ(send(*sender_, barrier(i, i + 1)), "sent");
    consume();
  }
}

TEST_F(LocalChannelTest, tells_the_sender_at_once_that_the_receiver_is_gone) {
  open(1);
  EXPECT_FALSE(sender_->state().has_error());
  receiver_.reset();
  EXPECT_EQ(upstream_->output, 1);
  EXPECT_EQ(sender_->state().error().code(), Code::Closed);
  EXPECT_EQ(send(*sender_, rows(0, 1)), "error: downstream actor 2 has ended");
  EXPECT_EQ(send(*sender_, barrier(1, 2)), "error: downstream actor 2 has ended");
}

TEST_F(LocalChannelTest, tells_the_receiver_after_the_last_message_that_the_sender_is_gone) {
  open(kChannelBudget);
  EXPECT_EQ(send(*sender_, rows(0, 1)), "sent");
  sender_.reset();
  const auto batch = take();
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(std::get<Mailbox::End>(batch[1].what).reason.to_string(), "upstream actor 1 has ended");
}

TEST_F(LocalChannelTest, tells_the_receiver_the_senders_reason_once) {
  open(kChannelBudget);
  sender_->close(error(Code::Closed, "that term is over"));
  sender_.reset();
  const auto batch = take();
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(std::get<Mailbox::End>(batch[0].what).reason.message(), "that term is over");
}

TEST_F(LocalChannelTest, destroys_what_comes_after_the_mailbox_was_closed) {
  open(kChannelBudget);
  mailbox_->close();
  EXPECT_EQ(send(*sender_, rows(0, 1)), "sent");
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(downstream_->input, 0);
}

TEST(ChunkWeight, is_rows_or_bytes_whichever_is_more) {
  EXPECT_EQ(chunk_weight(rows(0, 100)), 100U);
  EXPECT_EQ(chunk_weight(rows(0, 0)), 1U);
  const std::string wide(6400, 'x');
  EXPECT_EQ(chunk_weight(data::chunk_from_table("T\n+ " + wide + "\n+ " + wide)), 2 * (6400 + 16) / kBytesPerRow);
}

TEST(ChannelBudget, shrinks_when_an_actor_has_many_inputs) {
  EXPECT_EQ(channel_budget(1), kChannelBudget);
  EXPECT_EQ(channel_budget(16), kChannelBudget);
  EXPECT_EQ(channel_budget(128), kChannelBudget / 8);
  EXPECT_EQ(channel_budget(100000), 1024U);
}

}  // namespace
}  // namespace penstock::stream
