// What a compute reads from meta, and what meta reads from a compute.
#include "fuzz/fuzz.h"
#include "proto/control_stream.pb.h"
#include "stream/task/barrier_worker/control_codec.h"

namespace penstock::stream {
namespace {

void read_control(std::string_view bytes) {
  (void)decode_control_request(bytes);
  pb::ControlResponse response;
  (void)response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::vector<std::string> control_seeds() {
  std::vector<std::string> out;
  pb::ControlRequest request;
  auto& inject = *request.mutable_inject_barrier();
  inject.mutable_graph()->set_id(1);
  inject.mutable_graph()->set_term(2);
  inject.mutable_barrier()->mutable_epoch()->set_prev(3 << 16);
  inject.mutable_barrier()->mutable_epoch()->set_curr(4 << 16);
  inject.mutable_barrier()->set_kind(pb::BARRIER_CHECKPOINT);
  inject.add_actors_to_collect(5);
  inject.add_tables_to_sync(6);
  auto& fragment = *inject.add_build();
  fragment.set_fragment_id(7);
  fragment.set_vnode_count(256);
  fragment.add_actors()->set_actor_id(5);
  fragment.mutable_actors(0)->set_vnodes(std::string(32, '\xff'));
  out.push_back(request.SerializeAsString());
  (*inject.mutable_barrier()->mutable_mutation()->mutable_add()->mutable_dispatchers())[9].add_dispatchers()->set_vnode_to_actor("\1\2\3");
  out.push_back(request.SerializeAsString());
  inject.mutable_barrier()->mutable_mutation()->mutable_stop()->add_actors(9);
  out.push_back(request.SerializeAsString());
  auto& init = *request.mutable_init();
  init.set_protocol_version(1);
  init.set_min_supported(1);
  init.set_cluster_id("cluster");
  init.set_node_id("00112233-4455-6677-8899-aabbccddeeff");
  init.set_incarnation(1);
  init.set_leader_term(1);
  init.set_worker_id(1);
  init.add_live_segments()->set_sequence(4);
  out.push_back(request.SerializeAsString());
  auto& create = *request.mutable_create_partial_graph();
  create.mutable_graph()->set_id(1);
  create.set_committed_epoch(1 << 16);
  create.add_segments()->set_checksum(77);
  out.push_back(request.SerializeAsString());
  request.mutable_commit_epoch()->add_struck_off(8);
  out.push_back(request.SerializeAsString());
  request.mutable_reset_partial_graphs()->add_graphs()->set_id(3);
  out.push_back(request.SerializeAsString());
  out.push_back(encode_init_response("node", Incarnation{3}));
  return out;
}

const fuzz::Register kControl({"control_stream", read_control, control_seeds});

}  // namespace
}  // namespace penstock::stream
