// How the collects of many actors come to the worker's loop: together, by the last one of a barrier.
#include <gtest/gtest.h>

#include "stream/task/barrier_worker/inflight_barrier.h"
#include "stream/task/barrier_worker/local_barrier_manager_impl.h"
#include "stream/task/barrier_worker/worker_queue.h"

namespace penstock::stream {
namespace {

constexpr GraphTerm kCollects{PartialGraphId{1}, Term{1}};

struct Sink final : BarrierEventSink {
  void post_event(BarrierEvent) override { log += "event "; }
  void post_collect(BarrierCollected event) override { log += fmt::format("{}:{} ", event.actor, event.prev); }
  void look_at_collects() override { log += "look "; }
  std::string log;
};

Barrier barrier(uint64_t prev, int64_t actors) {
  return {{Epoch{prev}, Epoch{prev + 10}}, BarrierKind::Checkpoint, nullptr, std::make_shared<std::atomic<int64_t>>(actors)};
}

TEST(Collects, wake_the_loop_with_the_last_one_of_a_barrier) {
  Sink sink;
  LocalBarrierManagerImpl manager(kCollects, sink);
  const Barrier first = barrier(10, 3), second = barrier(20, 2);
  for (const uint32_t actor : {1, 2}) manager.collect(ActorId{actor}, first);
  manager.collect(ActorId{1}, second);
  manager.collect(ActorId{3}, first);
  manager.collect(ActorId{2}, second);
  EXPECT_EQ(sink.log, "1:10 2:10 1:20 3:10 look 2:20 look ");
}

TEST(Collects, wake_the_loop_when_there_are_more_than_are_owed) {
  Sink sink;
  LocalBarrierManagerImpl manager(kCollects, sink);
  const Barrier first = barrier(10, 1);
  manager.collect(ActorId{1}, first);
  manager.collect(ActorId{1}, first);
  EXPECT_EQ(sink.log, "1:10 look 1:10 look ");
}

TEST(Collects, wait_until_the_loop_is_asked_and_lie_behind_what_was_posted_before_them) {
  WorkerQueue queue;
  WorkerQueue::Events events;
  queue.put_collect({kCollects, ActorId{1}, Epoch{10}});
  EXPECT_TRUE(queue.ask());
  EXPECT_FALSE(queue.ask()) << "it is on its way";
  EXPECT_FALSE(queue.put_event(SideReport{kCollects, Epoch{10}, CreateReport{ActorId{2}}}));
  queue.put_collect({kCollects, ActorId{2}, Epoch{10}});
  EXPECT_FALSE(queue.take(events));
  EXPECT_EQ(events.others.size(), 1U);
  EXPECT_EQ(events.collects.size(), 2U);
  events.clear();
  EXPECT_FALSE(queue.take(events));
  EXPECT_TRUE(events.empty());
  EXPECT_TRUE(queue.ask());
}

TEST(Collects, come_before_jobs_whoever_asked_for_the_loop) {
  WorkerQueue queue;
  WorkerQueue::Events events;
  queue.put_collect({kCollects, ActorId{1}, Epoch{10}});
  EXPECT_TRUE(queue.put(WorkerQueue::Lane::Operation, [] {}));
  EXPECT_FALSE(queue.take(events)) << "what is inspected is what was collected by now";
  EXPECT_EQ(events.collects.size(), 1U);
  events.clear();
  EXPECT_TRUE(queue.take(events));
}

TEST(Collects, give_a_fragments_first_and_last_time_in_whatever_order_they_are_noted) {
  const auto at = [](int64_t nanos) { return runtime::TimePoint{nanos}; };
  InflightBarrier inflight;
  inflight.note_collect(FragmentId{1}, ActorId{11}, at(50));
  inflight.note_collect(FragmentId{2}, ActorId{21}, at(20));
  inflight.note_collect(FragmentId{1}, ActorId{12}, at(10));
  inflight.note_collect(FragmentId{1}, ActorId{13}, at(30));
  ASSERT_EQ(inflight.fragments.size(), 2U);
  EXPECT_EQ(inflight.fragments[0].first, at(10));
  EXPECT_EQ(inflight.fragments[0].last, at(50));
  EXPECT_EQ(inflight.fragments[0].last_actor, ActorId{11});
  EXPECT_EQ(inflight.fragments[1].last_actor, ActorId{21});
  EXPECT_EQ(inflight.collected, at(50));
}

}  // namespace
}  // namespace penstock::stream
