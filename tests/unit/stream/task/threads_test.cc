// Random graphs of actors on real threads: the same promises as in simulation. Meant for ThreadSanitizer.
#include <gtest/gtest.h>

#include "runtime/threaded_runtime.h"
#include "unit/stream/task/random_graph.h"
#include "unit/stream/task/remote_node.h"

namespace penstock::stream {
namespace {

using namespace std::chrono_literals;
using testing::kGraph;

constexpr uint64_t kPassed = 20;

class Threads : public ::testing::TestWithParam<uint32_t> {
 protected:
  ~Threads() override {
    std::atomic<size_t> stopped{0};
    for (auto& node : nodes_) {
      node->node.actors.stop_graph(kGraph, [&, waiter = waiter_] {
        ++stopped;
        waiter->notify();
      });
    }
    while (stopped < nodes_.size()) EXPECT_TRUE(waiter_->wait_for(60s));
    EXPECT_EQ(world_.alive.load(), 0);
    runtime_->stop();
  }
  void build(uint32_t workers) {
    manager_->told = [waiter = waiter_] { waiter->notify(); };
    for (uint32_t worker = 1; worker <= workers; ++worker) {
      nodes_.push_back(std::make_unique<testing::RemoteNode>(*runtime_, world_, network_, worker));
      nodes_.back()->node.actors.start_graph(kGraph);
    }
    for (uint32_t worker = 1; worker <= workers; ++worker) {
      for (const uint32_t fragment : graph_.plan.fragments()) {
        nodes_[worker - 1]->node.actors.build(kGraph, graph_.plan.build(fragment, worker), {Epoch{1}, Epoch{2}}, manager_);
      }
    }
  }
  void put(uint64_t prev) { manager_->put({{Epoch{prev}, Epoch{prev + 1}}, BarrierKind::Checkpoint, nullptr}); }
  /// False if something failed, or took a minute.
  [[nodiscard]] bool wait_for(uint64_t prev) {
    const size_t actors = graph_.plan.all_actors().size();
    while (manager_->collects(prev) < actors) {
      if (manager_->failed() || !waiter_->wait_for(60s)) return false;
    }
    return true;
  }

  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 4});
  std::shared_ptr<runtime::Waiter> waiter_ = runtime_->make_waiter();
  testing::Playground world_;
  rpc::MemoryNetwork network_{*runtime_};
  testing::RandomGraph graph_{*runtime_, GetParam()};
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
  std::vector<std::unique_ptr<testing::RemoteNode>> nodes_;
};

TEST_P(Threads, deliver_exactly_the_rows_of_each_epoch) {
  world_.source_rows_per_epoch = 3000;
  world_.pairs = true;
  build(GetParam());
  for (uint64_t prev = 1; prev <= kPassed; ++prev) {
    put(prev);
    if (prev > 4) ASSERT_TRUE(wait_for(prev - 4));
  }
  ASSERT_TRUE(wait_for(kPassed));
  graph_.check(world_, kPassed);
  EXPECT_TRUE(manager_->failures.empty());
}

TEST_P(Threads, stop_in_the_middle) {
  build(GetParam());
  for (uint64_t prev = 1; prev <= 5; ++prev) put(prev);
  ASSERT_TRUE(wait_for(1));
}

INSTANTIATE_TEST_SUITE_P(Nodes, Threads, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace penstock::stream
