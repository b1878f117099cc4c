#include "stream/task/dml_manager.h"

#include <algorithm>

namespace penstock::stream {
namespace {

/// The answer to one batch on its way through the actor; if it is dropped without having been given, nobody knows what became of the rows.
class Answer {
 public:
  Answer(DmlManager::Done done, storage::GraphTerm graph) : done_(std::move(done)), graph_(graph) {}
  Answer(Answer&& other) noexcept : done_(std::exchange(other.done_, nullptr)), graph_(other.graph_) {}
  Answer& operator=(Answer&&) = delete;
  ~Answer() {
    if (done_) done_(error(Code::OutcomeUnknown, "the table's actor ended before it said what became of the rows"));
  }
  void operator()(Result<Epoch> taken) {
    if (!done_) return;
    auto done = std::exchange(done_, nullptr);
    if (taken.has_error()) {
      done(taken.error());
    } else {
      done(DmlManager::Taken{graph_, taken.value()});
    }
  }

 private:
  DmlManager::Done done_;
  storage::GraphTerm graph_;
};

}  // namespace

/// Batches on their way to one actor.
class DmlManager::Queue {
 public:
  Queue(ActorId actor, storage::GraphTerm graph, std::vector<data::DataType> types, std::function<void()> wake)
      : actor_(actor), graph_(graph), types_(std::move(types)), wake_(std::move(wake)) {}

  [[nodiscard]] ActorId actor() const { return actor_; }
  [[nodiscard]] storage::GraphTerm graph() const { return graph_; }

  void put(data::StreamChunk chunk, Done done) {
    const size_t rows = chunk.rows();
    std::optional<Error> refused;
    bool was_empty = false;
    {
      MutexLock lock(mutex_);
      was_empty = batches_.empty();
      if (closed_) {
        refused = not_applied();
      } else if (!was_empty && rows_ + rows > kMostRows) {
        refused = error(Code::ConfigurationLimit, "{} rows wait for actor {} of the table already", rows_, actor_)
                      .with_hint("The rows were not applied. Try again, or write more slowly.");
      } else {
        rows_ += rows;
        batches_.push_back({std::move(chunk), Answer(std::move(done), graph_)});
      }
    }
    if (refused) return done(*refused);  // NOLINT(bugprone-use-after-move): it was not moved then
    if (was_empty) wake_();
  }

  std::vector<DmlQueue::Batch> take(Epoch epoch) {
    MutexLock lock(mutex_);
    rows_ = 0;
    std::vector<DmlQueue::Batch> out = std::exchange(batches_, {});
    std::erase_if(named_, [&](Named& named) {
      if (named.epoch > epoch) return false;  // its barrier is not the next
      out.push_back({std::move(named.chunk), [](const Result<Epoch>&) {}});
      return true;
    });
    return out;
  }

  Status hold(TransactionId transaction, data::StreamChunk chunk) {
    const auto kind = [](data::DataType type) { return type.kind; };
    if (!std::ranges::equal(chunk.data().types(), types_, {}, kind, kind)) {
      return error(Code::SerializationFailure, "rows of a transaction have other columns than the table, which is being altered")
          .with_hint("Nothing was applied. Run it again.");
    }
    MutexLock lock(mutex_);
    if (held_rows_ + chunk.rows() > kMostHeldRows) {
      return error(Code::ConfigurationLimit, "{} rows of transactions wait at actor {} of the table already, {} more are too many",
                   held_rows_, actor_, chunk.rows())
          .with_hint("Nothing was applied. Make the transaction smaller.");
    }
    held_rows_ += chunk.rows();
    held_[transaction].push_back(std::move(chunk));
    return ok();
  }

  void name(TransactionId transaction, Epoch epoch) {
    MutexLock lock(mutex_);
    for (data::StreamChunk& chunk : forget(transaction)) named_.push_back({epoch, std::move(chunk)});
  }
  void drop(TransactionId transaction) {
    MutexLock lock(mutex_);
    forget(transaction);
  }

  void close() {
    std::vector<DmlQueue::Batch> left;
    {
      MutexLock lock(mutex_);
      closed_ = true;
      left.swap(batches_);
      held_.clear();
      named_.clear();
    }
    for (DmlQueue::Batch& batch : left) batch.taken(not_applied());
  }

 private:
  [[nodiscard]] Error not_applied() const { return error(Code::Unavailable, "not applied: actor {} of the table has ended", actor_); }

  std::vector<data::StreamChunk> forget(TransactionId transaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto found = held_.extract(transaction);
    if (found.empty()) return {};
    for (const data::StreamChunk& chunk : found.mapped()) held_rows_ -= chunk.rows();
    return std::move(found.mapped());
  }

  /// Rows of a transaction that a barrier names: they belong to the epoch that it ends.
  struct Named {
    Epoch epoch;
    data::StreamChunk chunk;
  };

  const ActorId actor_;
  const storage::GraphTerm graph_;
  const std::vector<data::DataType> types_;
  const std::function<void()> wake_;

  Mutex mutex_;
  std::map<TransactionId, std::vector<data::StreamChunk>> held_ ABSL_GUARDED_BY(mutex_);
  size_t held_rows_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Named> named_ ABSL_GUARDED_BY(mutex_);
  std::vector<DmlQueue::Batch> batches_ ABSL_GUARDED_BY(mutex_);
  size_t rows_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

class DmlManager::QueueHandle final : public DmlQueue {
 public:
  QueueHandle(DmlManager& manager, ObjectId table, std::shared_ptr<Queue> queue)
      : manager_(manager), table_(table), queue_(std::move(queue)) {}
  QueueHandle(const QueueHandle&) = delete;
  QueueHandle& operator=(const QueueHandle&) = delete;
  ~QueueHandle() override {
    manager_.remove(table_, queue_);
    queue_->close();
  }
  std::vector<Batch> take(Epoch epoch) override { return queue_->take(epoch); }

 private:
  DmlManager& manager_;
  const ObjectId table_;
  const std::shared_ptr<Queue> queue_;  // shared with a submit that has just looked it up
};

class DmlManager::Registry final : public DmlRegistry {
 public:
  Registry(DmlManager& manager, storage::GraphTerm graph) : manager_(manager), graph_(graph) {}
  std::unique_ptr<DmlQueue> register_actor(ObjectId table, std::vector<data::DataType> types, ActorId actor,
                                           std::function<void()> wake) override {
    auto queue = std::make_shared<Queue>(actor, graph_, std::move(types), std::move(wake));
    manager_.add(table, queue);
    return std::make_unique<QueueHandle>(manager_, table, std::move(queue));
  }

 private:
  DmlManager& manager_;
  const storage::GraphTerm graph_;
};

std::unique_ptr<DmlRegistry> DmlManager::registry_of(storage::GraphTerm graph) { return std::make_unique<Registry>(*this, graph); }

void DmlManager::submit(ObjectId table, data::StreamChunk chunk, Done done) {
  std::shared_ptr<Queue> queue;
  {
    MutexLock lock(mutex_);
    if (const auto found = tables_.find(table); found != tables_.end()) {
      Actors& actors = found->second;
      queue = actors.queues[actors.next++ % actors.queues.size()];
    }
  }
  if (!queue) return done(error(Code::Unavailable, "no actor of table {} runs on this node", table));
  queue->put(std::move(chunk), std::move(done));
}

void DmlManager::add(ObjectId table, std::shared_ptr<Queue> queue) {
  MutexLock lock(mutex_);
  tables_[table].queues.push_back(std::move(queue));
}

void DmlManager::remove(ObjectId table, const std::shared_ptr<Queue>& queue) {
  MutexLock lock(mutex_);
  const auto found = tables_.find(table);
  std::erase(found->second.queues, queue);
  if (found->second.queues.empty()) tables_.erase(found);
  const auto holding = holding_.find(queue->graph());
  if (holding == holding_.end()) return;
  // Without one of its holders a transaction is as good as gone: a barrier that names it must find nothing here, not a part.
  std::erase_if(holding->second, [&](const auto& entry) {
    const auto& [transaction, holders] = entry;
    if (std::ranges::find(holders, queue) == holders.end()) return false;
    for (const auto& holder : holders) holder->drop(transaction);
    return true;
  });
  if (holding->second.empty()) holding_.erase(holding);
}

Result<DmlManager::Held> DmlManager::hold(ObjectId table, TransactionId transaction, ActorId actor, data::StreamChunk chunk) {
  MutexLock lock(mutex_);
  const auto found = tables_.find(table);
  if (found == tables_.end()) return error(Code::Unavailable, "no actor of table {} runs on this node", table);
  Actors& actors = found->second;
  auto queue = actors.queues.begin() + static_cast<ptrdiff_t>(actors.next % actors.queues.size());
  if (actor != ActorId{0}) {
    queue = std::ranges::find(actors.queues, actor, [](const auto& q) { return q->actor(); });
    if (queue == actors.queues.end()) {
      return error(Code::Unavailable, "actor {} of table {}, which holds the rows before these, is gone", actor, table);
    }
  } else {
    ++actors.next;
  }
  PENSTOCK_TRY((*queue)->hold(transaction, std::move(chunk)));
  Holders& holders = holding_[(*queue)->graph()][transaction];
  if (std::ranges::find(holders, *queue) == holders.end()) holders.push_back(*queue);
  return Held{(*queue)->graph(), (*queue)->actor()};
}

Status DmlManager::resolve(storage::GraphTerm graph, Epoch prev, std::span<const TransactionId> commit,
                           std::span<const TransactionId> abort) {
  MutexLock lock(mutex_);
  auto& holding = holding_[graph];
  for (const TransactionId transaction : commit) {
    if (!holding.contains(transaction)) {
      return error(Code::Protocol, "the barrier that ends epoch {} names transaction {:016x}, which nobody holds here", prev,
                   transaction.value);
    }
  }
  for (const TransactionId transaction : commit) {
    const auto found = holding.extract(transaction);
    for (const auto& queue : found.mapped()) queue->name(transaction, prev);
  }
  for (const TransactionId transaction : abort) {
    auto found = holding.extract(transaction);
    if (found.empty()) continue;  // it came to nothing before it reached this node, or its actor has ended
    for (const auto& queue : found.mapped()) queue->drop(transaction);
  }
  if (holding.empty()) holding_.erase(graph);
  return ok();
}

std::vector<TransactionId> DmlManager::held(storage::GraphTerm graph) const {
  MutexLock lock(mutex_);
  std::vector<TransactionId> out;
  const auto found = holding_.find(graph);
  if (found == holding_.end()) return out;
  for (const auto& [transaction, holders] : found->second) out.push_back(transaction);
  return out;
}

}  // namespace penstock::stream
