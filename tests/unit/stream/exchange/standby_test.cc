// Barriers that come while an actor sleeps with everything worked off: counted in its mailbox, passed for it or waking it once.
#include "stream/exchange/standby.h"

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
using namespace std::chrono_literals;

constexpr ActorId kOwner{99};

/// Passes barriers up to one, and remembers them.
class FakePasser final : public BarrierPasser {
 public:
  bool pass(ActorId actor, EpochPair epoch, BarrierKind /*kind*/) override {
    EXPECT_EQ(actor, kOwner);
    if (epoch.prev >= refuses_from) return false;
    passed.push_back(epoch.prev.value);
    return true;
  }
  Epoch refuses_from{UINT64_MAX};
  std::vector<uint64_t> passed;
};

// Channels a, b, c … of an actor that has passed barrier 0..1 and stands by.
class StandbyTest : public ::testing::Test {
 protected:
  void stand_by(size_t channels, uint32_t may_pass, bool passes = true) {
    for (size_t i = 0; i < channels; ++i) {
      const ActorId upstream{static_cast<uint32_t>(i + 1)};
      const uint32_t number = merge_.add_channel({upstream, FragmentId{10}, static_cast<uint32_t>(i)});
      LocalChannel ends = make_local_channel(merge_.mailbox(), number, kChannelBudget, upstream, kOwner);
      merge_.set_receiver(number, std::move(ends.receiver));
      ends.sender->set_owner(std::make_shared<testing::FakeSignal>());
      senders_.push_back(std::move(ends.sender));
    }
    for (auto& sender : senders_) EXPECT_EQ(send(*sender, barrier(0, 1)), "sent");
    EXPECT_EQ(next(merge_), "barrier 0..1");
    merge_.pass_barrier();
    again(may_pass, 1, passes);
  }
  void again(uint32_t may_pass, uint64_t next_prev, bool passes = true) {
    EXPECT_TRUE(merge_.stand_by(kOwner, Epoch{next_prev}, passes ? &passer_ : nullptr, may_pass, sim_));
    signal_->input = 0;
  }
  void put(char channel, Message message) { EXPECT_EQ(send(*senders_[static_cast<size_t>(channel - 'a')], std::move(message)), "sent"); }
  Standby::Record resume() { return merge_.resume(sim_.now()); }

  runtime::SimRuntime sim_{1};
  FakePasser passer_;
  std::shared_ptr<testing::FakeSignal> signal_ = std::make_shared<testing::FakeSignal>();
  Merge merge_{std::make_shared<Mailbox>(signal_)};
  std::vector<std::unique_ptr<ChannelSender>> senders_;
};

TEST_F(StandbyTest, passes_a_barrier_once_it_is_everywhere_and_wakes_nobody) {
  stand_by(2, 10);
  put('a', barrier(1, 2));
  EXPECT_THAT(passer_.passed, ::testing::IsEmpty());
  put('b', barrier(1, 2));
  put('b', barrier(2, 3));
  put('a', barrier(2, 3));
  EXPECT_THAT(passer_.passed, ::testing::ElementsAre(1, 2));
  EXPECT_EQ(signal_->input, 0);
  const Standby::Record record = resume();
  EXPECT_EQ(record.passed, (EpochPair{Epoch{1}, Epoch{3}}));
  EXPECT_EQ(record.passes, 2U);
  EXPECT_EQ(next(merge_), "-");
}

TEST_F(StandbyTest, wakes_the_actor_once_when_a_barrier_is_everywhere_that_it_must_see) {
  stand_by(3, 0, false);
  for (const char channel : {'c', 'a', 'b'}) put(channel, barrier(1, 2));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_EQ(resume().passed, std::nullopt);
  EXPECT_EQ(next(merge_), "barrier 1..2");
  EXPECT_EQ(next(merge_), "-");
  merge_.pass_barrier();
  EXPECT_EQ(next(merge_), "-") << "and only once";
}

TEST_F(StandbyTest, wakes_the_actor_when_the_passer_refuses_and_when_enough_were_passed) {
  passer_.refuses_from = Epoch{2};
  stand_by(1, 10);
  put('a', barrier(1, 2));
  EXPECT_EQ(signal_->input, 0);
  put('a', barrier(2, 3));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_EQ(resume().passed, (EpochPair{Epoch{1}, Epoch{2}}));
  EXPECT_EQ(next(merge_), "barrier 2..3");
  merge_.pass_barrier();

  passer_.refuses_from = Epoch{UINT64_MAX};
  again(1, 3);
  put('a', barrier(3, 4));
  EXPECT_EQ(signal_->input, 0);
  put('a', barrier(4, 5));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_EQ(resume().passes, 1U);
  EXPECT_EQ(next(merge_), "barrier 4..5");
}

TEST_F(StandbyTest, wakes_the_actor_for_rows_with_what_was_counted_before_them_in_its_place) {
  stand_by(2, 10);
  put('a', barrier(1, 2));
  put('a', rows(7, 1));
  put('b', rows(5, 1));
  EXPECT_EQ(signal_->input, 1);
  put('b', barrier(1, 2));
  EXPECT_THAT(passer_.passed, ::testing::IsEmpty()) << "its rows are not worked off";
  EXPECT_EQ(resume().passed, std::nullopt);
  EXPECT_EQ(next(merge_), "1: +5");
  EXPECT_EQ(next(merge_), "barrier 1..2");
  merge_.pass_barrier();
  EXPECT_EQ(next(merge_), "0: +7");
}

TEST_F(StandbyTest, a_channel_that_is_a_barrier_ahead_wakes_the_actor) {
  stand_by(2, 10);
  put('a', barrier(1, 2));
  put('a', barrier(2, 3));
  EXPECT_EQ(signal_->input, 1);
  put('b', barrier(1, 2));
  EXPECT_FALSE(resume().passed);
  EXPECT_EQ(next(merge_), "barrier 1..2");
  merge_.pass_barrier();
  EXPECT_EQ(next(merge_), "-");
  put('b', barrier(2, 3));
  EXPECT_EQ(next(merge_), "barrier 2..3");
}

TEST_F(StandbyTest, barriers_that_differ_are_told_to_the_actor) {
  stand_by(2, 10);
  put('a', barrier(1, 2));
  put('b', barrier(1, 3));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_FALSE(resume().passed);
  EXPECT_THAT(next(merge_), ::testing::HasSubstr("barriers differ"));
}

TEST_F(StandbyTest, a_barrier_that_does_not_follow_wakes_the_actor) {
  stand_by(1, 10);
  put('a', barrier(5, 6));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_FALSE(resume().passed);
  EXPECT_EQ(next(merge_), "barrier 5..6");
}

TEST_F(StandbyTest, waits_for_nothing_from_an_upstream_that_was_removed) {
  stand_by(2, 10);
  EXPECT_FALSE(resume().passed);
  merge_.remove_upstreams({ActorId{1}});
  again(10, 1);
  put('b', barrier(1, 2));
  EXPECT_THAT(passer_.passed, ::testing::ElementsAre(1));
}

TEST_F(StandbyTest, is_not_begun_while_there_is_more_or_a_barrier_is_being_aligned) {
  stand_by(2, 10);
  EXPECT_FALSE(resume().passed);
  put('a', rows(1, 1));
  EXPECT_FALSE(merge_.stand_by(kOwner, Epoch{1}, &passer_, 10, sim_));
  EXPECT_EQ(next(merge_), "0: +1");
  put('a', barrier(1, 2));
  EXPECT_EQ(next(merge_), "-");
  EXPECT_FALSE(merge_.stand_by(kOwner, Epoch{1}, &passer_, 10, sim_));
}

TEST_F(StandbyTest, an_end_of_a_channel_wakes_the_actor) {
  stand_by(2, 10);
  put('a', barrier(1, 2));
  senders_[1]->close(error(Code::Closed, "gone"));
  EXPECT_EQ(signal_->input, 1);
  EXPECT_FALSE(resume().passed);
  EXPECT_THAT(next(merge_), ::testing::HasSubstr("gone"));
}

TEST_F(StandbyTest, more_barriers_than_may_be_in_flight_go_by_if_each_is_passed) {
  stand_by(1, 1000);
  for (uint64_t epoch = 1; epoch <= 4 * kMaxBarriersInFlight; ++epoch) put('a', barrier(epoch, epoch + 1));
  EXPECT_EQ(passer_.passed.size(), 4 * kMaxBarriersInFlight);
}

TEST_F(StandbyTest, says_whom_it_waits_for_since_when_and_how_far_it_has_come) {
  stand_by(3, 10);
  EXPECT_FALSE(merge_.mailbox()->standing().missing);
  for (const char channel : {'a', 'b', 'c'}) put(channel, barrier(1, 2));
  put('a', barrier(2, 3));
  const runtime::TimePoint since = sim_.now();
  sim_.run_for(3s);
  put('c', barrier(2, 3));
  const Mailbox::Standing standing = merge_.mailbox()->standing();
  EXPECT_EQ(standing.passed, Epoch{2});
  ASSERT_TRUE(standing.missing);
  EXPECT_EQ(standing.missing->actor, ActorId{2});
  EXPECT_EQ(standing.missing->fragment, FragmentId{10});
  EXPECT_EQ(standing.missing->prev, Epoch{2});
  EXPECT_EQ(standing.missing->since, since);
}

TEST_F(StandbyTest, counts_the_time_between_the_first_channel_and_the_last) {
  stand_by(2, 10);
  sim_.run_for(5s);
  put('a', barrier(1, 2));
  sim_.run_for(3s);
  put('b', barrier(1, 2));
  sim_.run_for(5s);
  put('b', barrier(2, 3));
  sim_.run_for(1s);
  EXPECT_EQ(resume().aligning, 4s) << "that of the barrier that is still being aligned included";
}

TEST_F(StandbyTest, many_channels) {
  constexpr size_t kMany = 150;
  stand_by(kMany, 10);
  for (size_t i = 0; i < kMany; ++i) {
    EXPECT_THAT(passer_.passed, ::testing::IsEmpty());
    EXPECT_EQ(send(*senders_[kMany - 1 - i], barrier(1, 2)), "sent");
  }
  EXPECT_THAT(passer_.passed, ::testing::ElementsAre(1));
  EXPECT_EQ(send(*senders_[149], barrier(2, 3)), "sent");
  EXPECT_EQ(resume().arrived, (std::vector<uint32_t>{149}));
}

}  // namespace
}  // namespace penstock::stream
