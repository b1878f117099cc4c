#include "bench/agent/stage_runner.h"

#include "bench/agent/script.h"

namespace penstock::bench {
namespace {

constexpr size_t kMaxErrors = 5;
constexpr uint64_t kHopeless = 1000;  // failures one after the other
constexpr size_t kMaxSeconds = 100'000;
constexpr size_t kMaxPoints = 1800;    // of the throughput over time
constexpr uint64_t kSampleEvery = 16;  // operations, for the live figure

LoadShape load_of(const WorkloadOptions& workload) {
  return std::visit(
      [](const auto& options) {
        if constexpr (requires { options.load; }) {
          return options.load;
        } else {
          return LoadShape{};
        }
      },
      workload);
}

uint64_t nanos(Duration duration) { return static_cast<uint64_t>(std::max<int64_t>(0, duration.count())); }

// So many seconds of one agent become one entry that its summary has at most kMaxPoints.
void limit_seconds(pb::BenchSummary& summary) {
  const auto points = static_cast<size_t>(summary.seconds_size());
  if (points <= kMaxPoints) return;
  const size_t width = (points + kMaxPoints - 1) / kMaxPoints;
  for (size_t i = 0; i < points; ++i) {
    pb::BenchSecond& wide = *summary.mutable_seconds(static_cast<int>(i / width));
    const pb::BenchSecond one = summary.seconds(static_cast<int>(i));
    if (i % width == 0) wide.Clear();
    wide.set_operations(wide.operations() + one.operations());
    wide.set_bytes(wide.bytes() + one.bytes());
  }
  const auto left = static_cast<int>((points + width - 1) / width);
  summary.mutable_seconds()->DeleteSubrange(left, static_cast<int>(points) - left);
  summary.set_second_width(static_cast<uint32_t>(width));
}

}  // namespace

StageRunner::StageRunner(const Stage& stage, uint32_t index, RunResources& resources, std::string log_file)
    : stage_(stage),
      load_(load_of(stage.workload)),
      index_(index),
      resources_(resources),
      runtime_(resources.runtime()),
      log_file_(std::move(log_file)) {}

void StageRunner::start(Done done) {
  runtime_.spawn_thread("bench-stage", [self = shared_from_this(), done = std::move(done)]() mutable {
    Result<pb::BenchSummary> summary = self->perform();
    self.reset();
    done(std::move(summary));
  });
}

void StageRunner::stop() {
  stop_ = true;
  const MutexLock lock(mutex_);
  for (const auto& waiter : waiters_) waiter->notify();
}

bool StageRunner::over() const {
  if (stop_.load(std::memory_order_relaxed)) return true;
  return stage_.has_duration() && runtime_.now().nanos - started_.load(std::memory_order_relaxed) >= stage_.duration.count();
}

bool StageRunner::take_task() {
  const uint64_t limit = task_limit_.load(std::memory_order_relaxed);
  return limit == 0 || tasks_.fetch_add(1, std::memory_order_relaxed) < limit;
}

Result<pb::BenchSummary> StageRunner::perform() {
  if (stage_.completion == Completion::ScriptExit) {
    const auto waiter = runtime_.make_waiter();
    {
      const MutexLock lock(mutex_);
      waiters_.push_back(waiter);
    }
    PENSTOCK_TRY(pb::BenchSummary summary, run_script(stage_, resources_, log_file_, *waiter, stop_));
    summary.set_stage(index_);
    summary.set_name(stage_.name);
    return summary;
  }
  const std::unique_ptr<Workload> workload = make_workload(stage_, resources_, stop_);
  if (stage_.type != StageType::Preflight && stage_.type != StageType::Cleanup) return run_load(*workload);
  const runtime::TimePoint begun = runtime_.now();
  PENSTOCK_TRY(stage_.type == StageType::Preflight ? workload->validate() : workload->clean());
  pb::BenchSummary summary;
  summary.set_stage(index_);
  summary.set_name(stage_.name);
  summary.set_elapsed_nanos(nanos(runtime_.now() - begun));
  return summary;
}

Result<pb::BenchSummary> StageRunner::run_load(Workload& workload) {
  const uint32_t threads = workload.load().concurrency;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Share> shares(threads);
  uint64_t planned = 0;
  for (uint32_t i = 0; i < threads; ++i) {
    PENSTOCK_TRY(auto worker, workload.make_worker(i));
    planned += worker->tasks().value_or(0);
    workers.push_back(std::move(worker));
    shares[i].kinds.resize(workload.kinds().size());
  }
  task_limit_ = stage_.max_tasks > 0 ? stage_.max_tasks : planned;
  const auto all_ended = runtime_.make_waiter();
  std::atomic<uint32_t> running{threads};
  started_ = runtime_.now().nanos;
  for (uint32_t i = 1; i < threads; ++i) {  // the first one's thread is this
    runtime_.spawn_thread("bench-worker", [&, i] {
      run_worker(*workers[i], i, shares[i]);
      const auto waiter = all_ended;  // `running` at 0 ends the other thread's wait, and with it the references
      if (running.fetch_sub(1) == 1) waiter->notify();
    });
  }
  run_worker(*workers[0], 0, shares[0]);
  running.fetch_sub(1);
  while (running.load() > 0) (void)all_ended->wait_for(std::chrono::seconds(1));
  for (const Share& share : shares) {
    if (share.fatal) return *share.fatal;
  }
  return merge(workload, shares);
}

bool StageRunner::wait_for_turn(runtime::TimePoint due, runtime::Waiter& waiter) const {
  while (!over()) {
    const Duration left = due - runtime_.now();
    if (left.count() <= 0) return true;
    (void)waiter.wait_for(std::min<Duration>(left, std::chrono::milliseconds(200)));
  }
  return false;
}

void StageRunner::run_worker(Worker& worker, uint32_t index, Share& share) {
  const auto waiter = runtime_.make_waiter();
  {
    const MutexLock lock(mutex_);
    waiters_.push_back(waiter);
  }
  const runtime::TimePoint start{started_.load()};
  const double interval = load_.rate > 0 ? 1e9 * load_.concurrency / load_.rate : 0;
  uint64_t failures = 0;
  const uint64_t own_tasks = worker.tasks().value_or(UINT64_MAX);
  for (uint64_t i = 0; i < own_tasks && !over() && take_task(); ++i) {
    runtime::TimePoint due = start;
    if (interval > 0) {
      due = start + Duration(static_cast<int64_t>((static_cast<double>(i) + static_cast<double>(index) / load_.concurrency) * interval));
      if (!wait_for_turn(due, *waiter)) break;
    }
    const runtime::TimePoint begun = runtime_.now();
    Result<Worker::Done> done = worker.next();
    if (done.has_error()) {
      share.fatal = done.error();
      return stop();
    }
    failures = done.value().error.empty() ? 0 : failures + 1;
    if (failures == kHopeless) {
      share.fatal = error(Code::Io, "{} operations failed one after the other, the last: {}", failures, done.value().error);
      return stop();
    }
    count(done.value(), interval > 0 ? due : begun, begun, share);
  }
  share.ended = runtime_.now();
}

void StageRunner::count(const Worker::Done& done, runtime::TimePoint due, runtime::TimePoint begun, Share& share) {
  const runtime::TimePoint now = runtime_.now();
  const runtime::TimePoint counts_from = runtime::TimePoint{started_.load(std::memory_order_relaxed)} + load_.warmup;
  if (begun < counts_from) {
    ++share.warmup_operations;
    return;
  }
  Kind& kind = share.kinds[done.kind];
  if (!done.error.empty()) {
    ++kind.errors;
    errors_.fetch_add(1, std::memory_order_relaxed);
    if (share.errors.size() < kMaxErrors) share.errors.push_back(done.error);
    return;
  }
  ++kind.count;
  kind.bytes += done.bytes;
  const Duration latency = done.latency.value_or(now - begun);
  kind.latency.record(nanos(latency));
  if (load_.rate > 0) kind.corrected.record(nanos(latency + (begun - due)));
  const auto second = static_cast<size_t>((now - counts_from) / std::chrono::seconds(1));
  if (second < kMaxSeconds) {
    if (share.seconds.size() <= second) share.seconds.resize(second + 1);
    share.seconds[second].set_operations(share.seconds[second].operations() + 1);
    share.seconds[second].set_bytes(share.seconds[second].bytes() + done.bytes);
  }
  bytes_.fetch_add(done.bytes, std::memory_order_relaxed);
  if (operations_.fetch_add(1, std::memory_order_relaxed) % kSampleEvery == 0) {
    const MutexLock lock(mutex_);
    recent_.record(nanos(latency));
  }
}

pb::BenchSummary StageRunner::merge(Workload& workload, std::vector<Share>& shares) const {
  pb::BenchSummary summary;
  summary.set_stage(index_);
  summary.set_name(stage_.name);
  const runtime::TimePoint start = runtime::TimePoint{started_.load()} + workload.load().warmup;
  runtime::TimePoint ended = start;
  uint64_t warmup_operations = 0;
  const std::vector<std::string> names = workload.kinds();
  for (size_t k = 0; k < names.size(); ++k) {
    Kind all;
    for (const Share& share : shares) {
      all.count += share.kinds[k].count;
      all.errors += share.kinds[k].errors;
      all.bytes += share.kinds[k].bytes;
      (void)all.latency.merge(share.kinds[k].latency);  // all have the same digits
      (void)all.corrected.merge(share.kinds[k].corrected);
    }
    if (all.count + all.errors == 0) continue;
    pb::BenchOperation& operation = *summary.add_operations();
    operation.set_name(names[k]);
    operation.set_count(all.count);
    operation.set_errors(all.errors);
    operation.set_bytes(all.bytes);
    operation.set_histogram(all.latency.encode_compressed());
    if (workload.load().rate > 0) operation.set_corrected(all.corrected.encode_compressed());
  }
  for (const Share& share : shares) {
    ended = std::max(ended, share.ended);
    warmup_operations += share.warmup_operations;
    while (static_cast<size_t>(summary.seconds_size()) < share.seconds.size()) summary.add_seconds();
    for (int i = 0; i < static_cast<int>(share.seconds.size()); ++i) {
      pb::BenchSecond& second = *summary.mutable_seconds(i);
      second.set_operations(second.operations() + share.seconds[static_cast<size_t>(i)].operations());
      second.set_bytes(second.bytes() + share.seconds[static_cast<size_t>(i)].bytes());
    }
    for (const std::string& text : share.errors) {
      if (static_cast<size_t>(summary.notes_size()) < kMaxErrors) summary.add_notes("failed: " + text);
    }
  }
  limit_seconds(summary);
  summary.set_elapsed_nanos(nanos(ended - start));
  summary.set_warmup_nanos(nanos(workload.load().warmup));
  for (const auto& [name, value] : workload.values()) (*summary.mutable_values())[name] = value;
  if (warmup_operations > 0) (*summary.mutable_values())["warmup_operations"] = static_cast<double>(warmup_operations);
  return summary;
}

StageRunner::Live StageRunner::live() const {
  Live live{.operations = operations_.load(), .errors = errors_.load(), .bytes = bytes_.load()};
  const int64_t started = started_.load();
  if (started == 0) return live;
  if (stage_.has_duration())
    live.progress = static_cast<double>(runtime_.now().nanos - started) / static_cast<double>(stage_.duration.count());
  const uint64_t limit = task_limit_.load();
  if (limit > 0) live.progress = std::max(live.progress, static_cast<double>(tasks_.load()) / static_cast<double>(limit));
  live.progress = std::min(live.progress, 1.0);
  const MutexLock lock(mutex_);
  live.p99_nanos = recent_.percentile(99);
  recent_ = Histogram(2);
  return live;
}

}  // namespace penstock::bench
