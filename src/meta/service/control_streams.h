#pragma once

#include <functional>
#include <map>
#include <memory>

#include "common/error.h"
#include "common/ids.h"
#include "proto/control_stream.pb.h"
#include "rpc/transport.h"

namespace penstock::meta {

constexpr uint32_t kControlVersion = 7;
constexpr uint32_t kControlMinSupported = 7;  // older nodes would write no changes for subscribers

/// The control streams to the nodes, one each: bytes to messages and back. Who lives is `Cluster`'s business. Used on the loop only.
class ControlStreams {
 public:
  struct Handlers {
    std::function<void(WorkerId, uint64_t attempt, pb::ControlResponse)> on_message;
    std::function<void(WorkerId, uint64_t attempt, const Error&)> on_closed;
    std::shared_ptr<void> owner;  // shared: keeps the loop, on which the streams tell of their end
  };
  ControlStreams(rpc::Transport& transport, runtime::Executor& loop) : transport_(transport), loop_(loop) {}
  ControlStreams(const ControlStreams&) = delete;
  ControlStreams& operator=(const ControlStreams&) = delete;

  void open(WorkerId worker, uint64_t attempt, const std::string& endpoint, Handlers handlers);
  /// Dropped if there is no stream: its end is told, or on its way.
  void send(WorkerId worker, const pb::ControlRequest& request);
  void close(WorkerId worker, uint64_t attempt, Status reason);
  void close_all(const Error& reason);

 private:
  struct Open {
    uint64_t attempt;
    std::shared_ptr<rpc::Stream> stream;  // shared with the transport
  };
  rpc::Transport& transport_;
  runtime::Executor& loop_;
  std::map<WorkerId, Open> streams_;
};

}  // namespace penstock::meta
