#include "meta/barrier/graph_messages.h"

#include "common/check.h"

namespace penstock::meta {
namespace {

// vnode -> position of its actor, two bytes each, little endian.
std::string vnode_map(const std::vector<ActorPlacement>& actors) {
  if (actors.empty()) return {};
  std::string map(actors.front().vnodes.size() * size_t{2}, '\0');
  for (size_t i = 0; i < actors.size(); ++i) {
    for (const VNode v : actors[i].vnodes.list()) {
      map[v * size_t{2}] = static_cast<char>(i & 0xff);
      map[v * size_t{2} + 1] = static_cast<char>(i >> 8);
    }
  }
  return map;
}

}  // namespace

std::optional<pb::Mutation> combine(std::vector<pb::Mutation> mutations) {
  if (mutations.empty()) return std::nullopt;
  if (mutations.size() == 1) return std::move(mutations.front());
  pb::Mutation out;
  for (pb::Mutation& mutation : mutations) *out.mutable_combined()->add_mutations() = std::move(mutation);
  return out;
}

void GraphMessages::fill(FragmentId fragment, const ActorPlacement& actor, pb::ActorInfo* out) const {
  out->set_actor_id(actor.actor.value);
  out->set_worker_id(actor.worker.value);
  out->set_endpoint(endpoint_(actor.worker));
  to_pb(graph_.graph_of(fragment), out->mutable_graph());
}

pb::Dispatcher GraphMessages::dispatcher(const JobPlan::Edge& edge, size_t index) const {
  const std::vector<ActorPlacement>& downstream = *graph_.actors(edge.downstream);
  pb::Dispatcher out;
  out.set_downstream_fragment(edge.downstream.value);
  out.set_link(edge.link.value);
  *out.mutable_strategy() = *edge.strategy;
  if (edge.strategy->type() == pb::DISPATCH_NO_SHUFFLE) {
    fill(edge.downstream, downstream.at(index), out.add_actors());
    return out;
  }
  for (const ActorPlacement& actor : downstream) fill(edge.downstream, actor, out.add_actors());
  if (edge.strategy->type() == pb::DISPATCH_HASH) out.set_vnode_to_actor(vnode_map(downstream));
  return out;
}

pb::BuildActor GraphMessages::build_actor(const InflightGraph::Job& job, const JobPlan::FragmentPlan& fragment, size_t index) const {
  const auto& actors = *graph_.actors(fragment.id);
  pb::BuildActor out;
  out.set_actor_id(actors[index].actor.value);
  out.set_fragment_id(fragment.id.value);
  out.set_vnodes(actors[index].vnodes.to_bytes());
  out.set_index(static_cast<uint32_t>(index));
  out.set_fragment_parallelism(static_cast<uint32_t>(actors.size()));
  for (const JobPlan::Edge& edge : job.plan->edges()) {
    if (edge.downstream != fragment.id) continue;
    const auto upstream = graph_.upstream_of(edge);
    const auto* senders = upstream ? graph_.actors(*upstream) : nullptr;
    PENSTOCK_CHECK(senders != nullptr, "job {} is in the graph without object {}, which it reads", job.plan->id(), edge.upstream_object);
    pb::UpstreamActors* in = out.add_upstreams();
    in->set_link(edge.link.value);
    in->set_fragment_id(upstream->value);
    if (edge.strategy->type() == pb::DISPATCH_NO_SHUFFLE) {
      fill(*upstream, senders->at(index), in->add_actors());
    } else {
      for (const ActorPlacement& sender : *senders) fill(*upstream, sender, in->add_actors());
    }
  }
  for (const InflightGraph::OutEdge& edge : graph_.edges_out(fragment.id)) *out.add_dispatchers() = dispatcher(*edge.edge, index);
  return out;
}

std::vector<pb::BuildFragment> GraphMessages::build(JobId id, WorkerId worker, const ActorSplits& splits) const {
  const InflightGraph::Job& job = *graph_.job(id);
  const pb::JobRecord& record = job.plan->record();
  std::vector<pb::BuildFragment> out;
  for (const JobPlan::FragmentPlan& fragment : job.plan->fragments()) {
    const auto& actors = *graph_.actors(fragment.id);
    pb::BuildFragment build;
    for (size_t i = 0; i < actors.size(); ++i) {
      if (actors[i].worker != worker) continue;
      pb::BuildActor* actor = build.add_actors();
      *actor = build_actor(job, fragment, i);
      const auto own = splits.find(actors[i].actor);
      if (own != splits.end()) actor->mutable_splits()->Assign(own->second.begin(), own->second.end());
    }
    if (build.actors().empty()) continue;
    build.set_fragment_id(fragment.id.value);
    build.set_job_id(id.value);
    build.set_job_name(job.plan->name());
    *build.mutable_root() = fragment.plan->root();
    build.set_table_base(record.table_base());
    build.set_operator_base(record.operator_base());
    build.set_vnode_count(job.plan->vnode_count());
    out.push_back(std::move(build));
  }
  return out;
}

pb::AddMutation GraphMessages::add(JobId id) const {
  const InflightGraph::Job& job = *graph_.job(id);
  pb::AddMutation out;
  for (const auto& [fragment, actors] : job.placement.fragments) {
    for (const ActorPlacement& actor : actors) out.add_added_actors(actor.actor.value);
  }
  for (const JobPlan::Edge& edge : job.plan->edges()) {
    if (edge.upstream_object == ObjectId{}) continue;
    const auto& senders = *graph_.actors(*graph_.upstream_of(edge));
    for (size_t i = 0; i < senders.size(); ++i) {
      *(*out.mutable_dispatchers())[senders[i].actor.value].add_dispatchers() = dispatcher(edge, i);
    }
  }
  return out;
}

pb::UpdateMutation GraphMessages::update(const InflightGraph& before, const std::set<FragmentId>& fragments) const {
  pb::UpdateMutation out;
  for (const FragmentId fragment : fragments) {
    for (const ActorPlacement& actor : *before.actors(fragment)) out.add_dropped_actors(actor.actor.value);
  }
  for (const auto& [id, job] : graph_.jobs()) {
    for (const auto& [fragment, actors] : job.placement.fragments) {
      if (fragments.contains(fragment)) continue;
      for (const InflightGraph::OutEdge& edge : graph_.edges_out(fragment)) {
        if (!fragments.contains(edge.edge->downstream)) continue;
        for (size_t i = 0; i < actors.size(); ++i) {
          *(*out.mutable_dispatchers())[actors[i].actor.value].add_dispatchers() = dispatcher(*edge.edge, i);
        }
      }
    }
  }
  return out;
}

pb::StopMutation GraphMessages::stop(const std::vector<JobId>& jobs) const {
  pb::StopMutation out;
  for (const JobId id : jobs) {
    for (const auto& [fragment, actors] : graph_.job(id)->placement.fragments) {
      out.add_fragments(fragment.value);
      for (const ActorPlacement& actor : actors) out.add_actors(actor.actor.value);
    }
  }
  return out;
}

}  // namespace penstock::meta
