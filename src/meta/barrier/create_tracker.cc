#include "meta/barrier/create_tracker.h"

#include <algorithm>

namespace penstock::meta {
namespace {

ObjectId upstream_of(const JobPlan& plan, FragmentId backfill) {
  for (const JobPlan::Edge& edge : plan.edges()) {
    if (edge.downstream == backfill && edge.upstream_object != ObjectId{}) return edge.upstream_object;
  }
  return {};
}

/// Whether no actor before the backfill is one of whom `is_missing`.
template <typename IsMissing>
bool nothing_before(const CreateTracker::Progress& job, const CreateTracker::Backfill& backfill, IsMissing is_missing) {
  return std::ranges::all_of(backfill.after,
                             [&](FragmentId before) { return std::ranges::none_of(job.backfills.at(before).actors, is_missing); });
}

}  // namespace

void CreateTracker::add(const JobPlan& plan, const JobPlacement& placement) {
  Progress job;
  for (const JobPlan::FragmentPlan& fragment : plan.fragments()) {
    if (!fragment.plan->has_scan()) continue;
    Backfill& backfill = job.backfills[fragment.id];
    backfill.upstream = upstream_of(plan, fragment.id);
    backfill.after = fragment.backfill_after;
    for (const ActorPlacement& actor : placement.fragments.at(fragment.id)) {
      backfill.actors.push_back(actor.actor);
      job.rows[actor.actor] = 0;
      if (!placement.backfilled.contains(actor.actor)) job.missing.insert(actor.actor);
    }
  }
  for (auto& [id, backfill] : job.backfills) {
    backfill.waits = !nothing_before(job, backfill, [&](ActorId actor) { return job.missing.contains(actor); });
  }
  jobs_.insert_or_assign(plan.id(), std::move(job));
}

void CreateTracker::on_progress(ActorId actor, bool done, uint64_t rows) {
  for (auto& [id, job] : jobs_) {
    const auto known = job.rows.find(actor);
    if (known == job.rows.end()) continue;
    known->second = rows;
    if (done && job.missing.erase(actor) > 0) job.newly_done.insert(actor);
    return;
  }
}

std::map<JobId, std::set<ActorId>> CreateTracker::take_newly_done() {
  std::map<JobId, std::set<ActorId>> out;
  for (auto& [id, job] : jobs_) {
    if (!job.newly_done.empty()) out[id] = std::exchange(job.newly_done, {});
  }
  return out;
}

std::vector<JobId> CreateTracker::complete() const {
  std::vector<JobId> out;
  for (const auto& [id, job] : jobs_) {
    if (job.missing.empty()) out.push_back(id);
  }
  return out;
}

bool CreateTracker::waits(JobId id, FragmentId fragment) const {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return false;
  const auto backfill = job->second.backfills.find(fragment);
  return backfill != job->second.backfills.end() && backfill->second.waits;
}

std::vector<CreateTracker::Place> CreateTracker::ready(const MetaModel& model) const {
  std::vector<Place> out;
  for (const auto& [id, job] : jobs_) {
    const JobPlacement* durable = model.placement(id);
    if (durable == nullptr || model.object(id) == nullptr) continue;
    for (const auto& [fragment, backfill] : job.backfills) {
      const auto is_missing = [&](ActorId actor) { return !durable->backfilled.contains(actor); };
      if (backfill.waits && nothing_before(job, backfill, is_missing)) out.push_back({id, fragment});
    }
  }
  return out;
}

bool CreateTracker::wants_checkpoint() const {
  return std::ranges::any_of(jobs_, [](const auto& entry) {
    const Progress& job = entry.second;
    const auto is_missing = [&](ActorId actor) { return job.missing.contains(actor); };
    return !job.newly_done.empty() && std::ranges::any_of(job.backfills, [&](const auto& backfill) {
      return backfill.second.waits && nothing_before(job, backfill.second, is_missing);
    });
  });
}

std::map<JobId, size_t> CreateTracker::unfinished() const {
  std::map<JobId, size_t> out;
  for (const auto& [id, job] : jobs_) {
    if (job.missing.empty()) continue;
    const auto waits = std::ranges::count_if(job.backfills, [](const auto& backfill) { return backfill.second.waits; });
    out[id] = static_cast<size_t>(waits);
  }
  return out;
}

std::vector<FragmentId> CreateTracker::awaited(JobId id, FragmentId fragment) const {
  std::vector<FragmentId> out;
  if (!waits(id, fragment)) return out;
  const Progress& job = jobs_.at(id);
  for (const FragmentId before : job.backfills.at(fragment).after) {
    const bool missing = std::ranges::any_of(job.backfills.at(before).actors, [&](ActorId actor) { return job.missing.contains(actor); });
    if (missing) out.push_back(before);
  }
  return out;
}

}  // namespace penstock::meta
