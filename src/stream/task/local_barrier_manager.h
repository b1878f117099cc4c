#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "stream/exchange/standby.h"
#include "stream/executor/actor_context.h"
#include "stream/message.h"
#include "stream/pace.h"

namespace penstock::stream {

/// An actor's own copy of the barriers of its graph, with mutations. Bounded by the barriers that meta keeps in flight.
/// `next` is called by the actor only; barriers are put by the barrier worker, which then calls the waker.
class BarrierSubscription {
 public:
  virtual ~BarrierSubscription() = default;
  /// The next barrier in order, if it is there.
  [[nodiscard]] virtual std::optional<Barrier> next() = 0;
  /// The barriers before the one that ends `prev` were passed for the actor, and are not to come.
  virtual void skip_to(Epoch prev) = 0;
};

/// What an actor may say to its worker. Made anew for each incarnation of a partial graph, so that events of dead actors reach nobody.
/// Thread-safe; calls post to the worker's loop and return at once.
class LocalBarrierManager : public EpochReports, public BarrierPasser {
 public:
  /// The actor has passed `barrier` on and is done with it.
  virtual void collect(ActorId actor, const Barrier& barrier) = 0;
  /// `collect`, for an actor that has nothing to do for barriers that do not concern it. False: the barrier is not there yet, or may.
  [[nodiscard]] bool pass(ActorId actor, EpochPair epoch, BarrierKind kind) override = 0;
  /// The actor ended with an error. At most once an actor.
  virtual void notify_failure(ActorId actor, Error error) = 0;
  /// The barriers from the actor's first one on. `wake` is called after one was put.
  [[nodiscard]] virtual std::shared_ptr<BarrierSubscription> subscribe_barrier(ActorId actor, std::function<void()> wake) = 0;
  /// The rows that the actor's first barrier, which ends `prev`, has made its own are here. False: not yet; `wake` is called once they are.
  [[nodiscard]] virtual bool vnodes_here(ActorId /*actor*/, Epoch /*prev*/, std::function<void()> /*wake*/) { return true; }
  /// How long rows may wait in the channels of this graph; null: as long as they like.
  [[nodiscard]] virtual std::shared_ptr<const Pace> pace() const { return nullptr; }
};

}  // namespace penstock::stream
