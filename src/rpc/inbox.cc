#include "rpc/inbox.h"

namespace penstock::rpc {

class Inbox::DrainJob {
 public:
  explicit DrainJob(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
  DrainJob(DrainJob&&) = default;
  DrainJob& operator=(DrainJob&&) = delete;
  ~DrainJob() {
    if (inbox_) inbox_->orphan();
  }
  void operator()() { std::exchange(inbox_, nullptr)->drain(); }

 private:
  std::shared_ptr<Inbox> inbox_;
};

void Inbox::start(runtime::Executor& executor, StreamEvents events) {
  const MutexLock lock(mutex_);
  if (told_) return;  // discarded already
  events_ = std::move(events);
  executor_ = &executor;
  if (!messages_.empty() || ended_) schedule();
}

void Inbox::deliver(Bytes message) {
  const MutexLock lock(mutex_);
  if (ended_) return;
  bytes_.fetch_add(message.size(), std::memory_order_relaxed);
  messages_.push(std::move(message));
  schedule();
}

bool Inbox::finish(const Status& reason) { return end(reason, false); }
bool Inbox::abandon(const Status& reason) { return end(reason, true); }

bool Inbox::end(const Status& reason, bool drop_messages) {
  runtime::RingQueue<Bytes> dropped;
  const MutexLock lock(mutex_);
  if (drop_messages) {
    std::swap(dropped, messages_);
    bytes_.store(0, std::memory_order_relaxed);
  }
  if (ended_) return false;
  ended_ = reason;
  schedule();
  return true;
}

void Inbox::discard() {
  runtime::RingQueue<Bytes> dropped;
  {
    const MutexLock lock(mutex_);
    if (!ended_) ended_ = error(Code::Closed, "stream discarded");
    told_ = true;
    std::swap(dropped, messages_);
    bytes_.store(0, std::memory_order_relaxed);
    discarded_.store(true);
    if (scheduled_ && !orphaned_.load()) return;  // the job releases the events
  }
  release_events();
}

bool Inbox::ended() const {
  const MutexLock lock(mutex_);
  return ended_.has_value();
}

// Under the lock: once the end is known nobody else posts, so the owner may drop the executor.
void Inbox::schedule() {
  if (scheduled_ || executor_ == nullptr || told_) return;
  scheduled_ = true;
  executor_->post(DrainJob(shared_from_this()));
}

void Inbox::drain() {
  constexpr int kTurn = 64;  // then others have theirs
  for (int i = 0; i < kTurn; ++i) {
    if (!step()) return;
  }
  {
    const MutexLock lock(mutex_);
    scheduled_ = false;
    schedule();
    if (scheduled_) return;
  }
  release_events();
}

bool Inbox::step() {
  Bytes message;
  std::optional<Status> reason;
  {
    const MutexLock lock(mutex_);
    if (discarded_.load()) {
      // Released below.
    } else if (!messages_.empty()) {
      message = messages_.pop();
      bytes_.fetch_sub(message.size(), std::memory_order_relaxed);
    } else if (ended_) {
      told_ = true;  // and scheduled_ stays: until the end of this job the events are in use
      reason = ended_;
    } else {
      scheduled_ = false;
      return false;
    }
  }
  if (reason && events_.on_closed) events_.on_closed(*reason);
  if (reason || discarded_.load()) {
    release_events();
    return false;
  }
  const size_t size = message.size();
  if (events_.on_message) events_.on_message(std::move(message));
  if (handled_) handled_(size);
  return true;
}

void Inbox::orphan() {
  orphaned_.store(true);
  if (discarded_.load()) release_events();
}

void Inbox::release_events() {
  if (events_released_.exchange(true)) return;
  const StreamEvents dropped = std::move(events_);
}

}  // namespace penstock::rpc
