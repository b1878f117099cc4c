#include "sim/nemesis.h"

namespace penstock::sim {

using runtime::Duration;
using Call = storage::MemoryFileSystem::Call;

Nemesis::Nemesis(Cluster& cluster, Faults faults, uint64_t seed)
    : cluster_(cluster), faults_(faults), random_(seed), executor_(cluster.world().make_serial("nemesis", false)) {}

Duration Nemesis::between(Duration min, Duration max) {
  return min + Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>((max - min).count()) + 1)));
}

std::pair<std::string, std::string> Nemesis::two_nodes() {
  const auto names = cluster_.node_names();
  const size_t a = random_.below(names.size());
  const size_t b = (a + 1 + random_.below(names.size() - 1)) % names.size();
  return {names[a], names[b]};
}

void Nemesis::schedule() {
  if (resting_ || faults_.total() == 0) return;
  timers_.push_back(cluster_.world().after(between(faults_.every_min, faults_.every_max), *executor_, [this] {
    if (resting_) return;
    strike();
    schedule();
  }));
}

void Nemesis::ambush() {
  if (resting_ || faults_.total() == 0 || faults_.ambush == 0) return;
  cluster_.checker().after_messages(random_.below(faults_.ambush), [this] {
    executor_->post([this] {
      if (!resting_) strike();
    });
  });
}

void Nemesis::later(runtime::Job job) {
  timers_.push_back(
      cluster_.world().after(between(std::chrono::milliseconds(5), faults_.down_max), *executor_, [this, job = std::move(job)]() mutable {
        if (!resting_) job();
      }));
}

void Nemesis::strike() {
  uint64_t dice = random_.below(faults_.total());
  const auto is = [&](uint32_t weight) {
    if (dice < weight) return true;
    dice -= weight;
    return false;
  };
  const size_t victim = random_.below(cluster_.computes());
  if (is(faults_.kill_compute)) return kill_compute(victim);
  if (is(faults_.crash_in_io)) return crash_in_io(victim);
  if (is(faults_.kill_meta)) {
    cluster_.kill_meta();
    return later([this] { cluster_.start_meta(); });
  }
  if (is(faults_.rival_meta)) {
    cluster_.start_rival_meta();
    return later([this] {
      cluster_.kill_meta();
      cluster_.start_meta();
    });
  }
  if (is(faults_.break_streams)) {
    const auto [a, b] = two_nodes();
    cluster_.journal().note("streams between {} and {} break", a, b);
    return cluster_.network().break_streams(a, b);
  }
  if (is(faults_.partition)) return partition_some();
  if (is(faults_.slow_network)) return slow_network();
  if (is(faults_.freeze)) return freeze(victim);
  if (is(faults_.sync_fails)) return fail_syncs(victim);
  fill_disk(victim);
}

void Nemesis::kill_compute(size_t i) {
  if (!cluster_.may_kill_compute(i)) return;
  cluster_.kill_compute(i);
  later([this, i] { cluster_.start_compute(i); });
}

// From that call on the disk refuses everything, as if the process had ended in it; soon afterwards it has.
void Nemesis::crash_in_io(size_t i) {
  if (!cluster_.has_compute(i)) return;
  const uint64_t last = cluster_.files(i).calls() + random_.below(40);
  cluster_.journal().note("the disk of compute-{} fails from call {} on", i, last);
  auto& files = cluster_.files(i);
  files.set_fault([&files, last](Call, const std::string& path) -> Status {
    return files.calls() < last ? ok() : Status(error(Code::Io, "{}: the process has ended", path));
  });
  later([this, i] {
    cluster_.files(i).set_fault(nullptr);
    if (!cluster_.may_kill_compute(i)) return;
    cluster_.kill_compute(i);
    cluster_.start_compute(i);
  });
}

void Nemesis::partition_some() {
  const auto [a, b] = two_nodes();
  cluster_.journal().note("{} and {} are cut off from each other", a, b);
  cluster_.network().partition(a, b);
  // Sometimes longer than anybody's patience.
  const Duration time = random_.below(3) == 0 ? between(std::chrono::seconds(9), std::chrono::seconds(13))
                                              : between(std::chrono::milliseconds(10), std::chrono::seconds(3));
  timers_.push_back(cluster_.world().after(time, *executor_, [this, a, b] {
    cluster_.journal().note("{} and {} hear each other again", a, b);
    cluster_.network().heal(a, b);
  }));
}

void Nemesis::freeze(size_t i) {
  const auto names = cluster_.node_names();
  const std::string frozen = fmt::format("compute-{}", i);
  cluster_.journal().note("{} is frozen", frozen);
  for (const std::string& other : names) {
    if (other != frozen) cluster_.network().partition(frozen, other);
  }
  timers_.push_back(cluster_.world().after(between(std::chrono::seconds(2), std::chrono::seconds(15)), *executor_, [this, frozen, names] {
    cluster_.journal().note("{} goes on", frozen);
    for (const std::string& other : names) {
      if (other != frozen) cluster_.network().heal(frozen, other);
    }
  }));
}

void Nemesis::fill_disk(size_t i) {
  auto& files = cluster_.files(i);
  const auto total = files.total_bytes("/data"), free = files.free_bytes("/data");
  if (total.has_error() || free.has_error()) return;
  cluster_.journal().note("the disk of compute-{} is full", i);
  files.set_capacity(total.value() - free.value() + random_.below(64 << 10));
  timers_.push_back(cluster_.world().after(between(std::chrono::milliseconds(300), std::chrono::seconds(4)), *executor_, [this, i] {
    cluster_.journal().note("the disk of compute-{} has space again", i);
    cluster_.files(i).set_capacity(uint64_t{1} << 40U);
  }));
}

void Nemesis::fail_syncs(size_t i) {
  if (!cluster_.has_compute(i)) return;
  cluster_.journal().note("the disk of compute-{} cannot sync", i);
  const auto left = std::make_shared<uint64_t>(1 + random_.below(3));  // shared by copies of the fault
  cluster_.files(i).set_fault([left](Call call, const std::string& path) -> Status {
    if (call != Call::Sync || *left == 0) return ok();
    --*left;
    return error(Code::Io, "{}: the disk cannot sync", path);
  });
}

void Nemesis::slow_network() {
  cluster_.journal().note("the network is slow");
  cluster_.network().set_delay(std::chrono::milliseconds(1), std::chrono::milliseconds(200));
  later([this] {
    cluster_.journal().note("the network is fast again");
    cluster_.network().set_delay(cluster_.options().min_delay, cluster_.options().max_delay);
  });
}

void Nemesis::rest() {
  resting_ = true;
  timers_.clear();
  cluster_.journal().note("no more faults");
  cluster_.checker().after_messages(0, nullptr);
  cluster_.network().heal_all();
  cluster_.network().set_delay(cluster_.options().min_delay, cluster_.options().max_delay);
  cluster_.start_meta();
  for (size_t i = 0; i < cluster_.computes(); ++i) {
    cluster_.files(i).set_fault(nullptr);
    cluster_.files(i).set_capacity(uint64_t{1} << 40U);
    cluster_.start_compute(i);
  }
}

}  // namespace penstock::sim
