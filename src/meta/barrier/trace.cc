#include "meta/barrier/trace.h"

#include <algorithm>

namespace penstock::meta {

void BarrierTrace::merge(const pb::BarrierTimings& timings) {
  if (!timings.fragments().empty()) {
    first_collect = first_collect < 0 ? timings.first_collect_us() : std::min(first_collect, timings.first_collect_us());
    last_collect = std::max(last_collect, timings.last_collect_us());
  }
  sync = std::max(sync, timings.sync_us());
  for (const pb::FragmentTiming& timing : timings.fragments()) {
    const auto [found, is_new] = fragments.try_emplace(FragmentId{timing.fragment_id()});
    Fragment& fragment = found->second;
    fragment.first_collect = is_new ? timing.first_collect_us() : std::min(fragment.first_collect, timing.first_collect_us());
    if (is_new || timing.last_collect_us() > fragment.last_collect) {
      fragment.last_collect = timing.last_collect_us();
      fragment.last_actor = ActorId{timing.last_actor()};
    }
  }
}

void TraceRing::add(BarrierTrace trace) {
  traces_.push_back(std::move(trace));
  if (traces_.size() > kSize) traces_.pop_front();
}

BarrierTrace* TraceRing::find(Epoch curr) {
  for (auto trace = traces_.rbegin(); trace != traces_.rend(); ++trace) {
    if (trace->epoch.curr == curr) return &*trace;
  }
  return nullptr;
}

}  // namespace penstock::meta
