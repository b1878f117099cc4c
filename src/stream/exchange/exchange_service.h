#pragma once

#include <memory>

#include "rpc/transport.h"
#include "runtime/runtime.h"
#include "stream/exchange/output_hub.h"

namespace penstock::stream {

/// The sending side of exchange between nodes: serves the streams that others open to read this node's actors.
///
/// When a stream is lost (an error, or silence) all its channels say so to their actors at once. A peer that sends what it may not send
/// loses its stream. Thread-safe. Destroying it ends every stream.
class ExchangeService {
 public:
  /// The references outlive every stream.
  ExchangeService(runtime::Runtime& runtime, OutputHub& hub);
  ExchangeService(const ExchangeService&) = delete;
  ExchangeService& operator=(const ExchangeService&) = delete;
  ~ExchangeService();

  /// For the node's rpc::Service, when a stream for `kExchangeMethod` comes.
  [[nodiscard]] rpc::Service::Accepted open(std::shared_ptr<rpc::Stream> stream);

 private:
  class Session;
  class Sessions;

  runtime::Runtime& runtime_;
  OutputHub& hub_;
  const std::shared_ptr<Sessions> sessions_;  // shared with the sessions, which leave it when they end
};

}  // namespace penstock::stream
