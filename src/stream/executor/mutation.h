#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "stream/executor/actor_context.h"
#include "stream/message.h"

namespace penstock::stream {

/// Whether a barrier's mutation holds the sources and backfill of an actor, or lets them go on; nothing if it says nothing of them.
[[nodiscard]] std::optional<bool> paused_by(const Barrier& barrier, ActorId actor);

/// What a barrier's mutation says to the source of one actor; nothing where it says nothing.
struct SourceMutation {
  std::optional<std::vector<SplitState>> splits;  // the whole new assignment
  std::optional<uint64_t> rate_limit;             // rows a second; 0: none
};
[[nodiscard]] SourceMutation source_mutation(const Barrier& barrier, ActorId actor);

/// New options of a source; nothing if the mutation does not say.
[[nodiscard]] std::optional<std::map<std::string, std::string>> connector_props_by(const Barrier& barrier, ObjectId source);

/// Who begins and who ceases to read the changes of the job; those that cease come first.
struct SubscriberMutation {
  std::vector<ObjectId> dropped;
  std::vector<Subscriber> added;
};
[[nodiscard]] SubscriberMutation subscribers_by(const Barrier& barrier, JobId job);

/// Rows a second that each backfill of the actor reads from now on, 0: no limit; nothing if the mutation does not say.
[[nodiscard]] std::optional<uint64_t> backfill_rate_by(const Barrier& barrier, ActorId actor);

/// Whether the backfill of a fragment, which has waited for others, begins.
[[nodiscard]] bool starts_backfill(const Barrier& barrier, FragmentId fragment);

}  // namespace penstock::stream
