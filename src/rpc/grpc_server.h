#pragma once

#include "rpc/grpc_transport.h"

namespace penstock::rpc {

/// Serves `service` at `address`. Errors: `Io`, naming the address and the reason.
[[nodiscard]] Result<std::unique_ptr<Listener>> listen_grpc(runtime::Runtime& runtime, const GrpcOptions& options, std::string_view address,
                                                            std::shared_ptr<Service> service);

}  // namespace penstock::rpc
