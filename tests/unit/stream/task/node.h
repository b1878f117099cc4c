#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/sim_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "stream/task/local_stream_manager.h"
#include "unit/stream/task/topology.h"
#include "unit/stream/task/toys.h"

namespace penstock::stream::testing {

constexpr storage::GraphTerm kGraph{PartialGraphId{1}, Term{7}};

/// A barrier manager whose barriers the test puts, and which remembers what actors say. `told`, if set, is called after each collect and
/// failure. Thread-safe; `collected` and `failures` are read when nothing runs.
class FakeBarrierManager final : public LocalBarrierManager {
 public:
  void put(Barrier barrier) {
    std::vector<std::function<void()>> wakes;
    {
      MutexLock lock(mutex_);
      barriers_.push_back(std::move(barrier));
      wakes.swap(asked_);
    }
    for (const auto& wake : wakes) wake();
  }
  void collect(ActorId actor, const Barrier& barrier) override {
    {
      MutexLock lock(mutex_);
      collected[barrier.epoch.prev.value].insert(actor);
    }
    if (told) told();
  }
  bool pass(ActorId actor, EpochPair epoch, BarrierKind kind) override {
    {
      MutexLock lock(mutex_);
      const auto found = std::ranges::find_if(barriers_, [&](const Barrier& barrier) { return barrier.epoch == epoch; });
      if (found == barriers_.end() || found->kind != kind || found->mutation) return false;
      ++collected_idle;
    }
    collect(actor, Barrier{epoch, kind, nullptr, nullptr});
    return true;
  }
  void notify_failure(ActorId actor, Error error) override {
    {
      MutexLock lock(mutex_);
      failures.emplace(actor, error);
    }
    if (told) told();
  }
  [[nodiscard]] size_t collects(uint64_t prev) {
    MutexLock lock(mutex_);
    return collected[prev].size();
  }
  [[nodiscard]] bool failed() {
    MutexLock lock(mutex_);
    return !failures.empty();
  }
  std::shared_ptr<BarrierSubscription> subscribe_barrier(ActorId actor, std::function<void()> wake) override {
    return std::make_shared<Subscription>(*this, std::move(wake), first_of.contains(actor) ? first_of[actor] : 0);
  }
  bool vnodes_here(ActorId actor, Epoch prev, std::function<void()> wake) override {
    MutexLock lock(mutex_);
    if (here_.contains(prev.value)) return true;
    awaiting_[actor] = std::move(wake);
    return false;
  }
  /// The rows that came with the barrier which ends `prev` are there.
  void bring_vnodes(uint64_t prev) {
    std::map<ActorId, std::function<void()>> wakes;
    {
      MutexLock lock(mutex_);
      here_.insert(prev);
      wakes.swap(awaiting_);
    }
    for (const auto& [actor, wake] : wakes) wake();
  }
  void report_source(Epoch, SourceReport) override {}
  void report_create_progress(Epoch, CreateReport) override {}
  void report_expression_errors(Epoch, uint64_t, const Error&) override {}

  std::map<uint64_t, std::set<ActorId>> collected;  // by prev
  size_t collected_idle = 0;                        // of them, without running the actor
  std::multimap<ActorId, Error> failures;
  std::map<ActorId, uint64_t> first_of;  // prev of an actor's first barrier, if not the first of all
  std::function<void()> told;

 private:
  class Subscription final : public BarrierSubscription {
   public:
    Subscription(FakeBarrierManager& manager, std::function<void()> wake, uint64_t first)
        : manager_(manager), wake_(std::move(wake)), first_(first) {}
    std::optional<Barrier> next() override {
      MutexLock lock(manager_.mutex_);
      while (position_ < manager_.barriers_.size()) {
        const Barrier& barrier = manager_.barriers_[position_++];
        if (barrier.epoch.prev.value >= first_) return barrier;
      }
      manager_.asked_.push_back(wake_);
      return std::nullopt;
    }

    void skip_to(Epoch prev) override { first_ = prev.value; }

   private:
    FakeBarrierManager& manager_;
    const std::function<void()> wake_;
    uint64_t first_;
    size_t position_ = 0;
  };
  Mutex mutex_;
  std::set<uint64_t> here_;
  std::map<ActorId, std::function<void()>> awaiting_;
  std::deque<Barrier> barriers_;
  std::vector<std::function<void()>> asked_;  // of those that found nothing
};

/// One node's worth of everything an actor needs.
struct Node {
  explicit Node(runtime::Runtime& runtime, Playground& world, WorkerId worker = WorkerId{1}, size_t memory = 1 << 30)
      : budget(memory),
        actors({.runtime = runtime,
                .store = store,
                .dml = dml,
                .memory = budget,
                .build_tree = [&world](const pb::StreamNode& root, const ActorContext& context) {
                  return build_toys(root, world, context);
                }}) {
    actors.set_worker(worker);
  }

  DmlManager dml;
  MemoryBudget budget;
  storage::MemoryStateStore store;
  LocalStreamManager actors;
};

inline std::shared_ptr<const pb::Mutation> mutation(absl::FunctionRef<void(pb::Mutation&)> fill) {
  auto made = std::make_shared<pb::Mutation>();
  fill(*made);
  return made;
}

}  // namespace penstock::stream::testing
