#pragma once

#include <absl/functional/function_ref.h>

#include <memory>
#include <vector>

#include "stream/exchange/dispatcher.h"

namespace penstock::stream {

/// A channel that a downstream actor has asked for.
struct AttachedOutput {
  ActorId downstream;
  uint32_t link = 0;
  std::unique_ptr<ChannelSender> sender;
};

/// Everything an actor sends: its dispatchers and their ports. Channels come when the downstream actors ask for them, before or after the
/// dispatcher they belong to; a port without a channel holds its messages and blocks the actor.
///
/// Owned by the actor; one caller at a time.
class Outputs {
 public:
  Outputs(storage::GraphTerm own, size_t width, std::shared_ptr<Signal> owner) : own_(own), width_(width), owner_(std::move(owner)) {}
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  /// Errors: `Protocol` when the description makes no sense or the edge is there already.
  [[nodiscard]] Status add(const pb::Dispatcher& description);
  /// Likewise, where the edge is there and leads to others, who are about to end. Errors: `Protocol` also when it is not there.
  [[nodiscard]] Status replace(const pb::Dispatcher& description);
  /// Who ends with a barrier, by fragment and id.
  using Ended = absl::FunctionRef<bool(FragmentId, ActorId)>;
  /// The barrier just sent ends these: once they have it they may be gone.
  void expect_end(Ended ended);
  /// Edges to none but these go.
  void remove(Ended ended);
  void attach(AttachedOutput output);

  [[nodiscard]] Status dispatch(const data::StreamChunk& chunk);
  [[nodiscard]] Status send_barrier(const Barrier& barrier);
  /// Sends what waited for budget; with `small` also what was held back to be gathered.
  [[nodiscard]] Status send(bool small);
  /// Fails when a receiver is gone that must not be.
  [[nodiscard]] Status check();

  /// Some port must be waited for before the actor goes on.
  [[nodiscard]] bool blocked() const { return blocking() != nullptr; }
  [[nodiscard]] const OutputPort* blocking() const;
  /// There is no edge.
  [[nodiscard]] bool none() const { return dispatchers_.empty() && unclaimed_.empty(); }
  /// Nothing is left to send, and every downstream is connected: barriers go out at once.
  [[nodiscard]] bool settled() const;
  /// Nothing is left to send.
  [[nodiscard]] bool empty() const { return pending_.empty(); }

 private:
  void note_pending();
  void note_lanes();
  [[nodiscard]] Status add(const pb::Dispatcher& description, ptrdiff_t there);

  struct Lane {
    OutputPort* port;
    BarrierLane direct;
  };
  const storage::GraphTerm own_;
  const size_t width_;
  const std::shared_ptr<Signal> owner_;  // shared with everything else that may wake the actor
  std::vector<Dispatcher> dispatchers_;
  std::vector<AttachedOutput> unclaimed_;
  std::vector<Lane> lanes_;           // all ports; those without a channel have no direct way
  std::vector<OutputPort*> pending_;  // not empty, as of the last call
};

}  // namespace penstock::stream
