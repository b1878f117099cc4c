#include "stream/message.h"

#include <algorithm>

#include "proto/control_stream.pb.h"

namespace penstock::stream {

bool Barrier::stops(ActorId actor) const {
  if (!mutation) return false;
  return std::ranges::binary_search(mutation->stop().actors(), actor.value) ||
         std::ranges::binary_search(mutation->update().dropped_actors(), actor.value);
}

}  // namespace penstock::stream
