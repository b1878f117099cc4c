#pragma once

#include <memory>
#include <vector>

#include "common/mutex.h"
#include "stream/exchange/remote_input.h"
#include "stream/task/actor_manager.h"
#include "stream/task/dml_manager.h"
#include "stream/task/graph_table.h"

namespace penstock::stream {

/// The actors of this node. Builds run on the runtime's blocking pool, an actor a job; each then subscribes to barriers and asks its
/// upstreams for channels: those of this node directly, those of others through `RemoteInput`.
///
/// Thread-safe. Outlives every job of the runtime that it posted: stop the graphs, or the runtime, first.
class LocalStreamManager final : public ActorManager, public OutputHub, private ActorKeeper {
 public:
  struct Environment {
    runtime::Runtime& runtime;
    storage::StateStore& store;
    DmlManager& dml;
    MemoryBudget& memory;
    Actor::TreeBuilder build_tree;  // build_operator_tree
  };
  explicit LocalStreamManager(Environment environment) : environment_(std::move(environment)) {}
  LocalStreamManager(const LocalStreamManager&) = delete;
  LocalStreamManager& operator=(const LocalStreamManager&) = delete;

  /// Meta's number for this node, and the way to the others; before the first `build` that needs them. `remote` outlives every actor.
  void set_worker(WorkerId worker);
  void set_remote(RemoteInput& remote);

  void build(storage::GraphTerm graph, std::shared_ptr<const pb::BuildFragment> plan, EpochPair first,
             std::shared_ptr<LocalBarrierManager> manager) override;
  void stop_graph(storage::GraphTerm graph, absl::AnyInvocable<void()> done) override;
  void remove_graph(storage::GraphTerm graph, absl::AnyInvocable<void()> done) override;
  void start_graph(storage::GraphTerm graph) override;
  void merge_graph(storage::GraphTerm graph, storage::GraphTerm into) override;
  [[nodiscard]] std::vector<ActorStatus> status() const override;

  void connect(OutputRequest request) override;

  [[nodiscard]] uint64_t refused_requests() const;
  [[nodiscard]] size_t parked_requests() const;
  /// Of the rows that wait in the channels to this node's actors, about.
  [[nodiscard]] uint64_t exchange_bytes() const { return meter_->weight() * kBytesPerRow; }

 private:
  struct BuildJob {
    storage::GraphTerm graph;
    FragmentPlan fragment;
    int index;  // of the actor, in the plan
    EpochPair first;
    std::shared_ptr<LocalBarrierManager> manager;  // shared by the graph's actors
    std::shared_ptr<GraphLife> life;               // likewise
  };

  void end_graph(storage::GraphTerm graph, GraphTable::End end, absl::AnyInvocable<void()> done);
  void build_one(BuildJob job);
  [[nodiscard]] Status build_and_start(BuildJob& job);
  [[nodiscard]] Status open_inputs(Actor& actor);
  void actor_ended(storage::GraphTerm graph, ActorId actor) override;

  const Environment environment_;
  const std::shared_ptr<ExchangeMeter> meter_ = std::make_shared<ExchangeMeter>();  // shared with the actors' mailboxes

  mutable Mutex mutex_;  // never held while anything outside `table_` is called
  GraphTable table_ ABSL_GUARDED_BY(mutex_);
  WorkerId worker_ ABSL_GUARDED_BY(mutex_);
  RemoteInput* remote_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace penstock::stream
