#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "rpc/transport.h"
#include "runtime/runtime.h"
#include "stream/exchange/remote_input.h"

namespace penstock::stream {

/// The receiving side of exchange between nodes: one stream to each node this one reads from, for all channels.
///
/// When a stream is lost (an error, or silence) all its channels end with the reason; the next `open` makes a new stream. A peer that sends
/// what it may not send loses its stream. Thread-safe. Outlives every actor.
class ExchangeClient final : public RemoteInput {
 public:
  /// `node`: what this node is called at the other end, in logs and errors. The references outlive this.
  ExchangeClient(runtime::Runtime& runtime, rpc::Transport& transport, std::string node)
      : runtime_(runtime), transport_(transport), node_(std::move(node)) {}
  /// Once its address is known; before the first `open`.
  void rename(std::string node) { node_ = std::move(node); }
  ExchangeClient(const ExchangeClient&) = delete;
  ExchangeClient& operator=(const ExchangeClient&) = delete;
  ~ExchangeClient() override;

  [[nodiscard]] std::unique_ptr<ChannelReceiver> open(const RemoteUpstream& upstream, std::shared_ptr<Mailbox> mailbox, uint32_t channel,
                                                      size_t budget, size_t kept_back = 0) override;

 private:
  class Peer;
  class Receiver;

  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  std::string node_;

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Peer>> peers_ ABSL_GUARDED_BY(mutex_);  // by endpoint; shared with the receivers
};

}  // namespace penstock::stream
