#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "common/epoch.h"
#include "common/ids.h"
#include "proto/control_stream.pb.h"

namespace penstock::meta {

/// The time line of one barrier. Microseconds since 1970 where it says `at`, otherwise since it was injected.
struct BarrierTrace {
  struct Fragment {
    int64_t first_collect = 0;
    int64_t last_collect = 0;
    ActorId last_actor;
  };
  EpochPair epoch;
  pb::BarrierKind kind = pb::BARRIER_BARRIER;
  std::string command;  // empty: periodic, or somebody wanted a checkpoint
  int64_t scheduled_at = 0;
  int64_t injected_at = 0;
  int64_t collected = -1;  // the last worker answered; -1: not yet, and so below
  int64_t first_collect = -1;
  int64_t last_collect = -1;
  int64_t sync = 0;  // the longest of the workers'
  int64_t commit_started = -1;
  int64_t committed = -1;
  std::map<FragmentId, Fragment> fragments;
  std::string outcome = "in flight";  // "passed" (nothing to commit), "committed", "failed"

  /// Takes in what a worker says of its part. Its clock starts with InjectBarrier, as ours does.
  void merge(const pb::BarrierTimings& timings);
};

/// The last traces of a database, oldest first; bounded. Those in flight are updated by `curr`.
class TraceRing {
 public:
  static constexpr size_t kSize = 1000;
  void add(BarrierTrace trace);
  [[nodiscard]] BarrierTrace* find(Epoch curr);
  [[nodiscard]] const std::deque<BarrierTrace>& traces() const { return traces_; }

 private:
  std::deque<BarrierTrace> traces_;
};

}  // namespace penstock::meta
