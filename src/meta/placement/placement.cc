#include "meta/placement/placement.h"

#include "meta/placement/fragment_ties.h"

namespace penstock::meta {
namespace {

Shape spread(const JobPlan& plan, std::span<const Candidate> candidates) {
  uint32_t parallelism = plan.record().graph().parallelism();
  if (parallelism == 0) {
    for (const Candidate& candidate : candidates) parallelism += std::max(candidate.parallelism, 1U);
  }
  const uint32_t vnodes = plan.vnode_count();
  parallelism = std::min(parallelism, vnodes);
  // One at a time to the node with the lowest share of its cores; nodes that are busy already come last among equals.
  std::vector<uint32_t> given(candidates.size(), 0);
  for (uint32_t i = 0; i < parallelism; ++i) {
    size_t best = 0;
    for (size_t c = 1; c < candidates.size(); ++c) {
      const auto cost = [&](size_t at) {
        const double cores = std::max(candidates[at].parallelism, 1U);
        return std::pair((given[at] + 1) / cores, candidates[at].actors / cores);
      };
      if (cost(c) < cost(best)) best = c;
    }
    ++given[best];
  }
  Shape shape;
  for (size_t c = 0; c < candidates.size(); ++c) {
    for (uint32_t n = 0; n < given[c]; ++n) {
      const auto i = static_cast<uint64_t>(shape.size());
      VNodeBitmap bitmap(vnodes);
      for (uint64_t v = i * vnodes / parallelism; v < (i + 1) * vnodes / parallelism; ++v) bitmap.add(static_cast<VNode>(v));
      shape.push_back({ActorId{}, candidates[c].worker, std::move(bitmap)});
    }
  }
  return shape;
}

Shape single(const JobPlan& plan, std::span<const Candidate> candidates) {
  const auto least = std::ranges::min_element(
      candidates, {}, [](const Candidate& c) { return static_cast<double>(c.actors) / std::max(c.parallelism, 1U); });
  VNodeBitmap vnode(plan.vnode_count());
  vnode.add(0);
  return {{ActorId{}, least->worker, std::move(vnode)}};
}

}  // namespace

Result<JobPlacement> place_job(const JobPlan& plan, std::span<const Candidate> candidates, const UpstreamLookup& upstream) {
  if (candidates.empty()) return error(Code::Unavailable, "no compute node is connected");
  const FragmentTies ties(plan);
  const Shape spread_shape = spread(plan, candidates);
  const Shape single_shape = single(plan, candidates);
  JobPlacement placement;
  for (size_t i = 0; i < plan.fragments().size(); ++i) {
    const size_t group = ties.group(i);
    PENSTOCK_TRY(Shape shape, ties.dictated(group, upstream));
    if (ties.singleton(group)) {
      if (shape.size() > 1) {
        return error(Code::InvalidDefinition, "{} has a singleton that reads {} actors without shuffle", plan.name(), shape.size());
      }
      if (shape.empty()) shape = single_shape;
    } else if (shape.empty()) {
      shape = spread_shape;
    }
    placement.fragments.emplace(plan.fragments()[i].id, std::move(shape));
  }
  return placement;
}

uint32_t count_actors(const JobPlacement& placement) {
  size_t count = 0;
  for (const auto& [id, actors] : placement.fragments) count += actors.size();
  return static_cast<uint32_t>(count);
}

void number_actors(JobPlacement& placement, ActorId first) {
  uint32_t next = first.value;
  for (auto& [id, actors] : placement.fragments) {
    for (ActorPlacement& actor : actors) actor.actor = ActorId{next++};
  }
}

}  // namespace penstock::meta
