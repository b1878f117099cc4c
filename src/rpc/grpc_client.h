#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>

#include "rpc/grpc_pipe.h"

namespace penstock::rpc {

/// The header that tells a call from a stream.
inline constexpr const char* kGrpcKindHeader = "penstock-kind";
inline constexpr const char* kGrpcCallKind = "call";

/// Opens `method` on `channel`, which leads to `pipe`'s peer. The pipe is in `pipes` until the end.
void open_grpc_stream(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue& queue, const std::string& method, bool is_call,
                      const std::shared_ptr<GrpcPipe>& pipe, GrpcPipes& pipes);

}  // namespace penstock::rpc
