#include "meta/placement/fragment_ties.h"

#include <algorithm>
#include <numeric>

namespace penstock::meta {

FragmentTies::FragmentTies(const JobPlan& plan) : plan_(plan), group_(plan.fragments().size()) {
  std::iota(group_.begin(), group_.end(), size_t{0});
  const auto tie = [this](size_t a, size_t b) { std::ranges::replace(group_, size_t{group_[a]}, size_t{group_[b]}); };
  for (const JobPlan::Edge& edge : plan.edges()) {
    if (edge.upstream_object == ObjectId{} && edge.strategy->type() == pb::DISPATCH_NO_SHUFFLE) {
      tie(local(edge.upstream), local(edge.downstream));
    }
  }
  for (size_t i = 0; i < group_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const uint32_t colocation = plan.fragments()[i].plan->colocation_group();
      if (colocation != 0 && colocation == plan.fragments()[j].plan->colocation_group()) tie(i, j);
    }
  }
}

bool FragmentTies::singleton(size_t group) const {
  for (size_t i = 0; i < group_.size(); ++i) {
    if (group_[i] == group && plan_.fragments()[i].plan->singleton()) return true;
  }
  return false;
}

Result<Shape> FragmentTies::dictated(size_t group, const UpstreamLookup& upstream) const {
  Shape shape;
  for (const JobPlan::Edge& edge : plan_.edges()) {
    if (edge.upstream_object == ObjectId{} || edge.strategy->type() != pb::DISPATCH_NO_SHUFFLE) continue;
    if (group_[local(edge.downstream)] != group) continue;
    const std::vector<ActorPlacement>* actors = upstream(edge.upstream_object);
    if (actors == nullptr) return error(Code::Unavailable, "{} reads object {}, which is not running", plan_.name(), edge.upstream_object);
    Shape wanted = *actors;
    for (ActorPlacement& actor : wanted) {
      actor.actor = ActorId{};
      if (actor.vnodes.size() != plan_.vnode_count()) {
        return error(Code::InvalidDefinition, "{} has {} vnodes, what it reads without shuffle {}", plan_.name(), plan_.vnode_count(),
                     actor.vnodes.size());
      }
    }
    if (!shape.empty() && shape != wanted) {
      return error(Code::InvalidDefinition, "{} must lie like two upstreams that lie differently", plan_.name());
    }
    shape = std::move(wanted);
  }
  return shape;
}

}  // namespace penstock::meta
