#include "stream/task/barrier_worker/barrier_log.h"

#include <algorithm>

#include "proto/control_stream.pb.h"

namespace penstock::stream {
namespace {

/// Of creations, which are many, most actors need not know.
bool concerns(const pb::Mutation* mutation, ActorId actor) {
  if (mutation == nullptr) return false;
  const pb::Mutation& m = *mutation;
  const bool only_adds = m.has_add() && !m.has_stop() && !m.has_source_change_split() && !m.has_pause() && !m.has_resume() &&
                         !m.has_throttle() && !m.has_connector_props_change() && !m.has_drop_subscriptions() && !m.has_start_backfill() &&
                         m.add().subscribers().empty();
  return !only_adds || m.add().dispatchers().contains(actor.value);
}

}  // namespace

class BarrierLog::Subscription : public BarrierSubscription, public std::enable_shared_from_this<Subscription> {
 public:
  Subscription(std::shared_ptr<BarrierLog> log, std::function<void()> wake) : log_(std::move(log)), wake_(std::move(wake)) {}
  std::optional<Barrier> next() override { return log_->next(*this); }
  void skip_to(Epoch prev) override { first_ = prev; }

  const std::shared_ptr<BarrierLog> log_;  // shared: actors may outlive their graph's entry at the worker for a moment
  const std::function<void()> wake_;
  std::optional<Epoch> first_;  // earlier ones are passed over; until the first barrier was found
  uint64_t cursor_ = 0;
};

void BarrierLog::expect(ActorId actor, Epoch first_prev) {
  const std::lock_guard lock(mutex_);
  expected_[actor] = first_prev;
}

void BarrierLog::put(const Barrier& barrier) {
  std::vector<std::weak_ptr<Subscription>> idle;
  {
    const std::lock_guard lock(mutex_);
    barriers_.push_back(barrier);
    idle.swap(idle_);
  }
  for (const auto& weak : idle) {
    if (const auto subscription = weak.lock(); subscription && subscription->wake_) subscription->wake_();
  }
}

void BarrierLog::forget(Epoch prev) {
  const std::lock_guard lock(mutex_);
  while (!barriers_.empty() && barriers_.front().epoch.prev <= prev) {
    barriers_.pop_front();
    ++base_;
  }
}

bool BarrierLog::visit_plain(ActorId actor, EpochPair epoch, BarrierKind kind, absl::FunctionRef<void(const Barrier&)> visit) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(barriers_, [&](const Barrier& barrier) { return barrier.epoch == epoch; });
  if (found == barriers_.end() || found->kind != kind || concerns(found->mutation.get(), actor)) return false;
  visit(*found);
  return true;
}

std::shared_ptr<BarrierSubscription> BarrierLog::subscribe(ActorId actor, std::function<void()> wake) {
  auto subscription = std::make_shared<Subscription>(shared_from_this(), std::move(wake));
  const std::lock_guard lock(mutex_);
  if (const auto found = expected_.find(actor); found != expected_.end()) {
    subscription->first_ = found->second;
    expected_.erase(found);
  }
  subscription->cursor_ = base_;
  return subscription;
}

std::optional<Barrier> BarrierLog::next(Subscription& subscription) {
  const std::lock_guard lock(mutex_);
  subscription.cursor_ = std::max(subscription.cursor_, base_);
  while (subscription.cursor_ < base_ + barriers_.size()) {
    const Barrier& barrier = barriers_[subscription.cursor_++ - base_];
    if (subscription.first_ && barrier.epoch.prev < *subscription.first_) continue;
    subscription.first_.reset();
    return barrier;
  }
  idle_.push_back(subscription.weak_from_this());
  return std::nullopt;
}

}  // namespace penstock::stream
