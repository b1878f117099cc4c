#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "stream/task/local_barrier_manager.h"

namespace penstock::stream {

/// The barriers of one incarnation of a partial graph, kept once for all its actors: each subscription is a cursor into it, so a barrier
/// costs one append however many actors there are, and a late subscriber finds its first barrier still there.
///
/// Thread-safe: the worker's loop appends and forgets, actors read. The lock guards a deque and is held for a few loads.
class BarrierLog : public std::enable_shared_from_this<BarrierLog> {
 public:
  /// `actor` will subscribe and begins at the barrier that ends `first_prev`. Before that barrier is put.
  void expect(ActorId actor, Epoch first_prev);
  /// Wakes those subscribers that found nothing when they last asked.
  void put(const Barrier& barrier);
  /// Every actor has collected up to and including `prev`.
  void forget(Epoch prev);
  /// Calls `visit` with the barrier, if it is there and its mutation, if any, only changes outputs of other actors; under the lock.
  [[nodiscard]] bool visit_plain(ActorId actor, EpochPair epoch, BarrierKind kind, absl::FunctionRef<void(const Barrier&)> visit);
  [[nodiscard]] std::shared_ptr<BarrierSubscription> subscribe(ActorId actor, std::function<void()> wake);

 private:
  class Subscription;
  std::optional<Barrier> next(Subscription& subscription);

  std::mutex mutex_;
  std::deque<Barrier> barriers_;
  uint64_t base_ = 0;  // number of barriers_.front()
  absl::flat_hash_map<ActorId, Epoch> expected_;
  std::vector<std::weak_ptr<Subscription>> idle_;  // asked and found nothing
};

}  // namespace penstock::stream
