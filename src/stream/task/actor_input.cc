#include "stream/task/actor_input.h"

#include <absl/container/flat_hash_set.h>

#include "common/check.h"
#include "proto/control_stream.pb.h"

namespace penstock::stream {

Result<Merge::Item> ActorInput::next() {
  if (arrived_ || !merge_.has_channels()) return from_subscription();
  PENSTOCK_TRY(Merge::Item item, merge_.next());
  if (!std::holds_alternative<Barrier>(item)) return item;
  arrived_ = true;
  return from_subscription();
}

bool ActorInput::announced() {
  if (announced_) return true;
  if (!ask_) return false;
  announced_ = subscription_->next();
  ask_ = announced_.has_value();
  return ask_;
}

Result<Merge::Item> ActorInput::from_subscription() {
  if (!announced()) return Merge::Item{};
  std::optional<Barrier> barrier = std::exchange(announced_, std::nullopt);
  const EpochPair epoch = barrier->epoch;
  if (epoch.prev != expected_.prev || (!begun_ && epoch != expected_) || epoch.curr <= epoch.prev) {
    return error(Code::Protocol, "barrier {}..{} does not continue the chain, which ends at {}", epoch.prev, epoch.curr, expected_.prev);
  }
  if (const auto& through = merge_.arriving(); arrived_ && (through->epoch != epoch || through->kind != barrier->kind)) {
    return error(Code::Protocol, "barrier {}..{} came through exchange where meta sent {}..{}", through->epoch.prev, through->epoch.curr,
                 epoch.prev, epoch.curr);
  }
  return Merge::Item{*std::move(barrier)};
}

void ActorInput::pass_barrier(const Barrier& barrier) {
  begun_ = true;
  expected_.prev = barrier.epoch.curr;
  if (std::exchange(arrived_, false)) merge_.pass_barrier();
  if (!merge_.has_channels() || !barrier.mutation) return;
  // New outputs lead to a job that may be far slower than what runs.
  if (barrier.mutation->has_add() && !barrier.mutation->add().dispatchers().empty()) merge_.begin_windows_anew();
  if (!barrier.mutation->has_stop()) return;
  absl::flat_hash_set<ActorId> stopped;
  for (const uint32_t actor : barrier.mutation->stop().actors()) stopped.insert(ActorId{actor});
  merge_.remove_upstreams(stopped);
}

void ActorInput::stand_by(ActorId actor, BarrierPasser* passer, uint32_t may_pass, const runtime::Runtime& clock) {
  if (!begun_ || arrived_ || announced_ || !merge_.has_channels()) return;
  standing_by_ = merge_.stand_by(actor, expected_.prev, passer, may_pass, clock);
}

std::optional<Standby::Record> ActorInput::resume(const runtime::Runtime& clock) {
  if (!std::exchange(standing_by_, false)) return std::nullopt;
  Standby::Record record = merge_.resume(clock.now());
  if (record.passed) {
    expected_.prev = record.passed->curr;
    subscription_->skip_to(expected_.prev);
  }
  return record;
}

void ActorInput::note_wait(ActorStats& stats, runtime::TimePoint now) const {
  if (const Merge::Upstream* missing = merge_.missing()) {
    stats.wait(WaitingFor::Alignment, now, missing->actor, missing->fragment, merge_.arriving()->epoch.prev);
  } else if (arrived_) {
    stats.wait(WaitingFor::Subscription, now, {}, {}, merge_.arriving()->epoch.prev);
  } else {
    stats.wait(WaitingFor::Input, now);
  }
}

}  // namespace penstock::stream
