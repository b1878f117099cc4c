#include "stream/task/dml_manager.h"

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
  Queue(ActorId actor, storage::GraphTerm graph, std::function<void()> wake) : actor_(actor), graph_(graph), wake_(std::move(wake)) {}

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
    if (refused) return done(*refused);
    if (was_empty) wake_();
  }

  std::vector<DmlQueue::Batch> take() {
    MutexLock lock(mutex_);
    rows_ = 0;
    return std::exchange(batches_, {});
  }

  void close() {
    std::vector<DmlQueue::Batch> left;
    {
      MutexLock lock(mutex_);
      closed_ = true;
      left.swap(batches_);
    }
    for (DmlQueue::Batch& batch : left) batch.taken(not_applied());
  }

 private:
  [[nodiscard]] Error not_applied() const {
    return error(Code::SerializationFailure, "not applied: actor {} of the table has ended", actor_);
  }

  const ActorId actor_;
  const storage::GraphTerm graph_;
  const std::function<void()> wake_;

  Mutex mutex_;
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
  std::vector<Batch> take() override { return queue_->take(); }

 private:
  DmlManager& manager_;
  const ObjectId table_;
  const std::shared_ptr<Queue> queue_;  // shared with a submit that has just looked it up
};

class DmlManager::Registry final : public DmlRegistry {
 public:
  Registry(DmlManager& manager, storage::GraphTerm graph) : manager_(manager), graph_(graph) {}
  std::unique_ptr<DmlQueue> register_actor(ObjectId table, ActorId actor, Term, std::function<void()> wake) override {
    auto queue = std::make_shared<Queue>(actor, graph_, std::move(wake));
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
}

}  // namespace penstock::stream
