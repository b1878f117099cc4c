#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/mutex.h"
#include "stream/executor/actor_context.h"
#include "stream/task/transaction_holder.h"

namespace penstock::stream {

/// The way of INSERT, UPDATE and DELETE to the actors of their tables on this node. All rows of a batch go to one actor, so to one epoch.
///
/// Every submitted batch is answered exactly once: with the epoch (and graph and term) that holds its rows, or with an error. Errors:
///  - `Unavailable`: no actor of the table runs here, or it ended before it took the batch: not applied, to be offered again;
///  - `ConfigurationLimit`: the actor's queue is full, not applied;
///  - `OutcomeUnknown`: it ended after it took it and before it said in which epoch.
///
/// Rows of a transaction are held instead: by one actor a table, until the barrier worker says that a barrier names the transaction. They
/// come out in the epoch which that barrier ends, and in no other, however late the actor takes it; or they are dropped, when meta aborts
/// the transaction or the actor ends. What was accepted without a transaction is not held up by them.
/// Thread-safe: frontends submit from any thread, actors take on theirs. Outlives every actor.
class DmlManager : public TransactionHolder {
 public:
  /// Where the rows went: they are durable when this epoch of this term has committed.
  struct Taken {
    storage::GraphTerm graph;
    Epoch epoch;
  };
  using Done = absl::AnyInvocable<void(Result<Taken>)>;
  /// Who holds rows of a transaction.
  struct Held {
    storage::GraphTerm graph;
    ActorId actor;
  };

  DmlManager() = default;
  DmlManager(const DmlManager&) = delete;
  DmlManager& operator=(const DmlManager&) = delete;

  /// Rows that wait in one actor's queue; one batch of any size always fits an empty one.
  static constexpr size_t kMostRows = 1 << 18;
  /// Rows of transactions that one actor holds.
  static constexpr size_t kMostHeldRows = 1 << 20;

  /// `chunk`: columns of the table. `done` is called from any thread, perhaps before this returns.
  void submit(ObjectId table, data::StreamChunk chunk, Done done);

  /// Holds rows for `transaction`, beside those it holds for it already. `actor`: who has the earlier ones, or 0 for any; all rows of a
  /// table must go to one. Errors: `Unavailable` (no such actor runs here), `ConfigurationLimit` (it holds too much),
  /// `SerializationFailure` (other columns than the table's, which is being altered); the rows are not held then.
  [[nodiscard]] Result<Held> hold(ObjectId table, TransactionId transaction, ActorId actor, data::StreamChunk chunk);
  Status resolve(storage::GraphTerm graph, Epoch prev, std::span<const TransactionId> commit,
                 std::span<const TransactionId> abort) override;
  [[nodiscard]] std::vector<TransactionId> held(storage::GraphTerm graph) const override;

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

  using Holders = std::vector<std::shared_ptr<Queue>>;  // shared with their actors

  mutable Mutex mutex_;  // before a queue's own
  std::map<ObjectId, Actors> tables_ ABSL_GUARDED_BY(mutex_);
  std::map<storage::GraphTerm, std::map<TransactionId, Holders>> holding_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::stream
