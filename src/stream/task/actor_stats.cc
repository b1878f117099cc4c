#include "stream/task/actor_stats.h"

namespace penstock::stream {

std::string ActorStats::waiting_for() const {
  const uint64_t who = who_.load(std::memory_order_relaxed);
  const ActorId actor{static_cast<uint32_t>(who)};
  const FragmentId fragment{static_cast<uint32_t>(who >> 32)};
  const uint64_t epoch = awaited_.load(std::memory_order_relaxed);
  switch (what_.load(std::memory_order_relaxed)) {
    case WaitingFor::Nothing:
      return "";
    case WaitingFor::Input:
      return "input";
    case WaitingFor::Alignment:
      return fmt::format("input from fragment {} (actor {} has not sent barrier {})", fragment, actor, epoch);
    case WaitingFor::Subscription:
      return fmt::format("barrier {} from meta", epoch);
    case WaitingFor::Output:
      return fmt::format("output to actor {}: no budget", actor);
    case WaitingFor::Connection:
      return fmt::format("actor {} to connect", actor);
    case WaitingFor::StateRead:
      return "state read";
    case WaitingFor::Memory:
      return "memory: the next barrier, after which state can be evicted";
  }
  return "";
}

int64_t ActorStats::waiting_micros(runtime::TimePoint now) const {
  if (what_.load(std::memory_order_relaxed) == WaitingFor::Nothing) return 0;
  return std::max<int64_t>(0, now.nanos - since_.load(std::memory_order_relaxed)) / 1000;
}

}  // namespace penstock::stream
