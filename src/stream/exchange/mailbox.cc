#include "stream/exchange/mailbox.h"

#include "common/check.h"

namespace penstock::stream {

void Mailbox::push(Delivery delivery) {
  if (meter_ && delivery.weight > 0) delivery.counted = ExchangeMeter::Share(*meter_, delivery.weight);
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    deliveries_.push_back(std::move(delivery));
    if (deliveries_.size() > 1) return;
    any_.store(true, std::memory_order_release);
  }
  owner_->wake(Wake::Input);
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
  dropped.swap(deliveries_);
}

}  // namespace penstock::stream
