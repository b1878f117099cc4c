#include "stream/task/barrier_worker/inflight_barrier.h"

namespace penstock::stream {

bool ActorBook::add(ActorToBuild actor) {
  const auto number = free_.empty() ? static_cast<uint32_t>(entries_.size()) : free_.back();
  if (!numbers_.try_emplace(actor.actor, number).second) return false;
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    free_.pop_back();
  }
  entries_[number] = {actor.actor, actor.fragment, 0};
  return true;
}

std::optional<uint32_t> ActorBook::find(ActorId actor) const {
  const auto found = numbers_.find(actor);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::vector<ActorToBuild> ActorBook::actors() const {
  std::vector<ActorToBuild> out;
  out.reserve(numbers_.size());
  for (const auto& [actor, number] : numbers_) out.push_back({actor, entries_[number].fragment});
  std::ranges::sort(out, {}, &ActorToBuild::actor);
  return out;
}

void ActorBook::remove(uint32_t number) {
  numbers_.erase(entries_[number].actor);
  free_.push_back(number);
}

void InflightBarrier::note_collect(FragmentId fragment, ActorId actor, runtime::TimePoint now) {
  collected = std::max(collected, now);
  const auto [at, added] = places.try_emplace(fragment, static_cast<uint32_t>(fragments.size()));
  if (added) fragments.push_back({fragment, now, now, actor});
  FragmentTiming& timing = fragments[at->second];
  timing.first = std::min(timing.first, now);
  if (now < timing.last) return;
  timing.last = now;
  timing.last_actor = actor;
}

}  // namespace penstock::stream
