#pragma once

#include "compute/compute_node.h"

namespace penstock::compute {

/// What a compute answers: /penstock.Compute/Control, Exchange, Scan, Transfer (streams) and Dml (call); see proto/compute_service.proto.
class ComputeNode::Service : public rpc::Service {
 public:
  explicit Service(ComputeNode& node) : node_(node) {}
  void call(std::string_view method, rpc::Bytes request, Reply reply) override;
  Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override;

 private:
  void dml(const rpc::Bytes& request, Reply reply);
  ComputeNode& node_;
};

}  // namespace penstock::compute
