#include "stream/task/actor_stats.h"

#include <gtest/gtest.h>

namespace penstock::stream {
namespace {

constexpr runtime::TimePoint at(int64_t seconds) { return {seconds * 1'000'000'000}; }
constexpr int64_t total(const ActorWait& record, WaitingFor what) { return record.total_micros[static_cast<size_t>(what)] / 1'000'000; }

TEST(ActorStats, record_what_is_waited_for_since_when_and_in_which_epoch) {
  ActorStats stats;
  stats.run(at(0));
  stats.wait(WaitingFor::Alignment, at(2), ActorId{17}, FragmentId{4}, Epoch{100});
  const ActorWait record = stats.record(at(5));
  EXPECT_EQ(record.what, WaitingFor::Alignment);
  EXPECT_EQ(record.actor, ActorId{17});
  EXPECT_EQ(record.fragment, FragmentId{4});
  EXPECT_EQ(record.awaited, Epoch{100});
  EXPECT_EQ(record.micros, 3'000'000);
}

TEST(ActorStats, say_how_long_an_actor_is_busy) {
  ActorStats stats;
  stats.run(at(1));
  stats.wait(WaitingFor::Output, at(2), ActorId{5});
  stats.run(at(4));
  const ActorWait record = stats.record(at(9));
  EXPECT_EQ(record.what, WaitingFor::Nothing);
  EXPECT_EQ(record.actor, ActorId{}) << "whom it waited for is over";
  EXPECT_EQ(record.micros, 5'000'000);
}

TEST(ActorStats, add_up_waits_by_kind_the_present_one_included) {
  ActorStats stats;
  stats.run(at(0));
  stats.wait(WaitingFor::Input, at(1));
  stats.run(at(4));
  stats.wait(WaitingFor::Output, at(5), ActorId{5});
  stats.run(at(10));
  stats.wait(WaitingFor::Input, at(10));
  const ActorWait record = stats.record(at(12));
  EXPECT_EQ(total(record, WaitingFor::Input), 5);
  EXPECT_EQ(total(record, WaitingFor::Output), 5);
  EXPECT_EQ(total(record, WaitingFor::StateRead), 0);
}

TEST(ActorStats, time_that_an_actor_was_busy_is_no_wait) {
  ActorStats stats;
  stats.run(at(0));
  stats.run(at(7));
  for (size_t i = 0; i < kWaitKinds; ++i) EXPECT_EQ(stats.record(at(9)).total_micros[i], 0);
}

}  // namespace
}  // namespace penstock::stream
