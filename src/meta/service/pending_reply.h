#pragma once

#include <google/protobuf/message.h>

#include <optional>

#include "rpc/transport.h"

namespace penstock::meta {

/// A caller that waits. Answered exactly once: if nobody does, destroying it says that meta is stopping. Move only.
class PendingReply {
 public:
  explicit PendingReply(rpc::Service::Reply reply) : reply_(std::move(reply)) {}
  PendingReply(PendingReply&& other) noexcept : reply_(std::exchange(other.reply_, std::nullopt)) {}
  PendingReply& operator=(PendingReply&&) = delete;
  ~PendingReply() { fail(error(Code::Unavailable, "meta is stopping")); }

  void fail(const Error& error) {
    if (auto reply = std::exchange(reply_, std::nullopt)) (*reply)(error);
  }
  void answer(const google::protobuf::Message& message) {
    if (auto reply = std::exchange(reply_, std::nullopt)) (*reply)(message.SerializeAsString());
  }

 private:
  std::optional<rpc::Service::Reply> reply_;
};

}  // namespace penstock::meta
