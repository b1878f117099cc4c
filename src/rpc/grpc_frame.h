#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "rpc/transport.h"

namespace penstock::rpc {

/// What a gRPC message of ours holds: one byte of kind, then the payload. The end of a stream travels as a frame because gRPC's own
/// status goes only from server to client, and drops messages before it when it is not OK.
struct GrpcFrame {
  enum class Kind : uint8_t {
    Message = 0,
    End = 1,  // payload: an encoded `Status`
  };
  Kind kind = Kind::Message;
  Bytes payload;

  [[nodiscard]] static grpc::ByteBuffer encode(Kind kind, Bytes payload);
  /// Errors: `Protocol`.
  [[nodiscard]] static Result<GrpcFrame> decode(const grpc::ByteBuffer& buffer);
};

}  // namespace penstock::rpc
