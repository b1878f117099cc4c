#include "stream/message.h"

#include "proto/control_stream.pb.h"

namespace penstock::stream {

bool Barrier::stops(ActorId actor) const {
  if (mutation == nullptr || !mutation->has_stop()) return false;
  const auto& actors = mutation->stop().actors();
  return std::find(actors.begin(), actors.end(), actor.value) != actors.end();
}

}  // namespace penstock::stream
