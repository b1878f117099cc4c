#include "stream/task/actor_stats.h"

#include <algorithm>

namespace penstock::stream {

std::string in_words(const ActorWait& wait) {
  switch (wait.what) {
    case WaitingFor::Nothing:
      return "";
    case WaitingFor::Input:
      return "input";
    case WaitingFor::Alignment:
      return fmt::format("input from fragment {} (actor {} has not sent barrier {})", wait.fragment, wait.actor, wait.awaited);
    case WaitingFor::Subscription:
      return fmt::format("barrier {} from meta", wait.awaited);
    case WaitingFor::Output:
      return fmt::format("output to actor {}: no budget", wait.actor);
    case WaitingFor::Connection:
      return fmt::format("actor {} to connect", wait.actor);
    case WaitingFor::StateRead:
      return "state read";
    case WaitingFor::Memory:
      return "memory: the next barrier, after which state can be evicted";
    case WaitingFor::Sleep:
      return "pg_sleep";
    case WaitingFor::Vnodes:
      return fmt::format("rows that move here, as of epoch {}", wait.awaited);
  }
  return "";
}

void ActorWait::align(ActorId upstream, FragmentId of, Epoch prev, runtime::Duration since) {
  if (what != WaitingFor::Input) return;
  const int64_t aligning = std::clamp<int64_t>(since.count() / 1000, 0, micros);
  what = WaitingFor::Alignment;
  actor = upstream;
  fragment = of;
  awaited = prev;
  micros = aligning;
  total_micros[static_cast<size_t>(WaitingFor::Input)] -= aligning;
  total_micros[static_cast<size_t>(WaitingFor::Alignment)] += aligning;
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
