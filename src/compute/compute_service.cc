#include "compute/compute_service.h"

#include "proto/compute_service.pb.h"

namespace penstock::compute {

void ComputeNode::Service::call(std::string_view method, rpc::Bytes request, Reply reply) {
  if (method == "/penstock.Compute/Dml") return dml(request, std::move(reply));
  reply(error(Code::NotSupported, "a compute has no method {}", method));
}

void ComputeNode::Service::dml(const rpc::Bytes& bytes, Reply reply) {
  pb::DmlRequest request;
  if (!request.ParseFromString(bytes)) return reply(error(Code::Protocol, "{} bytes that are no DmlRequest", bytes.size()));
  auto chunk = data::decode_chunk(request.chunk());
  if (chunk.has_error()) return reply(chunk.error());
  if (request.transaction() != 0) {
    const auto held = node_.dml_.hold(ObjectId{request.object_id()}, TransactionId{request.transaction()}, ActorId{request.actor_id()},
                                      std::move(chunk).value());
    if (held.has_error()) return reply(held.error());
    pb::DmlResponse response;
    response.mutable_graph()->set_id(held.value().graph.graph.value);
    response.mutable_graph()->set_term(held.value().graph.term.value);
    response.set_actor_id(held.value().actor.value);
    return reply(response.SerializeAsString());
  }
  node_.dml_.submit(ObjectId{request.object_id()}, std::move(chunk).value(),
                    [reply = std::move(reply)](Result<stream::DmlManager::Taken> taken) mutable {
                      if (taken.has_error()) return reply(taken.error());
                      pb::DmlResponse response;
                      response.mutable_graph()->set_id(taken.value().graph.graph.value);
                      response.mutable_graph()->set_term(taken.value().graph.term.value);
                      response.set_epoch(taken.value().epoch.value);
                      reply(response.SerializeAsString());
                    });
}

Result<rpc::Service::Accepted> ComputeNode::Service::open(std::string_view method, std::shared_ptr<rpc::Stream> stream) {
  if (method == "/penstock.Compute/Control") return node_.worker_.on_control_stream(std::move(stream));
  if (method == "/penstock.Compute/Exchange") return node_.exchange_service_.open(std::move(stream));
  if (method == "/penstock.Compute/Scan") return node_.scans_.open(std::move(stream));
  return error(Code::NotSupported, "a compute has no stream {}", method);
}

}  // namespace penstock::compute
