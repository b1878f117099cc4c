#pragma once

#include <absl/functional/any_invocable.h>

#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "common/vnode.h"
#include "stream/executor/actor_context.h"
#include "stream/task/actor_stats.h"
#include "stream/task/local_barrier_manager.h"

namespace penstock::pb {
class BuildFragment;
}

namespace penstock::stream {

/// What one actor waits on at this moment; cheap to keep, read from any thread.
struct ActorStatus {
  ActorId actor;
  FragmentId fragment;
  JobId job;
  std::string job_name;
  storage::GraphTerm graph;
  std::string waiting_for;  // "input from fragment 3 (actor 17 has not sent barrier …)", "output to actor 5: no budget", "state read", ""
  ActorWait wait;
  Epoch epoch;  // curr of the last barrier passed
  uint64_t rows_in = 0;
  uint64_t rows_out = 0;
  std::string at_work;  // the operator that is called now, or was last: "HashJoin { … }"
};

/// Builds, runs and ends the actors of this node. Actors run on the runtime's pool. Thread-safe.
class ActorManager {
 public:
  virtual ~ActorManager() = default;

  /// Builds the fragment's actors off the caller's thread and starts them; they subscribe to `manager` and report to it, a failed build
  /// as `notify_failure`. `first` is the pair of their first barrier. Returns at once.
  virtual void build(storage::GraphTerm graph, std::shared_ptr<const pb::BuildFragment> plan, EpochPair first,
                     std::shared_ptr<LocalBarrierManager> manager) = 0;
  /// Ends every actor of the graph, closes its channels, fails its parked exchange requests. `done` is called on any thread when none runs
  /// any more. Afterwards requests of this and lower terms are refused.
  virtual void stop_graph(storage::GraphTerm graph, absl::AnyInvocable<void()> done) = 0;
  /// As `stop_graph`, of a graph that this node has nothing to do with any more, but may have again in the same term: requests that come
  /// meanwhile wait for it.
  virtual void remove_graph(storage::GraphTerm graph, absl::AnyInvocable<void()> done) = 0;
  /// From now on exchange requests of this term are served; those parked for it are looked at again.
  virtual void start_graph(storage::GraphTerm graph) = 0;

  /// The actors of `graph` are part of `into` from now on: they end with it, and requests for their outputs may name either.
  virtual void merge_graph(storage::GraphTerm graph, storage::GraphTerm into) = 0;

  [[nodiscard]] virtual std::vector<ActorStatus> status() const = 0;
};

}  // namespace penstock::stream
