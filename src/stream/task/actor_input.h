#pragma once

#include <memory>
#include <optional>

#include "stream/exchange/merge.h"
#include "stream/task/actor_stats.h"
#include "stream/task/local_barrier_manager.h"

namespace penstock::stream {

/// Everything an actor takes in: its merged upstream channels, if any, and its own copy of the barriers. A barrier is there when it has
/// arrived on every channel and the copy, which carries the mutation, is there too; an actor without channels goes by the copy alone.
///
/// Guarantees that barriers continue the chain from the actor's first one on, and that both copies are the same; else `Protocol`.
/// Owned by the actor.
class ActorInput {
 public:
  /// `first`: pair of the first barrier.
  ActorInput(std::shared_ptr<Mailbox> mailbox, EpochPair first) : merge_(std::move(mailbox)), expected_(first) {}
  ActorInput(const ActorInput&) = delete;
  ActorInput& operator=(const ActorInput&) = delete;

  void set_subscription(std::shared_ptr<BarrierSubscription> subscription) { subscription_ = std::move(subscription); }
  [[nodiscard]] Merge& merge() { return merge_; }

  /// The subscription says that there is more.
  void on_subscription_wake() { ask_ = true; }
  /// A barrier was injected that this actor has not passed.
  [[nodiscard]] bool announced();
  /// A chunk, a barrier with its mutation, or nothing now.
  [[nodiscard]] Result<Merge::Item> next();
  /// The barrier that `next` gave is done with. Upstream actors that it stopped are forgotten.
  void pass_barrier(const Barrier& barrier);
  /// The actor goes to sleep after `next` gave nothing: barriers are counted for it, and up to `may_pass` of them passed by `passer`.
  /// Does nothing unless it waits for the next barrier of its channels with nothing taken in of it.
  void stand_by(ActorId actor, BarrierPasser* passer, uint32_t may_pass, const runtime::Runtime& clock);
  /// The actor runs again; nothing if it did not stand by. Before anything else.
  [[nodiscard]] std::optional<Standby::Record> resume(const runtime::Runtime& clock);
  /// Notes in `stats` what is awaited, after `next` gave nothing.
  void note_wait(ActorStats& stats, runtime::TimePoint now) const;

 private:
  [[nodiscard]] Result<Merge::Item> from_subscription();

  Merge merge_;
  std::shared_ptr<BarrierSubscription> subscription_;  // shared with the barrier manager
  bool ask_ = true;                                    // the subscription may have something
  std::optional<Barrier> announced_;                   // taken from the subscription, not yet given
  bool arrived_ = false;                               // the barrier is there on all channels
  EpochPair expected_;                                 // the first barrier; afterwards only `prev` counts
  bool begun_ = false;
  bool standing_by_ = false;
};

}  // namespace penstock::stream
