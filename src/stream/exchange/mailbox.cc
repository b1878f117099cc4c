#include "stream/exchange/mailbox.h"

#include "common/check.h"

namespace penstock::stream {

void Mailbox::name_channel(ActorId upstream, FragmentId fragment) {
  MutexLock lock(mutex_);
  upstreams_.emplace_back(upstream, fragment);
}

void Mailbox::push(Delivery delivery) {
  if (meter_ && delivery.weight > 0) delivery.counted = ExchangeMeter::Share(*meter_, delivery.weight);
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    counting_ = false;
    deliveries_.push_back(std::move(delivery));
    if (deliveries_.size() > 1) return;
    any_.store(true, std::memory_order_release);
  }
  owner_->wake(Wake::Input);
}

bool Mailbox::count_barrier(uint32_t channel, const Barrier& barrier) {
  Standby::Took took = Standby::Took::Refused;
  {
    MutexLock lock(mutex_);
    if (!counting_) return false;
    took = standby_.arrive(channel, barrier);
    if (took == Standby::Took::Complete) counting_ = false;
  }
  if (took == Standby::Took::Complete) owner_->wake(Wake::Input);
  return took != Standby::Took::Refused;
}

bool Mailbox::push_barrier(uint32_t channel, const Barrier& barrier) {
  if (count_barrier(channel, barrier)) return true;
  push({channel, 0, Barrier{barrier.epoch, barrier.kind, nullptr, nullptr}});
  return false;
}

bool Mailbox::stand_by(Standby::Plan plan) {
  MutexLock lock(mutex_);
  if (!deliveries_.empty() || closed_) return false;
  standby_.begin(std::move(plan));
  counting_ = true;
  return true;
}

void Mailbox::shrink() {
  MutexLock lock(mutex_);
  if (deliveries_.empty()) deliveries_.shrink_to_fit();
}

Standby::Record Mailbox::resume(runtime::TimePoint now) {
  MutexLock lock(mutex_);
  counting_ = false;
  return standby_.end(now);
}

Mailbox::Standing Mailbox::standing() const {
  MutexLock lock(mutex_);
  Standing standing;
  if (!counting_) return standing;
  standing.passed = standby_.passed();
  if (const auto missing = standby_.missing()) {
    const auto& [actor, fragment] = upstreams_[missing->channel];
    standing.missing = {actor, fragment, missing->prev, missing->since};
  }
  return standing;
}

void Mailbox::take(std::vector<Delivery>& out) {
  PENSTOCK_CHECK(out.empty(), "a batch of the mailbox was not worked off");
  if (!any_.load(std::memory_order_acquire)) return;
  MutexLock lock(mutex_);
  any_.store(false, std::memory_order_relaxed);
  out.swap(deliveries_);
}

void Mailbox::close() {
  std::vector<Delivery> dropped;  // chunks are freed outside the lock
  MutexLock lock(mutex_);
  closed_ = true;
  counting_ = false;
  dropped.swap(deliveries_);
}

}  // namespace penstock::stream
