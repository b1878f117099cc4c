#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "stream/executor/actor_context.h"
#include "stream/message.h"

namespace penstock::stream {

/// What a barrier's mutation says to the source of one actor; nothing where it says nothing.
struct SourceMutation {
  std::optional<bool> paused;
  std::optional<std::vector<SplitState>> splits;  // the whole new assignment
  std::optional<uint64_t> rate_limit;             // rows a second; 0: none
};
[[nodiscard]] SourceMutation source_mutation(const Barrier& barrier, ActorId actor);

}  // namespace penstock::stream
