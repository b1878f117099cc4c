// Random graphs of actors under random schedules: every barrier passes, and every fragment sees exactly the rows of each epoch.
#include <gtest/gtest.h>

#include "unit/stream/task/remote_node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

using namespace std::chrono_literals;

constexpr uint64_t kBarriers = 12;

/// How many times each row of a source comes by at a fragment, by way of all paths.
using Paths = std::map<uint32_t, std::map<uint32_t, uint64_t>>;  // fragment -> source -> times

struct RandomGraph {
  testing::Topology plan{kGraph};
  Paths paths;

  /// Actors are on any of `workers` nodes.
  RandomGraph(runtime::Runtime& random, uint32_t workers) {
    const auto draw = [&](uint64_t below) { return random.random() % below; };
    uint32_t actor = 100;
    const auto actors = [&](uint64_t count) {
      std::vector<uint32_t> ids(count);
      for (uint32_t& id : ids) id = actor++;
      return ids;
    };
    const auto somewhere = [&](uint64_t count) {
      std::vector<uint32_t> places(count);
      for (uint32_t& place : places) place = static_cast<uint32_t>(1 + draw(workers));
      return places;
    };
    const uint32_t fragments = static_cast<uint32_t>(2 + draw(5));
    uint32_t link = 1;
    for (uint32_t id = 1; id <= fragments; ++id) {
      const bool source = id == 1 || draw(3) == 0;
      const uint64_t parallelism = 1 + draw(4);
      if (source) {
        plan.fragment(id, "source", actors(parallelism), somewhere(parallelism));
        paths[id][id] = 1;
        continue;
      }
      const uint32_t inputs = static_cast<uint32_t>(1 + draw(3));
      std::string merges;
      for (uint32_t i = 0; i < inputs; ++i) {
        const auto upstream = static_cast<uint32_t>(1 + draw(id - 1));
        merges += fmt::format("{}merge:{}", i > 0 ? "," : "", link);
        const bool broadcast = draw(4) == 0;
        plan.edge(upstream, id, link++, broadcast ? pb::DISPATCH_BROADCAST : pb::DISPATCH_HASH);
        for (const auto& [from, times] : paths[upstream]) paths[id][from] += times * (broadcast ? parallelism : 1);
      }
      static constexpr const char* kKinds[] = {"pass({})", "hold({})", "ask({})", "hold(ask({}))"};
      plan.fragment(id, "record(" + fmt::format(fmt::runtime(kKinds[draw(4)]), merges) + ")", actors(parallelism), somewhere(parallelism));
    }
  }
};

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
    EXPECT_EQ(world_.alive, 0);
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

  void check_rows() {
    uint64_t rows = 0;
    for (const auto& [fragment, sources] : graph_.paths) {
      if (sources.contains(fragment)) continue;
      for (uint64_t epoch = 2; epoch <= kBarriers; ++epoch) {
        testing::Playground::Tally expected;
        for (const auto& [source, times] : sources) {
          const auto emitted = world_.emitted[{source, epoch}];
          expected.rows += static_cast<int64_t>(times) * emitted.rows;
          expected.sum += times * emitted.sum;
        }
        const auto recorded = world_.recorded[{fragment, epoch}];
        EXPECT_EQ(recorded.rows, expected.rows) << "fragment " << fragment << " epoch " << epoch;
        EXPECT_EQ(recorded.sum, expected.sum) << "fragment " << fragment << " epoch " << epoch;
        rows += static_cast<uint64_t>(recorded.rows);
      }
    }
    seen_ += rows;
  }

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
