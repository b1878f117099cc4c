#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meta/barrier/inflight_graph.h"
#include "meta/model/types.h"
#include "proto/control_stream.pb.h"

namespace penstock::meta {

/// Splits of an actor, with their committed positions.
using ActorSplits = std::map<ActorId, std::vector<pb::Split>>;

/// What a barrier carries for these: nothing, the one as it is, or all of them Combined.
[[nodiscard]] std::optional<pb::Mutation> combine(std::vector<pb::Mutation> mutations);

/// Turns an in-flight graph into what workers build and what running actors are told. Pure; refers to what it was made with.
class GraphMessages {
 public:
  using Endpoint = std::function<std::string(WorkerId)>;
  GraphMessages(const InflightGraph& graph, Endpoint endpoint) : graph_(graph), endpoint_(std::move(endpoint)) {}

  /// The fragments of `job` with their actors on `worker`; a plan is there once, whatever its number of actors.
  [[nodiscard]] std::vector<pb::BuildFragment> build(JobId job, WorkerId worker, const ActorSplits& splits) const;
  /// The new outputs that actors of other jobs get with `job`, and its actors. The job is in the graph already.
  [[nodiscard]] pb::AddMutation add(JobId job) const;
  /// The fragments' actors of `before` end and those of the graph take their place; others that feed them get other outputs. What reads
  /// from one of the fragments is one of them.
  [[nodiscard]] pb::UpdateMutation update(const InflightGraph& before, const std::set<FragmentId>& fragments) const;
  /// The jobs' actors and fragments. They are in the graph still.
  [[nodiscard]] pb::StopMutation stop(const std::vector<JobId>& jobs) const;

 private:
  [[nodiscard]] pb::BuildActor build_actor(const InflightGraph::Job& job, const JobPlan::FragmentPlan& fragment, size_t index) const;
  /// The output of the `index`-th actor of the upstream over `edge`.
  [[nodiscard]] pb::Dispatcher dispatcher(const JobPlan::Edge& edge, size_t index) const;
  void fill(FragmentId fragment, const ActorPlacement& actor, pb::ActorInfo* out) const;

  const InflightGraph& graph_;
  const Endpoint endpoint_;
};

}  // namespace penstock::meta
