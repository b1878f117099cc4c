#pragma once

#include <functional>
#include <span>
#include <vector>

#include "common/error.h"
#include "meta/model/job_plan.h"
#include "meta/model/meta_model.h"

namespace penstock::meta {

/// A node that new actors may be placed on.
struct Candidate {
  WorkerId worker;
  uint32_t parallelism = 1;  // its cores
  uint32_t actors = 0;       // it has already
};

/// Actors of the fragment that others read `object` from; null when it is not running.
using UpstreamLookup = std::function<const std::vector<ActorPlacement>*(ObjectId object)>;

/// Spreads a job that owns nothing yet. Pure and deterministic.
///  - fragments tied by NoShuffle edges or a colocation group have the same vnodes on the same nodes, those of the upstream job if they are
///    tied to one;
///  - a singleton is one actor with vnode 0, on the node with the least to do;
///  - all others have `parallelism` actors (0: the cores of all candidates), at most one a vnode, spread by cores; actor i has the i-th
///  share
///    of the vnodes in every fragment, so that equal vnodes of a job are on one node.
/// Actor ids are 0: see `number_actors`.
/// Errors: `Unavailable` without candidates or when an upstream is not running, `InvalidDefinition` when the ties contradict each other.
[[nodiscard]] Result<JobPlacement> place_job(const JobPlan& plan, std::span<const Candidate> candidates, const UpstreamLookup& upstream);

[[nodiscard]] uint32_t count_actors(const JobPlacement& placement);
/// Gives ids in a row from `first` on.
void number_actors(JobPlacement& placement, ActorId first);

}  // namespace penstock::meta
