#include "runtime/ring_queue.h"

#include <gtest/gtest.h>

namespace penstock::runtime {
namespace {

TEST(RingQueue, keeps_order_while_it_wraps_and_grows) {
  RingQueue<int> queue;
  int pushed = 0;
  int popped = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < round % 7 + 1; ++i) queue.push(pushed++);
    for (int i = 0; i < round % 5 && !queue.empty(); ++i) EXPECT_EQ(queue.pop(), popped++);
  }
  while (!queue.empty()) EXPECT_EQ(queue.pop(), popped++);
  EXPECT_EQ(popped, pushed);
}

TEST(RingQueue, starts_anew_after_it_was_moved_from) {
  RingQueue<std::unique_ptr<int>> queue;
  queue.push(std::make_unique<int>(1));
  RingQueue<std::unique_ptr<int>> other = std::move(queue);
  queue = RingQueue<std::unique_ptr<int>>();
  queue.push(std::make_unique<int>(2));
  EXPECT_EQ(*other.pop(), 1);
  EXPECT_EQ(*queue.pop(), 2);
}

TEST(RingQueue, gives_back_the_memory_of_a_great_burst_once_drained) {
  RingQueue<std::shared_ptr<int>> queue;
  const auto value = std::make_shared<int>(7);
  for (int i = 0; i < 100'000; ++i) queue.push(value);
  while (!queue.empty()) EXPECT_EQ(*queue.pop(), 7);
  EXPECT_EQ(value.use_count(), 1);
  queue.push(value);
  EXPECT_EQ(*queue.pop(), 7);
}

}  // namespace
}  // namespace penstock::runtime
