// Random graphs of actors under random schedules: every barrier passes, and every fragment sees exactly the rows of each epoch.
#include <gtest/gtest.h>

#include "unit/stream/task/random_graph.h"
#include "unit/stream/task/remote_node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;
using testing::RandomGraph;

using namespace std::chrono_literals;

constexpr uint64_t kBarriers = 12;

class DagRun {
 public:
  DagRun(uint64_t seed, uint32_t workers) : sim_(seed), graph_(sim_, workers) {
    world_.source_rows_per_epoch = 1 + sim_.random() % 6000;
    world_.source_chunk = 1 + sim_.random() % 3000;
    world_.pairs = sim_.random() % 2 == 0;
    if (workers > 1 && sim_.random() % 2 == 0) network_.set_delay(std::chrono::microseconds(10), std::chrono::milliseconds(3));
    for (uint32_t worker = 1; worker <= workers; ++worker) {
      nodes_.push_back(std::make_unique<testing::RemoteNode>(sim_, world_, network_, worker));
      nodes_.back()->node.actors.start_graph(kGraph);
      for (const uint32_t fragment : graph_.plan.fragments()) {
        nodes_.back()->node.actors.build(kGraph, graph_.plan.build(fragment, worker), {Epoch{1}, Epoch{2}}, manager_);
      }
    }
  }
  ~DagRun() {
    size_t stopped = 0;
    for (auto& node : nodes_) node->node.actors.stop_graph(kGraph, [&] { ++stopped; });
    EXPECT_TRUE(sim_.run_until([&] { return stopped == nodes_.size(); }, 10s));
    EXPECT_EQ(world_.alive.load(), 0);
  }

  /// Several barriers are in flight at a time, as many as the schedule makes.
  void pass_barriers() {
    const size_t actors = graph_.plan.all_actors().size();
    const auto collected = [&](uint64_t prev) { return manager_->collected[prev].size() == actors; };
    uint64_t put = 0;
    const auto all = [&] {
      while (put < kBarriers && (put < 4 || collected(put - 3))) {
        ++put;
        manager_->put({{Epoch{put}, Epoch{put + 1}}, BarrierKind::Checkpoint, nullptr});
        sim_.run_for(std::chrono::microseconds(sim_.random() % 300));
      }
      return put == kBarriers && collected(kBarriers);
    };
    ASSERT_TRUE(sim_.run_until(all, 60s)) << waits();
    EXPECT_TRUE(manager_->failures.empty());
  }

  void check_rows() { seen_ += graph_.check(world_, kBarriers); }

  uint64_t trace() const { return sim_.trace_hash(); }
  static uint64_t seen_;

 private:
  std::string waits() {
    std::string out;
    for (auto& node : nodes_) {
      for (const ActorStatus& status : node->node.actors.status()) {
        out += fmt::format("actor {} of fragment {} at {}: {}\n", status.actor, status.fragment, status.epoch, status.waiting_for);
      }
    }
    return out;
  }

  testing::Playground world_;
  runtime::SimRuntime sim_;
  rpc::MemoryNetwork network_{sim_};
  RandomGraph graph_;
  std::shared_ptr<testing::FakeBarrierManager> manager_ = std::make_shared<testing::FakeBarrierManager>();
  std::vector<std::unique_ptr<testing::RemoteNode>> nodes_;
};
uint64_t DagRun::seen_ = 0;

TEST(Dag, delivers_exactly_the_rows_of_each_epoch) {
  for (uint64_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DagRun run(seed, 1);
    run.pass_barriers();
    run.check_rows();
  }
  EXPECT_GT(std::exchange(DagRun::seen_, 0), 1'000'000U) << "the graphs must carry something";
}

TEST(Dag, delivers_exactly_the_rows_of_each_epoch_between_nodes) {
  for (uint64_t seed = 1; seed <= 200 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DagRun run(seed, 2 + seed % 2);
    run.pass_barriers();
    run.check_rows();
  }
  EXPECT_GT(std::exchange(DagRun::seen_, 0), 1'000'000U) << "the graphs must carry something";
}

TEST(Dag, runs_the_same_way_from_the_same_seed) {
  const auto trace = [](uint64_t seed) {
    DagRun run(seed, 2);
    run.pass_barriers();
    return run.trace();
  };
  EXPECT_EQ(trace(5), trace(5));
  EXPECT_NE(trace(5), trace(6));
}

}  // namespace
}  // namespace penstock::stream
