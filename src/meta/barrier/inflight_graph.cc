#include "meta/barrier/inflight_graph.h"

#include <algorithm>

namespace penstock::meta {

std::set<WorkerId> workers_of(const JobPlacement& placement) {
  std::set<WorkerId> out;
  for (const auto& [fragment, actors] : placement.fragments) {
    for (const ActorPlacement& actor : actors) out.insert(actor.worker);
  }
  return out;
}

namespace {

bool same_parts(const JobPlan& a, const JobPlan& b) {
  return std::ranges::equal(a.fragments(), b.fragments(),
                            [](const auto& x, const auto& y) { return x.id == y.id && x.tables == y.tables; });
}

}  // namespace

void InflightGraph::add(std::shared_ptr<const JobPlan> plan, JobPlacement placement, GraphTerm graph) {
  const JobId id = plan->id();
  if (const auto there = jobs_.find(id); there != jobs_.end()) {
    Job& job = there->second;
    if (job.graph == graph && job.placement == placement && same_parts(*job.plan, *plan)) {  // it is only described in other words
      job.plan = std::move(plan);
      return find_edges();
    }
    unlink(job);
  }
  const auto at = jobs_.insert_or_assign(id, Job{std::move(plan), std::move(placement), graph}).first;
  link(id, at->second);
  find_edges();
}

void InflightGraph::move(JobId id, GraphTerm graph) {
  Job& job = jobs_.at(id);
  unlink(job);
  job.graph = graph;
  link(id, job);
}

void InflightGraph::remove(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  unlink(found->second);
  jobs_.erase(found);
  find_edges();
}

void InflightGraph::replace(std::map<JobId, Job> jobs) {
  jobs_ = std::move(jobs);
  shares_.clear();
  fragments_.clear();
  actors_.clear();
  for (const auto& [id, job] : jobs_) link(id, job);
  find_edges();
}

// A job comes and goes at the cost of its own actors, not of all.
void InflightGraph::link(JobId id, const Job& job) {
  for (const JobPlan::FragmentPlan& fragment : job.plan->fragments()) {
    const auto& actors = job.placement.fragments.at(fragment.id);
    fragments_[fragment.id] = {&actors, job.graph};
    std::set<WorkerId> workers;
    for (const ActorPlacement& actor : actors) {
      shares_[{job.graph.graph, actor.worker}].actors.push_back(actor.actor.value);
      actors_[actor.actor] = {id, fragment.id, actor.worker};
      workers.insert(actor.worker);
    }
    for (const WorkerId worker : workers) {
      for (const TableId table : fragment.tables) shares_[{job.graph.graph, worker}].tables.push_back(table.value);
    }
  }
}

void InflightGraph::unlink(const Job& job) {
  std::set<uint32_t> actors, tables;
  for (const JobPlan::FragmentPlan& fragment : job.plan->fragments()) {
    fragments_.erase(fragment.id);
    for (const ActorPlacement& actor : job.placement.fragments.at(fragment.id)) {
      actors_.erase(actor.actor);
      actors.insert(actor.actor.value);
    }
    for (const TableId table : fragment.tables) tables.insert(table.value);
  }
  for (const WorkerId worker : workers_of(job.placement)) {
    const auto found = shares_.find({job.graph.graph, worker});
    std::erase_if(found->second.actors, [&](uint32_t actor) { return actors.contains(actor); });
    std::erase_if(found->second.tables, [&](uint32_t table) { return tables.contains(table); });
    if (found->second.actors.empty()) shares_.erase(found);
  }
}

void InflightGraph::find_edges() {
  edges_out_.clear();
  for (const auto& [id, job] : jobs_) {
    for (const JobPlan::Edge& edge : job.plan->edges()) {
      if (const auto upstream = upstream_of(edge)) edges_out_[*upstream].push_back({id, &edge});
    }
  }
}

std::optional<FragmentId> InflightGraph::upstream_of(const JobPlan::Edge& edge) const {
  if (edge.upstream_object == ObjectId{}) return edge.upstream;
  const Job* upstream = job(edge.upstream_object);
  if (upstream == nullptr) return std::nullopt;
  const JobPlan::FragmentPlan* fragment = upstream->plan->materialize_fragment();
  if (fragment == nullptr) return std::nullopt;
  return fragment->id;
}

const InflightGraph::Job* InflightGraph::job(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

const std::vector<ActorPlacement>* InflightGraph::actors(FragmentId fragment) const {
  const auto found = fragments_.find(fragment);
  return found == fragments_.end() ? nullptr : found->second.actors;
}

GraphTerm InflightGraph::graph_of(FragmentId fragment) const {
  const auto found = fragments_.find(fragment);
  return found == fragments_.end() ? GraphTerm{} : found->second.graph;
}

const std::vector<ActorPlacement>* InflightGraph::materialize_actors(JobId id) const {
  const Job* found = job(id);
  if (found == nullptr || found->plan->materialize_fragment() == nullptr) return nullptr;
  return actors(found->plan->materialize_fragment()->id);
}

const std::vector<InflightGraph::OutEdge>& InflightGraph::edges_out(FragmentId fragment) const {
  static const std::vector<OutEdge> kNone;
  const auto found = edges_out_.find(fragment);
  return found == edges_out_.end() ? kNone : found->second;
}

std::optional<InflightGraph::ActorRef> InflightGraph::find(ActorId actor) const {
  const auto found = actors_.find(actor);
  if (found == actors_.end()) return std::nullopt;
  return found->second;
}

const InflightGraph::Share& InflightGraph::share(PartialGraphId graph, WorkerId worker) const {
  static const Share kNone;
  const auto found = shares_.find({graph, worker});
  return found == shares_.end() ? kNone : found->second;
}

size_t InflightGraph::load(WorkerId worker) const {
  size_t actors = 0;
  for (const auto& [where, share] : shares_) {
    if (where.second == worker) actors += share.actors.size();
  }
  return actors;
}

std::set<WorkerId> InflightGraph::workers() const {
  std::set<WorkerId> out;
  for (const auto& [where, share] : shares_) out.insert(where.second);
  return out;
}

}  // namespace penstock::meta
