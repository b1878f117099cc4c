#include "meta/service/subscribers.h"

#include "common/log.h"

namespace penstock::meta {

uint64_t Subscribers::add(std::shared_ptr<rpc::Stream> stream, const pb::MetaSnapshot& snapshot) {
  pb::SubscribeEvent event;
  *event.mutable_snapshot() = snapshot;
  stream->write(event.SerializeAsString());
  streams_[++added_] = std::move(stream);
  return added_;
}

void Subscribers::send(const pb::MetaUpdate& update) {
  if (streams_.empty()) return;
  pb::SubscribeEvent event;
  *event.mutable_update() = update;
  const std::string bytes = event.SerializeAsString();
  for (auto at = streams_.begin(); at != streams_.end();) {
    rpc::Stream& stream = *at->second;
    if (stream.queued_bytes() + bytes.size() > kMaxQueuedBytes) {
      log::warn("meta", "frontend at {} does not read its notifications: {} bytes wait; cutting it off", stream.peer(),
                stream.queued_bytes());
      stream.close(error(Code::Unavailable, "notifications were not read in time"));
      at = streams_.erase(at);
    } else {
      stream.write(bytes);
      ++at;
    }
  }
}

void Subscribers::close_all(const Error& reason) {
  for (auto& [number, stream] : std::exchange(streams_, {})) stream->close(reason);
}

}  // namespace penstock::meta
