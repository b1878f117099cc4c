// Several graphs, each with a life of its own: barriers, collects in any order, failures, failed syncs, resets, new terms, and words of
// terms that are over. A small model of each graph says what may come out.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "stream/task/barrier_worker/managed_barrier_state.h"

namespace penstock::stream {
namespace {

constexpr uint32_t kGraphs = 3;

class ModelGraph {
 public:
  enum class Phase { Absent, Opening, Running, Failed, Resetting };
  struct Epochs {
    BarrierKind kind;
    std::set<uint32_t> owed;
    bool synced = false;
  };

  explicit ModelGraph(uint64_t id) : id(id) {}
  [[nodiscard]] GraphTerm name() const { return {PartialGraphId{id}, Term{term}}; }

  const uint64_t id;
  uint64_t term = 0;
  Phase phase = Phase::Absent;
  uint64_t chain = 0;                 // the last barrier began this epoch
  std::map<uint64_t, Epochs> epochs;  // in flight, by prev
  std::set<uint64_t> syncs;           // that run
  std::set<uint32_t> actors;
  std::set<uint32_t> stopping;  // with the last barrier
  bool stop_wanted = false, stop_asked = false;
  uint64_t failures_told = 0, resets_told = 0;
};

class World {
 public:
  explicit World(uint32_t seed) : random_(seed), seed_(seed) {
    for (uint64_t id = 1; id <= kGraphs; ++id) graphs_.emplace_back(id);
  }

  void run() {
    for (int step = 0; step < 600 && !::testing::Test::HasFatalFailure(); ++step) {
      now_.nanos += 1'000'000;
      take(graphs_[random_() % kGraphs]);
    }
    EXPECT_EQ(state_.stale_events(), stale_) << "seed " << seed_;
  }
  [[nodiscard]] uint64_t completed() const { return completed_; }
  [[nodiscard]] uint64_t resets() const { return resets_; }

 private:
  using Phase = ModelGraph::Phase;

  void take(ModelGraph& graph) {
    switch (graph.phase) {
      case Phase::Absent:
        ++graph.term;
        graph.chain = 100 * graph.term;
        graph.epochs.clear();
        graph.syncs.clear();
        graph.actors.clear();
        graph.stopping.clear();
        graph.stop_asked = false;
        graph.failures_told = graph.resets_told = 0;
        graph.phase = Phase::Opening;
        return feed(graph, CreatePartialGraph{graph.name(), Epoch{graph.chain}, {}, {}});
      case Phase::Opening:
        if (random_() % 3 == 0) return inject(graph);
        graph.phase = Phase::Running;
        return feed(graph, GraphOpened{graph.name(), ok()});
      case Phase::Running:
        return live(graph);
      case Phase::Failed:
        return wait_for_reset(graph);
      case Phase::Resetting:
        return end(graph);
    }
  }

  void live(ModelGraph& graph) {
    switch (random_() % 24) {
      case 0:
        return fail(graph);
      case 1:
        graph.phase = Phase::Resetting;
        return feed(graph, ResetPartialGraph{graph.name()});
      case 2:
        return say_something_old(graph);
      case 3:
        if (graph.epochs.empty() && graph.syncs.empty()) {
          graph.phase = Phase::Absent;
          return feed(graph, RemovePartialGraph{graph.name()});
        }
        return;
      case 4:
      case 5:
      case 6:
        return inject(graph);
      case 7:
      case 8:
      case 9:
        return finish_sync(graph);
      default:
        return collect(graph);
    }
  }

  void inject(ModelGraph& graph) {
    if (graph.epochs.size() > 8) return;
    InjectBarrier event{.graph = graph.name()};
    const bool first = graph.actors.empty() && graph.epochs.empty() && graph.chain == 100 * graph.term;
    event.barrier.epoch = {Epoch{graph.chain}, Epoch{graph.chain + 1 + random_() % 5}};
    event.barrier.kind = first ? BarrierKind::Initial : random_() % 2 == 0 ? BarrierKind::Checkpoint : BarrierKind::Barrier;
    if (first || random_() % 6 == 0) {
      for (uint32_t n = 1 + random_() % 3; n > 0; --n) {
        const uint32_t actor = ++last_actor_;
        graph.actors.insert(actor);
        event.new_actors.push_back({ActorId{actor}, FragmentId{1}});
      }
    }
    for (const uint32_t actor : graph.actors) event.actors_to_collect.emplace_back(actor);
    graph.epochs[graph.chain] = {event.barrier.kind, graph.actors, false};
    graph.chain = event.barrier.epoch.curr.value;
    feed(graph, std::move(event));
  }

  void collect(ModelGraph& graph) {
    // An actor collects its barriers in order.
    std::vector<std::pair<uint64_t, uint32_t>> next;
    std::set<uint32_t> seen;
    for (const auto& [prev, epoch] : graph.epochs) {
      for (const uint32_t actor : epoch.owed) {
        if (seen.insert(actor).second) next.emplace_back(prev, actor);
      }
    }
    if (next.empty()) return;
    const auto [prev, actor] = next[random_() % next.size()];
    graph.epochs.at(prev).owed.erase(actor);
    feed(graph, BarrierCollected{graph.name(), ActorId{actor}, Epoch{prev}});
  }

  void finish_sync(ModelGraph& graph) {
    if (graph.syncs.empty()) return;
    auto at = graph.syncs.begin();
    std::advance(at, random_() % graph.syncs.size());
    const uint64_t prev = *at;
    graph.syncs.erase(at);
    if (random_() % 10 == 0) {
      graph.phase = Phase::Failed;
      return feed(graph, SyncFinished{graph.name(), Epoch{prev}, error(Code::Io, "no sync")});
    }
    graph.epochs.at(prev).synced = true;
    feed(graph, SyncFinished{graph.name(), Epoch{prev}, std::vector<storage::SegmentInfo>{}});
  }

  void fail(ModelGraph& graph) {
    if (graph.actors.empty()) return;
    graph.phase = Phase::Failed;
    feed(graph, ActorFailed{graph.name(), ActorId{*graph.actors.begin()}, random_error()});
  }

  Error random_error() {
    return random_() % 2 == 0 ? Error(Code::Closed, "somebody else failed") : Error(Code::NumericOutOfRange, "too large");
  }

  // A graph that has failed ignores what still comes: collects, syncs, more failures, barriers.
  void wait_for_reset(ModelGraph& graph) {
    switch (random_() % 5) {
      case 0:
        graph.phase = Phase::Resetting;
        return feed(graph, ResetPartialGraph{graph.name()});
      case 1:
        if (!graph.syncs.empty()) {
          const uint64_t prev = *graph.syncs.begin();
          graph.syncs.erase(prev);
          return feed(graph, SyncFinished{graph.name(), Epoch{prev}, std::vector<storage::SegmentInfo>{}});
        }
        return;
      case 2:
        if (!graph.actors.empty()) return feed(graph, ActorFailed{graph.name(), ActorId{*graph.actors.rbegin()}, random_error()});
        return;
      case 3:
        return collect(graph);
      default:
        return inject(graph);
    }
  }

  void end(ModelGraph& graph) {
    if (graph.resets_told > 0) {
      graph.phase = Phase::Absent;
      return;
    }
    switch (random_() % 4) {
      case 0:
        return feed(graph, ResetPartialGraph{graph.name()});  // said twice
      case 1:
        if (!graph.syncs.empty()) {
          const uint64_t prev = *graph.syncs.begin();
          graph.syncs.erase(prev);
          return feed(graph, SyncFinished{graph.name(), Epoch{prev}, std::vector<storage::SegmentInfo>{}});
        }
        return feed(graph, ResetTimer{graph.name(), ResetTimer::Kind::RootCause});
      case 2:
        if (graph.stop_asked) return feed(graph, GraphStopped{graph.name()});
        return;
      default:
        if (graph.stop_asked && random_() % 4 == 0) return feed(graph, ResetTimer{graph.name(), ResetTimer::Kind::CutOff});
    }
  }

  void say_something_old(ModelGraph& graph) {
    if (graph.term < 2) return;
    const GraphTerm old{PartialGraphId{graph.id}, Term{graph.term - 1}};
    ++stale_;
    const uint32_t actor = graph.actors.empty() ? 1 : *graph.actors.begin();
    const uint64_t prev = graph.epochs.empty() ? graph.chain : graph.epochs.begin()->first;
    BarrierEffects effects;
    switch (random_() % 4) {
      case 0:
        effects = state_.on_event(BarrierCollected{old, ActorId{actor}, Epoch{prev}}, now_);
        break;
      case 1:
        effects = state_.on_event(ActorFailed{old, ActorId{actor}, Error(Code::Io, "old")}, now_);
        break;
      case 2:
        effects = state_.on_event(SyncFinished{old, Epoch{prev}, error(Code::Io, "old")}, now_);
        break;
      default:
        effects = state_.on_event(GraphStopped{old}, now_);
    }
    EXPECT_TRUE(effects.empty()) << "seed " << seed_ << ": an event of an old term had an effect";
  }

  void feed(ModelGraph& graph, BarrierEvent event) {
    for (const BarrierEffect& effect : state_.on_event(std::move(event), now_)) {
      std::visit([&](const auto& e) { check(graph, e); }, effect);
    }
  }

  template <typename Effect>
  void check(ModelGraph& graph, const Effect& effect) {
    ASSERT_EQ(effect.graph, graph.name()) << "seed " << seed_ << ": an effect on another graph or term";
    on(graph, effect);
  }
  void on(ModelGraph& graph, const BarrierCompleteResult& done) {
    ASSERT_EQ(graph.phase, Phase::Running) << "seed " << seed_ << ": a failed graph completes a barrier";
    ASSERT_FALSE(graph.epochs.empty());
    const auto front = graph.epochs.begin();
    ASSERT_EQ(done.epoch.prev.value, front->first) << "seed " << seed_ << ": out of order";
    ASSERT_TRUE(front->second.owed.empty()) << "seed " << seed_ << ": before all have collected";
    ASSERT_TRUE(front->second.kind != BarrierKind::Checkpoint || front->second.synced) << "seed " << seed_ << ": before it was synced";
    graph.epochs.erase(front);
    ++completed_;
  }
  void on(ModelGraph& graph, const StartSync& sync) {
    ASSERT_EQ(graph.phase, Phase::Running);
    const auto& epoch = graph.epochs.at(sync.prev.value);
    ASSERT_EQ(epoch.kind, BarrierKind::Checkpoint);
    for (const auto& [prev, earlier] : graph.epochs) {
      ASSERT_TRUE(prev > sync.prev.value || earlier.owed.empty()) << "seed " << seed_ << ": syncs before an earlier epoch is collected";
    }
    ASSERT_TRUE(graph.syncs.insert(sync.prev.value).second) << "seed " << seed_ << ": synced twice";
  }
  void on(ModelGraph& graph, const ReportFailure&) {
    ASSERT_EQ(++graph.failures_told, 1U) << "seed " << seed_ << ": only the first failure is told";
  }
  void on(ModelGraph& graph, const ReportReset&) {
    ASSERT_EQ(graph.phase, Phase::Resetting);
    ASSERT_EQ(++graph.resets_told, 1U) << "seed " << seed_ << ": told twice";
    ++resets_;
  }
  void on(ModelGraph& graph, const StopActors&) { graph.stop_asked = true; }
  void on(ModelGraph& graph, const SendBarrier&) { ASSERT_EQ(graph.phase, Phase::Running) << "seed " << seed_; }
  void on(ModelGraph&, const ProtocolViolation& violation) { FAIL() << "seed " << seed_ << ": " << violation.error.to_string(); }
  template <typename Other>
  void on(ModelGraph&, const Other&) {}

  std::mt19937 random_;
  const uint32_t seed_;
  ManagedBarrierState state_;
  runtime::TimePoint now_{1};
  std::vector<ModelGraph> graphs_;
  uint32_t last_actor_ = 0;
  uint64_t stale_ = 0, completed_ = 0, resets_ = 0;
};

TEST(ManagedStateProperty, graphs_live_fail_and_begin_again_without_touching_each_other) {
  uint64_t completed = 0, resets = 0;
  for (uint32_t seed = 0; seed < 300 && !::testing::Test::HasFailure(); ++seed) {
    World world(seed);
    world.run();
    completed += world.completed();
    resets += world.resets();
  }
  EXPECT_GT(completed, 5000U);
  EXPECT_GT(resets, 1000U);
}

}  // namespace
}  // namespace penstock::stream
