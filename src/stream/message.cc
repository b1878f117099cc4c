#include "stream/message.h"

#include <algorithm>

#include "proto/control_stream.pb.h"

namespace penstock::stream {

bool Barrier::stops(ActorId actor) const {
  if (!mutation || !mutation->has_stop()) return false;
  const auto& stopped = mutation->stop().actors();
  return std::find(stopped.begin(), stopped.end(), actor.value) != stopped.end();
}

}  // namespace penstock::stream
