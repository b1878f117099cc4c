#pragma once

#include <atomic>
#include <memory>
#include <variant>
#include <vector>

#include "common/mutex.h"
#include "stream/exchange/channel.h"
#include "stream/exchange/exchange_meter.h"
#include "stream/exchange/standby.h"

namespace penstock::stream {

/// Where all channels of one actor deliver: the one place an actor waits for rows and barriers.
///
/// Thread boundary: senders push from their threads, the owner takes everything there is in one go. The lock is held for one append or
/// one swap. Bounded by the budgets of the channels that deliver here. Messages of one channel stay in order.
///
/// While the owner stands by, barriers are counted instead of delivered (`Standby`), up to the first delivery; the record of what was
/// counted comes before whatever `take` gives then.
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
  /// A further channel delivers here. Before its first delivery.
  void name_channel(ActorId upstream, FragmentId fragment);
  /// Wakes the owner if the mailbox was empty. After `close` the delivery is destroyed.
  void push(Delivery delivery);
  /// True: it was counted for an owner that stands by. False: nothing was done.
  [[nodiscard]] bool count_barrier(uint32_t channel, const Barrier& barrier);
  /// As `push`. True: it was counted for an owner that stands by, and is not delivered.
  [[nodiscard]] bool push_barrier(uint32_t channel, const Barrier& barrier);
  /// Moves everything into `out`, which must be empty; its memory is used for what comes next. Owner only.
  void take(std::vector<Delivery>& out);
  /// Nobody reads any more. Owner only.
  void close();

  /// From now on barriers are counted. Owner only, when it has worked off everything; false if there is more. The plan's passer is called
  /// until `resume` or `close`.
  [[nodiscard]] bool stand_by(Standby::Plan plan);
  /// Gives back the memory of what was delivered. Owner only.
  void shrink();
  /// They are delivered again. Owner only, after `stand_by`.
  [[nodiscard]] Standby::Record resume(runtime::TimePoint now);
  /// Of an owner that stands by: whom it waits for, and how far barriers were passed for it. From any thread.
  struct Standing {
    struct Missing {
      ActorId actor;
      FragmentId fragment;
      Epoch prev;  // of the barrier that others have brought
      runtime::TimePoint since;
    };
    std::optional<Missing> missing;
    std::optional<Epoch> passed;  // curr of the last
  };
  [[nodiscard]] Standing standing() const;

 private:
  // What counting a barrier touches comes first, close together.
  mutable Mutex mutex_;
  bool counting_ ABSL_GUARDED_BY(mutex_) = false;  // the owner stands by, and nothing was delivered since
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> any_{false};  // something may be there: set before the owner is woken
  Standby standby_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<ActorId, FragmentId>> upstreams_ ABSL_GUARDED_BY(mutex_);  // by channel
  std::vector<Delivery> deliveries_ ABSL_GUARDED_BY(mutex_);

  const std::shared_ptr<Signal> owner_;   // shared with everything else that may wake the actor
  std::shared_ptr<ExchangeMeter> meter_;  // shared by all mailboxes of the node; null: none
};

}  // namespace penstock::stream
