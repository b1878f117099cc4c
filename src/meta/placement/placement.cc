#include "meta/placement/placement.h"

#include <numeric>

namespace penstock::meta {
namespace {

/// Fragments that must lie alike, as a forest over local fragment numbers.
class Ties {
 public:
  explicit Ties(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t root(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void tie(size_t a, size_t b) { parent_[root(a)] = root(b); }

 private:
  std::vector<size_t> parent_;
};

Ties find_ties(const JobPlan& plan) {
  const auto& fragments = plan.fragments();
  Ties ties(fragments.size());
  const auto local = [&](FragmentId id) { return id.value - plan.record().fragment_base(); };
  for (const JobPlan::Edge& edge : plan.edges()) {
    if (edge.upstream_object == ObjectId{} && edge.strategy->type() == pb::DISPATCH_NO_SHUFFLE)
      ties.tie(local(edge.upstream), local(edge.downstream));
  }
  for (size_t i = 0; i < fragments.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const uint32_t group = fragments[i].plan->colocation_group();
      if (group != 0 && group == fragments[j].plan->colocation_group()) ties.tie(i, j);
    }
  }
  return ties;
}

using Shape = std::vector<ActorPlacement>;

std::vector<ActorPlacement> spread(const JobPlan& plan, std::span<const Candidate> candidates) {
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

/// The shape a NoShuffle edge from another job dictates to a tied group; empty: none does.
Result<Shape> dictated(const JobPlan& plan, Ties& ties, size_t group, const UpstreamLookup& upstream) {
  Shape shape;
  for (const JobPlan::Edge& edge : plan.edges()) {
    if (edge.upstream_object == ObjectId{} || edge.strategy->type() != pb::DISPATCH_NO_SHUFFLE) continue;
    if (ties.root(edge.downstream.value - plan.record().fragment_base()) != group) continue;
    const std::vector<ActorPlacement>* actors = upstream(edge.upstream_object);
    if (actors == nullptr) return error(Code::Unavailable, "{} reads object {}, which is not running", plan.name(), edge.upstream_object);
    Shape wanted = *actors;
    for (ActorPlacement& actor : wanted) {
      actor.actor = ActorId{};
      if (actor.vnodes.size() != plan.vnode_count()) {
        return error(Code::InvalidDefinition, "{} has {} vnodes, what it reads without shuffle {}", plan.name(), plan.vnode_count(),
                     actor.vnodes.size());
      }
    }
    if (!shape.empty() && shape != wanted) {
      return error(Code::InvalidDefinition, "{} must lie like two upstreams that lie differently", plan.name());
    }
    shape = std::move(wanted);
  }
  return shape;
}

bool is_singleton(const JobPlan& plan, Ties& ties, size_t group) {
  for (size_t i = 0; i < plan.fragments().size(); ++i) {
    if (ties.root(i) == group && plan.fragments()[i].plan->singleton()) return true;
  }
  return false;
}

}  // namespace

Result<JobPlacement> place_job(const JobPlan& plan, std::span<const Candidate> candidates, const UpstreamLookup& upstream) {
  if (candidates.empty()) return error(Code::Unavailable, "no compute node is connected");
  Ties ties = find_ties(plan);
  const Shape spread_shape = spread(plan, candidates);
  const Shape single_shape = single(plan, candidates);
  JobPlacement placement;
  for (size_t i = 0; i < plan.fragments().size(); ++i) {
    const size_t group = ties.root(i);
    PENSTOCK_TRY(Shape shape, dictated(plan, ties, group, upstream));
    if (is_singleton(plan, ties, group)) {
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
