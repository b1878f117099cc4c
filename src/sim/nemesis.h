#pragma once

#include <string>
#include <vector>

#include "runtime/random.h"
#include "sim/cluster.h"

namespace penstock::sim {

/// How often what goes wrong: weights of the kinds of faults, and the time between two of them.
struct Faults {
  uint32_t kill_compute = 0;  // and start it again a little later
  uint32_t crash_in_io = 0;   // the same, at a random call to its disk
  uint32_t kill_meta = 0;
  uint32_t rival_meta = 0;     // another meta leads; the old one must go, and starts again
  uint32_t break_streams = 0;  // between two nodes: both hear of it
  uint32_t partition = 0;      // between two nodes: nobody hears of it, for a while
  uint32_t slow_network = 0;   // messages take up to 200 ms for a while
  uint32_t freeze = 0;         // of a compute: nobody hears of it, and it of nobody, as if its process was stopped; often for too long
  uint32_t disk_full = 0;      // of a compute, for a while
  uint32_t sync_fails = 0;     // of a compute: the next syncs of its disk fail, the process lives
  /// Beside those that come with time: one of them after each `Nemesis::ambush`, at any of so many messages of control streams; 0: none.
  uint32_t ambush = 0;
  runtime::Duration every_min = std::chrono::milliseconds(200);
  runtime::Duration every_max = std::chrono::milliseconds(2500);
  runtime::Duration down_max = std::chrono::milliseconds(1500);

  [[nodiscard]] uint32_t total() const {
    return kill_compute + crash_in_io + kill_meta + rival_meta + break_streams + partition + slow_network + freeze + disk_full + sync_fails;
  }
};

/// Breaks a cluster as its seed says, until `rest`. One thread; the cluster outlives it.
class Nemesis {
 public:
  Nemesis(Cluster& cluster, Faults faults, uint64_t seed);
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  void start() { schedule(); }
  /// Something delicate begins.
  void ambush();
  /// No more faults, and everything is as it should be again: links, disks, nodes started.
  void rest();

 private:
  void schedule();
  void strike();
  void kill_compute(size_t i);
  void crash_in_io(size_t i);
  void partition_some();
  void freeze(size_t i);
  void slow_network();
  void fill_disk(size_t i);
  void fail_syncs(size_t i);
  void later(runtime::Job job);
  [[nodiscard]] runtime::Duration between(runtime::Duration min, runtime::Duration max);
  [[nodiscard]] std::pair<std::string, std::string> two_nodes();

  Cluster& cluster_;
  const Faults faults_;
  runtime::SplitMix random_;
  const std::unique_ptr<runtime::Executor> executor_;
  bool resting_ = false;
  std::vector<runtime::Timer> timers_;
};

}  // namespace penstock::sim
