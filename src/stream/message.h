#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/epoch.h"
#include "common/ids.h"
#include "data/chunk.h"

namespace penstock::pb {
class Mutation;
}

namespace penstock::stream {

/// Initial: first of a graph, nothing to sync. Barrier: local flush. Checkpoint: flush and sync, covers all Barriers since the last one.
enum class BarrierKind : uint8_t { Initial = 1, Barrier = 2, Checkpoint = 3 };

/// Ends epoch.prev, starts epoch.curr. The mutation is there inside a worker; exchange carries barriers without, and each actor rejoins
/// it by epoch from its own subscription.
struct Barrier {
  EpochPair epoch;
  BarrierKind kind = BarrierKind::Barrier;
  /// Shared by all actors of the worker; null: none. It may hold several mutations, one of a kind (`take_apart`); lists of actors
  /// and fragments are sorted.
  std::shared_ptr<const pb::Mutation> mutation;
  /// How many actors of the worker have yet to collect it: inside a worker only, and shared by all of its actors.
  std::shared_ptr<std::atomic<int64_t>> uncollected;

  /// Whether this barrier ends the actor.
  [[nodiscard]] bool stops(ActorId actor) const;
};

/// What flows between actors. Nothing else does.
using Message = std::variant<data::StreamChunk, Barrier>;

}  // namespace penstock::stream
