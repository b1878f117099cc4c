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
    case WaitingFor::Sleep:
      return "pg_sleep";
  }
  return "";
}

ActorWait ActorStats::record(runtime::TimePoint now) const {
  ActorWait out;
  const uint64_t who = who_.load(std::memory_order_relaxed);
  out.what = what_.load(std::memory_order_relaxed);
  out.micros = std::max<int64_t>(0, now.nanos - since_.load(std::memory_order_relaxed)) / 1000;
  for (size_t i = 0; i < kWaitKinds; ++i) out.total_micros[i] = waited_[i].load(std::memory_order_relaxed) / 1000;
  if (const uint32_t node = at_work_.load(std::memory_order_acquire); node != kNobody) out.at_work = node;
  if (out.what == WaitingFor::Nothing) return out;
  out.total_micros[static_cast<size_t>(out.what)] += out.micros;
  const bool names_actor = out.what == WaitingFor::Alignment || out.what == WaitingFor::Output || out.what == WaitingFor::Connection;
  if (names_actor) out.actor = ActorId{static_cast<uint32_t>(who)};
  if (out.what == WaitingFor::Alignment) out.fragment = FragmentId{static_cast<uint32_t>(who >> 32)};
  out.awaited = Epoch{awaited_.load(std::memory_order_relaxed)};
  return out;
}

}  // namespace penstock::stream
