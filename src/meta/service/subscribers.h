#pragma once

#include <map>
#include <memory>

#include "proto/meta_service.pb.h"
#include "rpc/transport.h"

namespace penstock::meta {

/// Frontends that follow meta: each got a snapshot and then every update. One that reads too slowly is cut off; it comes back and begins
/// with a snapshot. Used on the loop only.
class Subscribers {
 public:
  static constexpr size_t kMaxQueuedBytes = 32 << 20;

  /// Returns the number to remove it by.
  uint64_t add(std::shared_ptr<rpc::Stream> stream, const pb::MetaSnapshot& snapshot);
  void remove(uint64_t number) { streams_.erase(number); }
  void send(const pb::MetaUpdate& update);
  void close_all(const Error& reason);
  [[nodiscard]] bool empty() const { return streams_.empty(); }

 private:
  std::map<uint64_t, std::shared_ptr<rpc::Stream>> streams_;  // shared with the transport
  uint64_t added_ = 0;
};

}  // namespace penstock::meta
