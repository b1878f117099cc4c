#pragma once

#include <grpcpp/completion_queue.h>

#include "runtime/thread.h"

namespace penstock::rpc {

/// What a completion queue gives back when an operation is over.
class GrpcTag {
 public:
  virtual void on_complete(bool good) = 0;

 protected:
  ~GrpcTag() = default;
};

/// Calls a member function of its owner.
template <typename Owner, void (Owner::*kMember)(bool)>
class GrpcMemberTag final : public GrpcTag {
 public:
  explicit GrpcMemberTag(Owner& owner) : owner_(owner) {}
  void on_complete(bool good) override { (owner_.*kMember)(good); }

 private:
  Owner& owner_;
};

/// The thread that serves a completion queue, and with it the queue's connections, until the queue has been shut down and is empty.
/// A thread of our own: gRPC's callback API polls with pauses of 100 ms after an idle second.
class GrpcQueueThread {
 public:
  GrpcQueueThread(std::string_view name, grpc::CompletionQueue& queue) : thread_(name, 0, [&queue] { serve(queue); }) {}

 private:
  static void serve(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool good = false;
    while (queue.Next(&tag, &good)) static_cast<GrpcTag*>(tag)->on_complete(good);
  }

  runtime::Thread thread_;
};

}  // namespace penstock::rpc
