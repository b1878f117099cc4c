#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>

#include "rpc/transport.h"

namespace penstock::ctl {

/// Calls to a running meta, one after the other, from a thread that may block.
class MetaCaller {
 public:
  MetaCaller(runtime::Runtime& runtime, rpc::Transport& transport, std::string address)
      : runtime_(runtime), transport_(transport), address_(std::move(address)) {}

  /// "/penstock.Meta/`method`". Errors: `Unavailable` when nobody answers there, saying where and what to do; else meta's own.
  [[nodiscard]] Status call(std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                            runtime::Duration timeout = std::chrono::seconds(10));
  /// The same for what may take long: `meanwhile` is called on this thread several times a second with how long it has been, and its error
  /// ends the waiting, not what was asked for.
  [[nodiscard]] Status call_long(std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                                 runtime::Duration timeout, const std::function<Status(runtime::Duration waited)>& meanwhile);
  /// Does not wait: `done` is called on a thread of the runtime.
  void ask(std::string_view method, rpc::Bytes request, runtime::Duration timeout, absl::AnyInvocable<void(Result<rpc::Bytes>)> done);
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int64_t unix_micros() const { return runtime_.unix_micros(); }

 private:
  [[nodiscard]] Status take(std::string_view method, const Result<rpc::Bytes>& answer, google::protobuf::Message& reply) const;

  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  const std::string address_;
};

}  // namespace penstock::ctl
