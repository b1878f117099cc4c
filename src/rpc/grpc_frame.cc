#include "rpc/grpc_frame.h"

#include <vector>

namespace penstock::rpc {

grpc::ByteBuffer GrpcFrame::encode(Kind kind, Bytes payload) {
  constexpr size_t kCopyBelow = 1024;
  const char head = static_cast<char>(kind);
  if (payload.size() < kCopyBelow) {
    payload.insert(payload.begin(), head);
    const grpc::Slice whole(payload);
    return {&whole, 1};
  }
  // The slice takes the string over.
  auto owned = std::make_unique<Bytes>(std::move(payload));
  Bytes* const body = owned.release();
  const auto free_body = [](void* pointer) { delete static_cast<Bytes*>(pointer); };
  const std::array<grpc::Slice, 2> parts{grpc::Slice(&head, 1), grpc::Slice(body->data(), body->size(), free_body, body)};
  return {parts.data(), parts.size()};
}

Result<GrpcFrame> GrpcFrame::decode(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return error(Code::Protocol, "the peer sent a message that cannot be read");
  GrpcFrame frame;
  frame.payload.reserve(buffer.Length());
  bool first = true;
  for (const grpc::Slice& slice : slices) {
    std::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (first && !bytes.empty()) {
      frame.kind = static_cast<Kind>(bytes.front());
      bytes.remove_prefix(1);
      first = false;
    }
    frame.payload += bytes;
  }
  if (first) return error(Code::Protocol, "the peer sent a message without a kind");
  if (frame.kind != Kind::Message && frame.kind != Kind::End) {
    return error(Code::Protocol, "the peer sent a message of unknown kind {}", static_cast<int>(frame.kind));
  }
  return frame;
}

}  // namespace penstock::rpc
