#include "meta/placement/rescale.h"

#include <algorithm>
#include <set>

#include "meta/placement/fragment_ties.h"

namespace penstock::meta {
namespace {

bool is_candidate(std::span<const Candidate> candidates, WorkerId worker) {
  return std::ranges::find(candidates, worker, &Candidate::worker) != candidates.end();
}

std::map<WorkerId, uint32_t> actors_by_worker(const Shape& shape) {
  std::map<WorkerId, uint32_t> out;
  for (const ActorPlacement& actor : shape) ++out[actor.worker];
  return out;
}

Shape without_ids(Shape shape) {
  for (ActorPlacement& actor : shape) actor.actor = ActorId{};
  return shape;
}

/// How many actors each candidate should have: by cores, and among equals to the one that has most of them already.
std::map<WorkerId, uint32_t> shares(uint32_t wanted, uint32_t vnodes, const Shape& now, std::span<const Candidate> candidates) {
  uint32_t cores = 0;
  for (const Candidate& candidate : candidates) cores += std::max(candidate.parallelism, 1U);
  const uint32_t parallelism = std::min(wanted == 0 ? cores : wanted, vnodes);
  const auto has = actors_by_worker(now);
  const auto had = [&](WorkerId worker) {
    const auto found = has.find(worker);
    return found == has.end() ? 0U : found->second;
  };
  std::map<WorkerId, uint32_t> given;
  for (uint32_t i = 0; i < parallelism; ++i) {
    const auto cost = [&](const Candidate& c) {
      const uint32_t next = given[c.worker] + 1;
      return std::tuple(next / static_cast<double>(std::max(c.parallelism, 1U)), next > had(c.worker), c.worker);
    };
    const auto best = std::ranges::min_element(candidates, {}, cost);
    ++given[best->worker];
  }
  std::erase_if(given, [](const auto& entry) { return entry.second == 0; });
  return given;
}

bool stays(uint32_t wanted, uint32_t vnodes, const Shape& now, const std::map<WorkerId, uint32_t>& target,
           std::span<const Candidate> candidates) {
  if (wanted == 0) return actors_by_worker(now) == target;
  return now.size() == std::min(wanted, vnodes) &&
         std::ranges::all_of(now, [&](const ActorPlacement& actor) { return is_candidate(candidates, actor.worker); });
}

/// Every actor of `target` with an equal share of the vnodes; a node keeps what it has, as far as its share goes.
Shape reshape(uint32_t vnodes, const Shape& now, const std::map<WorkerId, uint32_t>& target) {
  std::vector<WorkerId> owner(vnodes);
  for (const ActorPlacement& actor : now) {
    for (const VNode v : actor.vnodes.list()) owner[v] = actor.worker;
  }
  uint64_t actors = 0;
  for (const auto& [worker, count] : target) actors += count;
  const auto share = [&](uint64_t i) { return static_cast<size_t>((i + 1) * vnodes / actors - i * vnodes / actors); };

  std::map<WorkerId, size_t> room;
  uint64_t next = 0;
  for (const auto& [worker, count] : target) {
    for (uint32_t n = 0; n < count; ++n) room[worker] += share(next++);
  }
  std::map<WorkerId, std::set<VNode>> has;
  std::vector<VNode> free;
  for (uint32_t v = 0; v < vnodes; ++v) {
    const auto at = room.find(owner[v]);
    if (at != room.end() && has[owner[v]].size() < at->second) {
      has[owner[v]].insert(static_cast<VNode>(v));
    } else {
      free.push_back(static_cast<VNode>(v));
    }
  }
  auto taken = free.begin();
  for (const auto& [worker, size] : room) {
    while (has[worker].size() < size) has[worker].insert(*taken++);
  }
  Shape out;
  next = 0;
  for (const auto& [worker, count] : target) {
    auto vnode = has[worker].begin();
    for (uint32_t n = 0; n < count; ++n) {
      VNodeBitmap own(vnodes);
      for (size_t left = share(next++); left > 0; --left) own.add(*vnode++);
      out.push_back({ActorId{}, worker, std::move(own)});
    }
  }
  return out;
}

Shape move_singleton(const Shape& now, std::span<const Candidate> candidates) {
  if (now.size() == 1 && is_candidate(candidates, now.front().worker)) return without_ids(now);
  const auto least = std::ranges::min_element(
      candidates, {}, [](const Candidate& c) { return static_cast<double>(c.actors) / std::max(c.parallelism, 1U); });
  Shape out = without_ids(now);
  for (ActorPlacement& actor : out) actor.worker = least->worker;
  return out;
}

void add_moves(const JobPlan::FragmentPlan& fragment, const Shape& before, const Shape& after, std::vector<VnodeMove>& out) {
  if (fragment.tables.empty() || before.empty()) return;
  const uint32_t vnodes = before.front().vnodes.size();
  std::map<VNode, WorkerId> owner;
  for (const ActorPlacement& actor : before) {
    for (const VNode v : actor.vnodes.list()) owner[v] = actor.worker;
  }
  std::map<std::pair<WorkerId, WorkerId>, VNodeBitmap> moved;  // to, from
  for (const ActorPlacement& actor : after) {
    for (const VNode v : actor.vnodes.list()) {
      const auto from = owner.find(v);
      if (from == owner.end() || from->second == actor.worker) continue;
      moved.try_emplace({actor.worker, from->second}, vnodes).first->second.add(v);
    }
  }
  std::vector<TableId> tables = fragment.tables;
  std::ranges::sort(tables);
  for (auto& [nodes, bitmap] : moved) out.push_back({nodes.second, nodes.first, tables, std::move(bitmap)});
}

}  // namespace

Result<RescalePlan> plan_rescale(std::span<const PlacedJob> jobs, std::span<const Candidate> candidates) {
  if (candidates.empty()) return error(Code::Unavailable, "no compute node that takes actors is connected");
  RescalePlan out;
  std::map<JobId, std::pair<const JobPlan*, const JobPlacement*>> placed;  // as they will be
  const UpstreamLookup upstream = [&](ObjectId object) -> const std::vector<ActorPlacement>* {
    const auto found = placed.find(object);
    if (found == placed.end() || found->second.first->materialize_fragment() == nullptr) return nullptr;
    return &found->second.second->fragments.at(found->second.first->materialize_fragment()->id);
  };
  for (const PlacedJob& job : jobs) {
    const JobPlan& plan = *job.plan;
    const FragmentTies ties(plan);
    JobPlacement next = *job.placement;
    bool changed = false;
    std::map<size_t, Shape> of_group;  // free groups that lay alike go on doing so, because `reshape` depends on nothing else
    for (size_t i = 0; i < plan.fragments().size(); ++i) {
      const JobPlan::FragmentPlan& fragment = plan.fragments()[i];
      const Shape& now = job.placement->fragments.at(fragment.id);
      const size_t group = ties.group(i);
      auto known = of_group.find(group);
      if (known == of_group.end()) {
        PENSTOCK_TRY(Shape shape, ties.dictated(group, upstream));
        if (shape.empty() && ties.singleton(group)) {
          shape = move_singleton(now, candidates);
        } else if (shape.empty()) {
          const uint32_t wanted = plan.record().graph().parallelism();
          const auto target = shares(wanted, plan.vnode_count(), now, candidates);
          shape = stays(wanted, plan.vnode_count(), now, target, candidates) ? without_ids(now) : reshape(plan.vnode_count(), now, target);
        }
        known = of_group.emplace(group, std::move(shape)).first;
      }
      if (known->second == without_ids(now)) continue;
      changed = true;
      add_moves(fragment, now, known->second, out.moves);
      next.fragments.at(fragment.id) = known->second;
    }
    if (!changed) {
      placed.emplace(plan.id(), std::pair(&plan, job.placement));
      continue;
    }
    const auto at = out.placements.insert_or_assign(plan.id(), std::move(next)).first;
    placed.emplace(plan.id(), std::pair(&plan, &at->second));
  }
  return out;
}

uint32_t count_new_actors(const RescalePlan& plan) {
  uint32_t count = 0;
  for (const auto& [job, placement] : plan.placements) {
    for (const auto& [fragment, actors] : placement.fragments) {
      count += static_cast<uint32_t>(std::ranges::count(actors, ActorId{}, &ActorPlacement::actor));
    }
  }
  return count;
}

void number_new_actors(RescalePlan& plan, ActorId first) {
  uint32_t next = first.value;
  for (auto& [job, placement] : plan.placements) {
    for (auto& [fragment, actors] : placement.fragments) {
      for (ActorPlacement& actor : actors) {
        if (actor.actor == ActorId{}) actor.actor = ActorId{next++};
      }
    }
  }
}

}  // namespace penstock::meta
