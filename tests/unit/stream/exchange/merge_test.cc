#include "stream/exchange/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/sim_runtime.h"
#include "stream/exchange/local_channel.h"
#include "unit/stream/exchange/fakes.h"

namespace penstock::stream {
namespace {

using testing::barrier;
using testing::next;
using testing::rows;
using testing::send;

// Channels a, b, c … are upstream actors 1, 2, 3 … of fragment 10, feeding inputs 0, 1, 2 ….
class MergeTest : public ::testing::Test {
 protected:
  void open(size_t channels) {
    for (size_t i = 0; i < channels; ++i) {
      const ActorId upstream{static_cast<uint32_t>(i + 1)};
      const uint32_t number = merge_->add_channel({upstream, FragmentId{10}, static_cast<uint32_t>(i)});
      LocalChannel ends = make_local_channel(merge_->mailbox(), number, kChannelBudget, upstream, ActorId{99});
      merge_->set_receiver(number, std::move(ends.receiver));
      ends.sender->set_owner(std::make_shared<testing::FakeSignal>());
      senders_.push_back(std::move(ends.sender));
    }
  }
  /// Opens and brings barrier 0..1 everywhere.
  void begin(size_t channels) {
    open(channels);
    for (auto& sender : senders_) EXPECT_EQ(send(*sender, barrier(0, 1)), "sent");
    EXPECT_EQ(next(*merge_), "barrier 0..1");
    merge_->pass_barrier();
  }
  void put(char channel, Message message) { EXPECT_EQ(send(*senders_[static_cast<size_t>(channel - 'a')], std::move(message)), "sent"); }

  std::unique_ptr<Merge> merge_ = std::make_unique<Merge>(std::make_shared<Mailbox>(std::make_shared<testing::FakeSignal>()));
  std::vector<std::unique_ptr<ChannelSender>> senders_;
};

TEST_F(MergeTest, gives_nothing_while_there_is_nothing) {
  begin(2);
  EXPECT_EQ(next(*merge_), "-");
}

TEST_F(MergeTest, gives_channels_their_turns) {
  begin(2);
  for (int i = 1; i <= 3; ++i) put('a', rows(i, 1));
  put('b', rows(10, 1));
  put('b', rows(11, 1));
  EXPECT_EQ(next(*merge_), "0: +1");
  EXPECT_EQ(next(*merge_), "1: +10");
  EXPECT_EQ(next(*merge_), "0: +2");
  EXPECT_EQ(next(*merge_), "1: +11");
  EXPECT_EQ(next(*merge_), "0: +3");
  EXPECT_EQ(next(*merge_), "-");
}

TEST_F(MergeTest, holds_a_channel_back_until_the_barrier_is_everywhere) {
  begin(2);
  put('a', barrier(1, 2));
  put('a', rows(2, 1));
  put('b', rows(1, 1));
  EXPECT_EQ(next(*merge_), "1: +1");
  EXPECT_EQ(next(*merge_), "-");
  EXPECT_EQ(merge_->missing()->actor, ActorId{2});
  put('b', barrier(1, 2));
  EXPECT_EQ(next(*merge_), "barrier 1..2");
  EXPECT_EQ(next(*merge_), "-") << "the barrier must be passed first";
  merge_->pass_barrier();
  EXPECT_EQ(next(*merge_), "0: +2");
  EXPECT_EQ(merge_->missing(), nullptr);
}

TEST_F(MergeTest, aligns_barriers_that_queue_behind_each_other) {
  begin(2);
  for (uint64_t i = 1; i <= 3; ++i) put('a', barrier(i, i + 1));
  EXPECT_EQ(next(*merge_), "-");
  for (uint64_t i = 1; i <= 3; ++i) {
    put('b', rows(static_cast<int64_t>(i), 1));
    put('b', barrier(i, i + 1));
    EXPECT_EQ(next(*merge_), fmt::format("1: +{}", i));
    EXPECT_EQ(next(*merge_), fmt::format("barrier {}..{}", i, i + 1));
    merge_->pass_barrier();
  }
  EXPECT_EQ(next(*merge_), "-");
}

TEST_F(MergeTest, refuses_barriers_that_differ) {
  begin(2);
  put('b', barrier(1, 3));
  put('a', barrier(1, 2));
  EXPECT_EQ(next(*merge_), "error: barriers differ: actor 2 of fragment 10 sent 1..3, actor 1 of fragment 10 sent 1..2");
}

TEST_F(MergeTest, refuses_barriers_of_different_kinds) {
  begin(2);
  put('a', barrier(1, 2, BarrierKind::Barrier));
  put('b', barrier(1, 2, BarrierKind::Checkpoint));
  EXPECT_THAT(next(*merge_), ::testing::StartsWith("error: barriers differ"));
}

TEST_F(MergeTest, refuses_rows_before_the_first_barrier) {
  open(1);
  put('a', rows(1, 1));
  EXPECT_EQ(next(*merge_), "error: actor 1 of fragment 10 sent rows before its first barrier");
}

TEST_F(MergeTest, fails_when_a_channel_ends_after_everything_it_sent) {
  begin(2);
  put('a', rows(1, 1));
  senders_[0].reset();
  EXPECT_EQ(next(*merge_), "0: +1");
  EXPECT_EQ(next(*merge_), "error: upstream actor 1 has ended (in input from actor 1 of fragment 10)");
}

TEST_F(MergeTest, does_not_see_the_end_behind_a_barrier_before_it_was_passed) {
  begin(2);
  put('a', barrier(1, 2));
  senders_[0].reset();
  put('b', barrier(1, 2));
  EXPECT_EQ(next(*merge_), "barrier 1..2");
  merge_->pass_barrier();
  merge_->remove_upstreams({ActorId{1}});
  EXPECT_EQ(next(*merge_), "-");
  put('b', barrier(2, 3));
  EXPECT_EQ(next(*merge_), "barrier 2..3");
}

TEST_F(MergeTest, tells_all_senders_when_it_goes) {
  begin(3);
  merge_.reset();
  for (auto& sender : senders_) EXPECT_EQ(sender->state().error().message(), "downstream actor 99 has ended");
}

TEST_F(MergeTest, gives_budget_back_as_rows_are_taken) {
  begin(1);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) put('a', rows(0, data::kChunkRows));
    EXPECT_EQ(send(*senders_[0], rows(0, 1)), "full");
    for (int i = 0; i < 4; ++i) EXPECT_NE(next(*merge_), "-");
  }
}

// What may still be sent when nothing waits, after `times` rows of 10 that come `every` so often and take `work` each.
size_t room_after(int times, runtime::Duration every, runtime::Duration work) {
  runtime::SimRuntime sim{1};
  const auto pace = std::make_shared<Pace>();
  pace->set(std::chrono::milliseconds(40));
  Merge merge(std::make_shared<Mailbox>(std::make_shared<testing::FakeSignal>()));
  const ReceiveWindow window(kChannelBudget);
  merge.set_pace(sim, pace, kChannelBudget, 1);
  const uint32_t number = merge.add_channel({ActorId{1}, FragmentId{10}, 0});
  LocalChannel ends = make_local_channel(merge.mailbox(), number, kChannelBudget, ActorId{1}, ActorId{99}, window.kept_back());
  merge.set_receiver(number, std::move(ends.receiver));
  ends.sender->set_owner(std::make_shared<testing::FakeSignal>());
  EXPECT_EQ(send(*ends.sender, barrier(0, 1)), "sent");
  EXPECT_EQ(next(merge), "barrier 0..1");
  merge.pass_barrier();
  for (int i = 0; i < times; ++i) {
    EXPECT_EQ(next(merge), "-");
    sim.run_for(every - work);
    EXPECT_EQ(send(*ends.sender, rows(0, 10)), "sent");
    EXPECT_NE(next(merge), "-");
    sim.run_for(work);
  }
  return ends.sender->room();
}

// Before it has had a single row as well as afterwards.
TEST(MergeWindow, begins_anew_in_every_channel) {
  runtime::SimRuntime sim{1};
  const auto pace = std::make_shared<Pace>();
  pace->set(std::chrono::milliseconds(40));
  Merge merge(std::make_shared<Mailbox>(std::make_shared<testing::FakeSignal>()));
  merge.set_pace(sim, pace, kChannelBudget, 2);
  std::vector<std::unique_ptr<ChannelSender>> senders;
  for (const uint32_t upstream : {1, 2}) {
    const uint32_t number = merge.add_channel({ActorId{upstream}, FragmentId{10}, 0});
    LocalChannel ends = make_local_channel(merge.mailbox(), number, kChannelBudget, ActorId{upstream}, ActorId{99},
                                           ReceiveWindow(kChannelBudget, 2).kept_back());
    merge.set_receiver(number, std::move(ends.receiver));
    ends.sender->set_owner(std::make_shared<testing::FakeSignal>());
    EXPECT_EQ(send(*ends.sender, barrier(0, 1)), "sent");
    senders.push_back(std::move(ends.sender));
  }
  EXPECT_EQ(next(merge), "barrier 0..1");
  merge.pass_barrier();
  const auto pass_row = [&](ChannelSender& sender) {
    EXPECT_EQ(send(sender, rows(0, 1)), "sent");
    EXPECT_NE(next(merge), "-");
  };
  pass_row(*senders[0]);
  const size_t first = senders[1]->room();
  merge.begin_windows_anew();
  for (size_t row = 0; row < first / 2; ++row) {
    for (const auto& sender : senders) pass_row(*sender);
  }
  EXPECT_EQ(senders[0]->room(), first - first / 2 - 1);  // nothing came back
  EXPECT_EQ(senders[1]->room(), first - first / 2);
}

TEST(MergeWindow, closes_over_a_reader_that_is_slow_and_not_over_rows_that_are_long_in_coming) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  EXPECT_LT(room_after(500, milliseconds(20), milliseconds(20)), 40U);
  EXPECT_GT(room_after(500, milliseconds(20), microseconds(100)), 500U);
}

}  // namespace
}  // namespace penstock::stream
