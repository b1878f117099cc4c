// What monitoring wants to know of a database's barriers.
#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

CheckpointControl::Progress CheckpointControl::progress(Now now) const {
  constexpr std::string_view kStates[] = {"running", "resetting", "backing off", "blocked", "initializing"};
  static_assert(std::variant_size_v<State> == std::size(kStates));
  Progress out{.state = kStates[state_.index()],
               .in_flight = barriers_.size(),
               .stuck_after = stuck_limit(),
               .commands = commands_.size(),
               .waiting_command = waiting_command_};
  if (recovering() && !commands_.empty()) out.waiting_command = fmt::format("{} waits for the recovery", meta::describe(commands_.front()));
  if (const auto* blocked = std::get_if<Blocked>(&state_)) out.away = blocked->missing;
  if (copying_) out.moving_to = copying_->waiting;
  if (rescaling_) out.moving_to = rescaling_->waiting;
  if (barriers_.empty()) return out;
  const InflightBarrier& front = barriers_.front();
  Progress::Oldest& oldest = out.oldest.emplace(Progress::Oldest{.epoch = front.epoch, .age = now.mono - front.injected});
  oldest.command = meta::describe(front.commands);
  for (const auto& [graph, worker] : front.waiting) oldest.waiting.insert(worker);
  oldest.committing = committing_;
  return out;
}

std::string CheckpointControl::backfill_waits_for(JobId job, FragmentId fragment) const {
  std::vector<std::string> names;
  for (const FragmentId before : tracker_.awaited(job, fragment)) {
    const ObjectId upstream = tracker_.jobs().at(job).backfills.at(before).upstream;
    const pb::CatalogObject* object = env_.model.object(upstream);
    std::string name = object == nullptr ? fmt::format("{}", upstream) : object->name();
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string CheckpointControl::backfills_waiting(JobId id) const {
  const auto job = tracker_.jobs().find(id);
  std::string out;
  if (job == tracker_.jobs().end()) return out;
  for (const auto& [fragment, backfill] : job->second.backfills) {
    const std::string before = backfill_waits_for(id, fragment);
    if (before.empty()) continue;
    const pb::CatalogObject* object = env_.model.object(backfill.upstream);
    const std::string name = object == nullptr ? fmt::format("{}", backfill.upstream) : object->name();
    out += fmt::format("{}the backfill of {} waits for the backfill of {}", out.empty() ? "" : "; ", name, before);
  }
  return out;
}

std::string CheckpointControl::database_name() const {
  const auto record = env_.model.databases().find(database_);
  return record == env_.model.databases().end() ? fmt::format("{}", database_) : record->second.name();
}

}  // namespace penstock::meta
