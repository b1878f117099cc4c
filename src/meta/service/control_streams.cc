#include "meta/service/control_streams.h"

namespace penstock::meta {

void ControlStreams::open(WorkerId worker, uint64_t attempt, const std::string& endpoint, Handlers handlers) {
  const auto shared = std::make_shared<const Handlers>(std::move(handlers));  // shared by the two callbacks
  rpc::StreamEvents events;
  events.on_message = [worker, attempt, shared](const rpc::Bytes& bytes) {
    pb::ControlResponse message;
    if (!message.ParseFromString(bytes)) {
      shared->on_closed(worker, attempt, error(Code::Protocol, "node sent {} bytes that are no ControlResponse", bytes.size()));
    } else {
      shared->on_message(worker, attempt, std::move(message));
    }
  };
  events.on_closed = [worker, attempt, shared](const Status& reason) {
    shared->on_closed(worker, attempt, reason.has_error() ? reason.error() : error(Code::Closed, "node closed its control stream"));
  };
  auto stream = transport_.connect(endpoint, "/penstock.Compute/Control", loop_, std::move(events));
  streams_.insert_or_assign(worker, Open{attempt, std::move(stream)});
}

void ControlStreams::send(WorkerId worker, const pb::ControlRequest& request) {
  const auto found = streams_.find(worker);
  if (found != streams_.end()) found->second.stream->write(request.SerializeAsString());
}

void ControlStreams::close(WorkerId worker, uint64_t attempt, Status reason) {
  const auto found = streams_.find(worker);
  if (found == streams_.end() || found->second.attempt != attempt) return;
  const auto stream = std::move(found->second.stream);
  streams_.erase(found);
  stream->close(std::move(reason));
}

void ControlStreams::close_all(const Error& reason) {
  for (auto& [worker, open] : std::exchange(streams_, {})) open.stream->close(reason);
}

}  // namespace penstock::meta
