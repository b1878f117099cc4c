#pragma once

#include <memory>

#include "common/error.h"
#include "stream/exchange/signal.h"
#include "stream/message.h"

namespace penstock::stream {

/// A channel carries the messages of one upstream actor to one downstream actor, in order. Two budgets bound it:
///
///  - rows: a chunk is taken while less than the budget is in flight, so one chunk of any size always passes an empty channel and at most
///    one chunk is over the budget. What was received comes back in batches of a quarter of the budget; a batch that is not full yet can
///    therefore never be what a sender waits for.
///  - barriers: as many as meta keeps in flight. One more is a broken protocol, not back-pressure: barriers never wait for data's budget.
///
/// Each end learns at once when the other is gone.

/// Rows in flight in one channel: about four chunks.
constexpr size_t kChannelBudget = 16384;
/// Bytes that weigh as much as one row; with it the budget is 1 MB.
constexpr size_t kBytesPerRow = 64;
/// Barriers in flight in one channel; more than meta's `max_in_flight_barriers` and the commands that may come on top.
constexpr uint32_t kMaxBarriersInFlight = 64;

/// Budget of each of `fan_in` channels of one actor, so that a wide shuffle does not hold 1 MB for each pair of actors.
[[nodiscard]] constexpr size_t channel_budget(size_t fan_in) {
  constexpr size_t kWholeUpTo = 16;
  constexpr size_t kLeast = 1024;
  return fan_in <= kWholeUpTo ? kChannelBudget : std::max(kLeast, kChannelBudget * kWholeUpTo / fan_in);
}

/// What a chunk weighs against the rows budget: its rows, or a row for each `kBytesPerRow` of its estimated bytes if that is more.
/// The estimate counts the values themselves; what views share with other chunks does not count. Never 0.
[[nodiscard]] size_t chunk_weight(const data::StreamChunk& chunk);

class Mailbox;

/// Where a channel within the process delivers.
struct BarrierLane {
  Mailbox* mailbox = nullptr;  // null: the channel has no such place
  uint32_t channel = 0;
};

/// The sending end. Owned by the upstream actor; one caller at a time.
/// Destroying it tells the receiver that the channel is over.
class ChannelSender {
 public:
  virtual ~ChannelSender() = default;
  /// The channel is over for this reason. Nothing may be sent afterwards.
  virtual void close(Error reason) = 0;
  /// Whom to wake when there is room again or the receiver is gone. Once, before the first `try_send`.
  virtual void set_owner(std::shared_ptr<Signal> owner) = 0;
  /// True: `message` was taken. False: no budget (of a chunk only); it is left as it was, and the owner is woken with `Wake::Output` when
  /// there is. Errors: `Closed` (with the receiver's reason) when the receiver is gone, `Protocol` when too many barriers are in flight.
  [[nodiscard]] virtual Result<bool> try_send(Message& message) = 0;
  /// The short way of barriers whose receiver stands by (`Mailbox::count_barrier`), as long as this end lives.
  [[nodiscard]] virtual BarrierLane lane() const { return {}; }
  /// What may still be sent before the budget is used up, as far as is known.
  [[nodiscard]] virtual size_t room() const = 0;
  /// `Closed` when the receiver is gone; the owner is woken with `Wake::Output` when that happens.
  [[nodiscard]] virtual Status state() const = 0;
};

/// The receiving end's hold on the channel; the messages themselves come through the actor's `Mailbox`.
/// Owned by the downstream actor; one caller at a time. Destroying it tells the sender that nobody reads any more.
class ChannelReceiver {
 public:
  virtual ~ChannelReceiver() = default;
  /// The actor has taken in a chunk of this weight: gives the budget back, now or with a later batch.
  virtual void release_chunk(size_t weight) = 0;
  /// Gives this much back at once: whoever keeps a `ReceiveWindow` makes the batches.
  virtual void give_back(size_t weight) = 0;
  virtual void release_barrier() = 0;
};

}  // namespace penstock::stream
