// DROP does not wait for barriers: a dropped job that never passes the one in flight, and so would never see its Stop, is left behind.
#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

void CheckpointControl::note_leaving(const std::vector<JobId>& jobs) {
  for (const JobId id : jobs) {
    const InflightGraph::Job* job = graph_.job(id);
    if (job == nullptr) continue;
    for (const auto& [fragment, actors] : job->placement.fragments) {
      for (const ActorPlacement& actor : actors) leaving_.insert(actor.actor);
    }
  }
}

/// A barrier has committed: if no Stop is on its way any more, nobody is leaving.
void CheckpointControl::forget_leaving() {
  const auto drops = [](const Command& command) { return std::holds_alternative<DropJobs>(command); };
  const bool waiting = std::ranges::any_of(commands_, drops);
  const bool out = std::ranges::any_of(barriers_, [](const InflightBarrier& barrier) { return barrier.carries<DropJobs>(); });
  if (!waiting && !out) leaving_.clear();
}

std::optional<runtime::TimePoint> CheckpointControl::next_drop_check() const {
  constexpr runtime::Duration kBetween = std::chrono::seconds(1);
  if (leaving_.empty() || !std::holds_alternative<Running>(state_) || barriers_.empty() || barriers_.front().waiting.empty())
    return std::nullopt;
  const runtime::TimePoint at = barriers_.front().injected + options_.drop_patience;
  return culprits_wanted_ ? std::max(at, *culprits_wanted_ + kBetween) : at;
}

void CheckpointControl::check_drops(Now now, ControlEffects& out) {
  const auto at = next_drop_check();
  if (!at || now.mono < *at) return;
  culprits_wanted_ = now.mono;
  out.emplace_back(CulpritsWanted{barriers_.front().epoch.prev});
}

void CheckpointControl::on(Now now, const CulpritsNamed& event, ControlEffects& out) {
  const bool asked = next_drop_check().has_value() && barriers_.front().epoch.prev == event.prev;
  const bool all_leave = std::ranges::all_of(event.actors, [&](ActorId actor) { return leaving_.contains(actor); });
  if (!asked || event.actors.empty() || !all_leave) return;
  fail(now, fmt::format("barrier {} waited for a job that was dropped: its database goes on without it", event.prev), std::nullopt, true,
       out);
}

}  // namespace penstock::meta
