#include "meta/service/snapshots.h"

namespace penstock::meta {
namespace {

/// Bitmaps as `VNodeBitmap::to_bytes` gives them.
std::map<WorkerId, std::string> owned_by_worker(const std::vector<ActorPlacement>& actors) {
  std::map<WorkerId, std::string> out;
  for (const ActorPlacement& actor : actors) {
    std::string& sum = out[actor.worker];
    const std::string own = actor.vnodes.to_bytes();
    sum.resize(own.size());
    for (size_t i = 0; i < own.size(); ++i) sum[i] = static_cast<char>(sum[i] | own[i]);
  }
  return out;
}

}  // namespace

void fill_workers(const MetaModel& model, const Cluster& cluster, google::protobuf::RepeatedPtrField<pb::WorkerInfo>* out) {
  for (const auto& [id, record] : model.workers()) {
    pb::WorkerInfo* worker = out->Add();
    worker->set_worker_id(id.value);
    worker->set_node_id(record.node_id());
    worker->set_endpoint(record.endpoint());
    worker->set_alive(cluster.is_live(id));
    worker->set_parallelism(record.parallelism());
    worker->set_incarnation(record.incarnation());
    worker->set_draining(record.draining());
  }
}

void fill_placements(const MetaModel& model, google::protobuf::RepeatedPtrField<pb::TablePlacement>* out) {
  for (const auto& [id, plan] : model.jobs()) {
    const JobPlacement* placement = model.placement(id);
    const pb::CatalogObject* object = model.object(id);
    const JobPlan::FragmentPlan* fragment = plan->materialize_fragment();
    if (placement == nullptr || object == nullptr || fragment == nullptr) continue;
    pb::TablePlacement* table = out->Add();
    table->set_table_id(object->table().table_id());
    table->set_vnode_count(plan->vnode_count());
    for (auto& [worker, vnodes] : owned_by_worker(placement->fragments.at(fragment->id))) {
      pb::VnodeOwner* owner = table->add_owners();
      owner->set_worker_id(worker.value);
      owner->set_vnodes(std::move(vnodes));
    }
  }
}

void fill_status(const CheckpointControl& control, pb::DatabaseStatus* out) {
  out->set_database_id(control.database().value);
  to_pb(control.graph(), out->mutable_graph());
  out->set_committed_epoch(control.committed().value);
  out->set_recovering(control.recovering());
  if (control.recovering()) out->set_recovery_reason(control.recovery_reason());
  out->set_disk_low(control.pauses().why(PauseReasons::Reason::Disk));
  out->set_disk_full(control.disk_full());
}

void fill_term_end(const TermEnded& end, pb::TermEnd* out) {
  to_pb(end.graph, out->mutable_graph());
  out->set_last_committed_epoch(end.last_committed.value);
}

}  // namespace penstock::meta
