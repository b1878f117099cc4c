#pragma once

#include <atomic>
#include <memory>
#include <variant>
#include <vector>

#include "common/mutex.h"
#include "stream/exchange/channel.h"
#include "stream/exchange/exchange_meter.h"

namespace penstock::stream {

/// Where all channels of one actor deliver: the one place an actor waits for rows and barriers.
///
/// Thread boundary: senders push from their threads, the owner takes everything there is in one go. The lock is held for one append or
/// one swap. Bounded by the budgets of the channels that deliver here. Messages of one channel stay in order.
///
/// Shared by the actor and by the senders of its channels.
class Mailbox {
 public:
  /// What a channel says last: why there is nothing more.
  struct End {
    Error reason;
  };
  struct Delivery {
    uint32_t channel;
    uint32_t weight;  // of a chunk
    std::variant<data::StreamChunk, Barrier, End> what;
    ExchangeMeter::Share counted{};
  };

  explicit Mailbox(std::shared_ptr<Signal> owner) : owner_(std::move(owner)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// What waits here is counted there. Before the first sender is there.
  void set_meter(std::shared_ptr<ExchangeMeter> meter) { meter_ = std::move(meter); }
  /// Wakes the owner if the mailbox was empty. After `close` the delivery is destroyed.
  void push(Delivery delivery);
  /// Moves everything into `out`, which must be empty; its memory is used for what comes next. Owner only.
  void take(std::vector<Delivery>& out);
  /// Nobody reads any more. Owner only.
  void close();

 private:
  const std::shared_ptr<Signal> owner_;   // shared with everything else that may wake the actor
  std::shared_ptr<ExchangeMeter> meter_;  // shared by all mailboxes of the node; null: none

  std::atomic<bool> any_{false};  // something may be there: set before the owner is woken
  Mutex mutex_;
  std::vector<Delivery> deliveries_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::stream
