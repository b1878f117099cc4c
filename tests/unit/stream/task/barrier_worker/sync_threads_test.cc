#include "stream/task/barrier_worker/sync_threads.h"

#include <gtest/gtest.h>

#include "runtime/sim_runtime.h"

namespace penstock::stream {
namespace {

class SyncThreadsTest : public ::testing::Test {
 protected:
  /// A job that takes as long as a full disk may.
  void start(uint64_t graph, std::string name, runtime::Duration takes) {
    syncs_.run(PartialGraphId{graph}, [this, graph, name, takes] {
      order_ += name;
      const auto waiter = runtime_.make_waiter();
      (void)waiter->wait_for(takes);
      order_ += name + "'";
      loop_->post([this, graph] { syncs_.done(PartialGraphId{graph}); });
    });
  }

  runtime::SimRuntime runtime_{1};
  std::string order_;
  SyncThreads syncs_{runtime_};
  const std::unique_ptr<runtime::Executor> loop_ = runtime_.make_serial("loop", true);
};

TEST_F(SyncThreadsTest, those_of_a_graph_follow_each_other_and_other_graphs_do_not_wait) {
  start(1, "a", std::chrono::seconds(60));
  start(1, "b", std::chrono::seconds(1));
  start(2, "x", std::chrono::seconds(1));
  runtime_.run_for(std::chrono::seconds(100));
  EXPECT_LT(order_.find("a'"), order_.find('b')) << order_;
  EXPECT_LT(order_.find('x'), order_.find("a'")) << order_;
  EXPECT_EQ(order_.size(), 9u) << order_;
}

TEST_F(SyncThreadsTest, a_thread_is_used_again) {
  for (int i = 0; i < 3; ++i) {
    start(static_cast<uint64_t>(i), "a", runtime::Duration::zero());
    runtime_.run_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(order_, "aa'aa'aa'");
}

}  // namespace
}  // namespace penstock::stream
