#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/error.h"
#include "meta/placement/placement.h"

namespace penstock::meta {

/// A job as it runs: its plan, whose `parallelism` is what it should have, and where its actors are.
struct PlacedJob {
  std::shared_ptr<const JobPlan> plan;  // shared with the model
  const JobPlacement* placement;
};

/// Rows that change nodes: those of these vnodes in the tables of one fragment.
struct VnodeMove {
  WorkerId from;
  WorkerId to;
  std::vector<TableId> tables;  // ascending
  VNodeBitmap vnodes;
  bool operator==(const VnodeMove&) const = default;
};

struct RescalePlan {
  std::map<JobId, JobPlacement> placements;  // of jobs that change, whole; new actors have the id 0, see `number_new_actors`
  std::vector<VnodeMove> moves;              // none when actors change only within their nodes
  [[nodiscard]] bool empty() const { return placements.empty(); }
};

/// Where the jobs should be instead, with as few vnodes moved as that allows. Pure and deterministic; planning again what it planned gives
/// an empty plan.
///  - an adaptive job (parallelism 0) has one actor a core of every candidate; any other its `parallelism` actors, spread by cores. It
///  stays
///    where it is if that is so already, or, with the right number, if all its nodes are candidates;
///  - a singleton moves only away from a node that is no candidate, to the one with the least to do;
///  - fragments that are tied (as `place_job` says) move together, and those tied to another job's follow it, whatever their own job wants.
/// All actors of a fragment that changes are new ones, so nothing of an actor outlives a change of what it owns.
/// `jobs`: all of a database, by id: what a job reads comes before it. `candidates`: by worker.
/// Errors: `Unavailable` without candidates, `InvalidDefinition` when a fragment would have to follow two upstreams that differ.
[[nodiscard]] Result<RescalePlan> plan_rescale(std::span<const PlacedJob> jobs, std::span<const Candidate> candidates);

/// How many ids `number_new_actors` needs.
[[nodiscard]] uint32_t count_new_actors(const RescalePlan& plan);
/// Gives ids in a row from `first` on.
void number_new_actors(RescalePlan& plan, ActorId first);

}  // namespace penstock::meta
