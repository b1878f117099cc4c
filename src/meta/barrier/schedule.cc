#include "meta/barrier/schedule.h"

#include <algorithm>

namespace penstock::meta {

using runtime::Duration;
using runtime::TimePoint;

void BarrierSchedule::want_checkpoint(TimePoint now) {
  if (!wanted_since_) wanted_since_ = now;
}

void BarrierSchedule::checkpoint_at_once(TimePoint now) {
  want_checkpoint(now);
  at_once_ = true;
}

void BarrierSchedule::on_injected(TimePoint now, bool checkpoint) {
  last_barrier_ = now;
  ++since_checkpoint_;
  if (!checkpoint) return;
  last_checkpoint_ = now;
  since_checkpoint_ = 0;
  wanted_since_.reset();
  at_once_ = false;
}

std::optional<TimePoint> BarrierSchedule::early_due() const {
  if (!wanted_since_ || at_once_ || !last_checkpoint_) return wanted_since_;
  return std::max(*wanted_since_, *last_checkpoint_ + options_.early_gap);
}

TimePoint BarrierSchedule::due() const {
  const TimePoint periodic = last_barrier_ + options_.interval;
  const auto early = early_due();
  return early ? std::min(*early, periodic) : periodic;
}

bool BarrierSchedule::is_checkpoint(TimePoint now) const {
  const auto early = early_due();
  return since_checkpoint_ + 1 >= options_.checkpoint_frequency || (early && *early <= now);
}

Duration BackOff::next() {
  constexpr Duration kFirst = std::chrono::milliseconds(20);
  constexpr Duration kMost = std::chrono::seconds(5);
  const uint32_t attempt = attempts_++;
  if (attempt == 0) return Duration::zero();
  const Duration base = attempt > 8 ? kMost : std::min(kFirst * (1 << (attempt - 1)), kMost);
  // SplitMix64: good enough to keep databases from marching in step.
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  const int64_t quarter = base.count() / 4;
  return base - Duration(quarter) + Duration(static_cast<int64_t>((z ^ (z >> 31)) % static_cast<uint64_t>(quarter + 1)));
}

}  // namespace penstock::meta
