#include "meta/model/rows.h"

#include "meta/model/keys.h"

namespace penstock::meta::rows {

void put_counter(Txn& txn, Counter counter, uint64_t value) {
  txn.put(fmt::format("counter/{}", counter_name(counter)), std::to_string(value));
}

void put(Txn& txn, const pb::Database& database) { txn.put(keys::database(DatabaseId{database.id()}), database.SerializeAsString()); }

void put(Txn& txn, const pb::CatalogObject& object) { txn.put(keys::object(ObjectId{object.id()}), object.SerializeAsString()); }

void put(Txn& txn, const pb::JobRecord& job) { txn.put(keys::job(JobId{job.job_id()}), job.SerializeAsString()); }

void put_placement(Txn& txn, JobId job, const JobPlacement& placement) {
  pb::JobPlacement message;
  message.set_job_id(job.value);
  for (const auto& [id, actors] : placement.fragments) {
    pb::FragmentPlacement* fragment = message.add_fragments();
    fragment->set_fragment_id(id.value);
    for (const ActorPlacement& actor : actors) {
      pb::ActorPlacement* out = fragment->add_actors();
      out->set_actor_id(actor.actor.value);
      out->set_worker_id(actor.worker.value);
      out->set_vnodes(actor.vnodes.to_bytes());
    }
  }
  for (const ActorId actor : placement.backfilled) message.add_backfilled_actors(actor.value);
  txn.put(keys::placement(job), message.SerializeAsString());
}

void put_split(Txn& txn, JobId job, ObjectId source, const JobSplit& split) {
  pb::JobSplit message;
  message.set_job_id(job.value);
  message.set_source_id(source.value);
  message.set_actor_id(split.actor.value);
  *message.mutable_split() = split.split;
  txn.put(keys::split(job, source, split.split.number()), message.SerializeAsString());
}

void put_numbered_split(Txn& txn, ObjectId source, uint32_t number, const std::string& id) {
  pb::NumberedSplit message;
  message.set_source_id(source.value);
  message.set_number(number);
  message.set_id(id);
  txn.put(keys::numbered_split(source, number), message.SerializeAsString());
}

void put(Txn& txn, const pb::WorkerRecord& worker) { txn.put(keys::worker(WorkerId{worker.worker_id()}), worker.SerializeAsString()); }

void put_segment(Txn& txn, PartialGraphId graph, WorkerId worker, const pb::SegmentRef& ref) {
  pb::SegmentRecord message;
  message.set_graph_id(graph.value);
  message.set_worker_id(worker.value);
  *message.mutable_ref() = ref;
  txn.put(keys::segment(graph, worker, ref.sequence()), message.SerializeAsString());
}

void put_committed(Txn& txn, GraphTerm graph, Epoch epoch) {
  pb::GraphRecord message;
  message.set_graph_id(graph.graph.value);
  message.set_term(graph.term.value);
  message.set_committed_epoch(epoch.value);
  txn.put(keys::graph(graph.graph), message.SerializeAsString());
}

void put(Txn& txn, const pb::EventRecord& event) { txn.put(keys::event(event.sequence()), event.SerializeAsString()); }

}  // namespace penstock::meta::rows
