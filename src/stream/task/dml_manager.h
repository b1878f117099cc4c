#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/mutex.h"
#include "stream/executor/actor_context.h"

namespace penstock::stream {

/// The way of INSERT, UPDATE and DELETE to the actors of their tables on this node. All rows of a batch go to one actor, so to one epoch.
///
/// Every submitted batch is answered exactly once: with the epoch (and graph and term) that holds its rows, or with an error. Errors:
///  - `Unavailable`: no actor of the table runs here;
///  - `ConfigurationLimit`: the actor's queue is full, not applied;
///  - `SerializationFailure`: the actor ended before it took the batch, not applied;
///  - `OutcomeUnknown`: it ended after it took it and before it said in which epoch.
/// Thread-safe: frontends submit from any thread, actors take on theirs. Outlives every actor.
class DmlManager {
 public:
  /// Where the rows went: they are durable when this epoch of this term has committed.
  struct Taken {
    storage::GraphTerm graph;
    Epoch epoch;
  };
  using Done = absl::AnyInvocable<void(Result<Taken>)>;

  DmlManager() = default;
  DmlManager(const DmlManager&) = delete;
  DmlManager& operator=(const DmlManager&) = delete;

  /// Rows that wait in one actor's queue; one batch of any size always fits an empty one.
  static constexpr size_t kMostRows = 1 << 18;

  /// `chunk`: columns of the table. `done` is called from any thread, perhaps before this returns.
  void submit(ObjectId table, data::StreamChunk chunk, Done done);

  /// Where the actors of one incarnation of a graph register.
  [[nodiscard]] std::unique_ptr<DmlRegistry> registry_of(storage::GraphTerm graph);

 private:
  class Queue;
  class QueueHandle;
  class Registry;

  struct Actors {
    std::vector<std::shared_ptr<Queue>> queues;  // shared with their actors
    size_t next = 0;                             // whose turn it is
  };

  void add(ObjectId table, std::shared_ptr<Queue> queue);
  void remove(ObjectId table, const std::shared_ptr<Queue>& queue);

  Mutex mutex_;
  std::map<ObjectId, Actors> tables_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::stream
