#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "meta/model/job_plan.h"
#include "meta/model/meta_model.h"

namespace penstock::meta {

/// Nodes with actors of a job.
[[nodiscard]] std::set<WorkerId> workers_of(const JobPlacement& placement);

/// The actors of a database as the next barrier sees them: jobs with their plans, where each actor is and which partial graph it is in.
/// Pure; one owner. Copies share plans.
class InflightGraph {
 public:
  struct Job {
    std::shared_ptr<const JobPlan> plan;  // shared with the model, which forgets a dropped job while its actors still run
    JobPlacement placement;
    GraphTerm graph;  // the database's, or its own while it is being created
  };
  /// What a worker has of a graph, as messages want it.
  struct Share {
    std::vector<uint32_t> actors;
    std::vector<uint32_t> tables;
  };
  /// One edge that leaves a fragment, whichever job the other end is of.
  struct OutEdge {
    JobId job;  // of the downstream fragment
    const JobPlan::Edge* edge;
  };
  struct ActorRef {
    JobId job;
    FragmentId fragment;
    WorkerId worker;
  };

  InflightGraph() = default;
  InflightGraph(const InflightGraph& other) { replace(other.jobs_); }  // what is made from the jobs refers to them
  InflightGraph(InflightGraph&&) noexcept = default;
  InflightGraph& operator=(InflightGraph other) noexcept {
    jobs_.swap(other.jobs_);
    shares_.swap(other.shares_);
    edges_out_.swap(other.edges_out_);
    fragments_.swap(other.fragments_);
    actors_.swap(other.actors_);
    return *this;
  }
  ~InflightGraph() = default;

  void add(std::shared_ptr<const JobPlan> plan, JobPlacement placement, GraphTerm graph);
  /// The job's actors are in another graph from now on.
  void move(JobId job, GraphTerm graph);
  void remove(JobId job);
  void replace(std::map<JobId, Job> jobs);

  [[nodiscard]] bool empty() const { return jobs_.empty(); }
  [[nodiscard]] const std::map<JobId, Job>& jobs() const { return jobs_; }
  [[nodiscard]] const Job* job(JobId id) const;
  [[nodiscard]] const std::vector<ActorPlacement>* actors(FragmentId fragment) const;
  /// Actors of the fragment that others read the job's rows from; null if the job is not here or makes none.
  [[nodiscard]] const std::vector<ActorPlacement>* materialize_actors(JobId job) const;
  [[nodiscard]] const std::vector<OutEdge>& edges_out(FragmentId fragment) const;
  [[nodiscard]] std::optional<ActorRef> find(ActorId actor) const;
  /// Upstream fragment of an edge, in this job or another one.
  [[nodiscard]] std::optional<FragmentId> upstream_of(const JobPlan::Edge& edge) const;

  [[nodiscard]] GraphTerm graph_of(FragmentId fragment) const;
  [[nodiscard]] const Share& share(PartialGraphId graph, WorkerId worker) const;
  /// Actors on the worker, of whichever graph.
  [[nodiscard]] size_t load(WorkerId worker) const;
  /// Nodes with actors.
  [[nodiscard]] std::set<WorkerId> workers() const;

 private:
  void link(JobId id, const Job& job);
  void unlink(const Job& job);
  void find_edges();

  std::map<JobId, Job> jobs_;
  // Made from jobs_.
  std::map<std::pair<PartialGraphId, WorkerId>, Share> shares_;
  std::map<FragmentId, std::vector<OutEdge>> edges_out_;
  struct Fragment {
    const std::vector<ActorPlacement>* actors;
    GraphTerm graph;
  };
  std::map<FragmentId, Fragment> fragments_;
  std::map<ActorId, ActorRef> actors_;
};

}  // namespace penstock::meta
