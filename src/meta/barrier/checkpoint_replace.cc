// A table whose plan has changed (ALTER TABLE … ADD COLUMN). The catalog and the plan are durable before anything is done here, so all that
// is left is to end what runs by the old plan:
//
//   1. `replace_plans`: a Checkpoint stops every actor of the database's graph. It is the last barrier of this term.
//   2. It is committed: `begin_replaced` resets the graph, which begins anew by the plans of the catalog.
//
// Whatever dies, and whenever: a recovery builds by the catalog too, from the last committed epoch, and there is nothing left to do here.
#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

bool CheckpointControl::replace_plans(Now now, ControlEffects& out) {
  std::vector<JobId> jobs;
  std::string names;
  for (const auto& [id, job] : graph_.jobs()) {
    jobs.push_back(id);
    const auto plan = env_.model.job(id);
    if (!plan || plan->record().plan_version() == job.plan->record().plan_version()) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", plan->name());
  }
  if (names.empty()) return false;
  const auto curr = next_epoch(now, out);
  if (!curr) return false;
  Injection injection;
  *injection.add("replace " + names).mutable_stop() = messages().stop(jobs);
  inject(now, *curr, pb::BARRIER_CHECKPOINT, std::move(injection), out);
  // Who asks for a flush wants to go on: it is answered when the new actors run.
  flushes_ = std::exchange(barriers_.back().flushes, {});
  replacing_ = Replacing{names, now.mono};
  return true;
}

void CheckpointControl::begin_replaced(Now now, ControlEffects& out) {
  const double millis = static_cast<double>((now.mono - replacing_->began).count()) / 1e6;
  out.emplace_back(EventHappened{
      "replace", fmt::format("the actors of the database are built anew for {}; barrier {:.0f} ms", replacing_->names, millis), {}, {}});
  state_ = reset_of_all(fmt::format("{} has another plan", replacing_->names));
  std::get<Resetting>(state_).lost_worker = true;  // nothing failed: no pause
  out.emplace_back(StatusChanged{});
}

}  // namespace penstock::meta
