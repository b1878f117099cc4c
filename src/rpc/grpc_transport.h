#pragma once

#include "rpc/grpc_tls.h"
#include "rpc/transport.h"

namespace penstock::rpc {

struct GrpcOptions {
  /// A peer that does not answer a ping within `keepalive_timeout` is gone. Pings go out only on connections with a stream.
  std::chrono::milliseconds keepalive_time{10'000};
  std::chrono::milliseconds keepalive_timeout{5'000};
  /// How long connecting may take before it counts as failed; then it is tried again after at most `max_reconnect_pause`.
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds max_reconnect_pause{500};
  /// How long a stream that was closed here may take to send what was written before; then it is cancelled.
  std::chrono::milliseconds linger{10'000};
  /// Of every connection; none: not encrypted.
  std::optional<GrpcTls> tls;
};

/// Streams over gRPC (HTTP/2, encrypted when the options say so), one connection per address. `runtime` outlives the transport.
/// The destructor cancels what is open, tells nobody, and waits until gRPC is done with it.
[[nodiscard]] std::unique_ptr<Transport> make_grpc_transport(runtime::Runtime& runtime, GrpcOptions options = {});

}  // namespace penstock::rpc
