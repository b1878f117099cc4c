#include "bench/agent/stage_runner.h"

#include "bench/agent/script.h"

namespace penstock::bench {
namespace {

constexpr size_t kMaxErrors = 5;
constexpr size_t kMaxMarks = 1000;
constexpr uint64_t kHopeless = 1000;  // failures one after the other
constexpr size_t kMaxSeconds = 100'000;
constexpr size_t kMaxPoints = 1800;    // of the throughput over time
constexpr uint64_t kSampleEvery = 16;  // operations, for the live figure

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

void add_seconds(const std::vector<pb::BenchSecond>& seconds, pb::BenchSummary& summary) {
  while (static_cast<size_t>(summary.seconds_size()) < seconds.size()) summary.add_seconds();
  for (size_t i = 0; i < seconds.size(); ++i) {
    pb::BenchSecond& all = *summary.mutable_seconds(static_cast<int>(i));
    all.set_operations(all.operations() + seconds[i].operations());
    all.set_bytes(all.bytes() + seconds[i].bytes());
  }
}

}  // namespace

StageRunner::StageRunner(const Stage& stage, uint32_t index, RunResources& resources, StageThreads& threads, std::string log_file)
    : stage_(stage),
      warmup_(stage.warmup()),
      index_(index),
      resources_(resources),
      runtime_(resources.runtime()),
      threads_(threads),
      log_file_(std::move(log_file)) {}

void StageRunner::start(runtime::Job begun, Done done) {
  threads_.run([self = shared_from_this(), begun = std::move(begun), done = std::move(done)]() mutable {
    begun();
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

std::shared_ptr<runtime::Waiter> StageRunner::make_waiter() {
  auto waiter = runtime_.make_waiter();
  const MutexLock lock(mutex_);
  waiters_.push_back(waiter);
  return waiter;
}

bool StageRunner::over() const {
  if (stop_.load(std::memory_order_relaxed)) return true;
  return stage_.has_duration() && runtime_.now().nanos - started_.load(std::memory_order_relaxed) >= stage_.duration.count();
}

bool StageRunner::take_task(Lane& lane) {
  const uint64_t limit = lane.task_limit.load(std::memory_order_relaxed);
  return limit == 0 || lane.tasks.fetch_add(1, std::memory_order_relaxed) < limit;
}

runtime::TimePoint StageRunner::counts_from() const { return runtime::TimePoint{started_.load(std::memory_order_relaxed)} + warmup_; }

pb::BenchSummary StageRunner::summary() const {
  pb::BenchSummary summary;
  summary.set_stage(index_);
  summary.set_name(stage_.name);
  return summary;
}

Result<pb::BenchSummary> StageRunner::perform() {
  if (stage_.completion == Completion::ScriptExit) return perform_script();
  make_lanes();
  if (stage_.type != StageType::Preflight && stage_.type != StageType::Cleanup) return perform_load();
  const runtime::TimePoint begun = runtime_.now();
  for (const auto& lane : lanes_) {
    PENSTOCK_TRY(stage_.type == StageType::Preflight ? lane->workload->validate() : lane->workload->clean());
  }
  pb::BenchSummary result = summary();
  result.set_elapsed_nanos(nanos(runtime_.now() - begun));
  return result;
}

Result<pb::BenchSummary> StageRunner::perform_script() {
  const auto waiter = make_waiter();
  PENSTOCK_TRY(pb::BenchSummary result, run_script(stage_, resources_, log_file_, *waiter, stop_));
  result.set_stage(index_);
  result.set_name(stage_.name);
  return result;
}

void StageRunner::make_lanes() {
  for (const StageWorkload& share : stage_.workloads) {
    if (!share.is_of(resources_.agent())) continue;
    auto lane = std::make_unique<Lane>();
    const bool chaos = std::holds_alternative<ChaosOptions>(share.options);
    lane->warms_up = !chaos;
    lane->counts_tasks = !chaos || stage_.workloads.size() == 1;
    lane->workload = make_workload(share.options, resources_, stop_);
    lanes_.push_back(std::move(lane));
  }
}

Status StageRunner::make_workers(Lane& lane) {
  const uint32_t threads = lane.workload->load().concurrency;
  lane.shares = std::vector<Share>(threads);
  uint64_t planned = 0;
  for (uint32_t i = 0; i < threads; ++i) {
    PENSTOCK_TRY(auto worker, lane.workload->make_worker(i));
    planned += worker->tasks().value_or(0);
    lane.workers.push_back(std::move(worker));
    lane.shares[i].kinds.resize(lane.workload->kinds().size());
  }
  lane.task_limit = lane.counts_tasks && stage_.max_tasks > 0 ? stage_.max_tasks : planned;
  return ok();
}

Result<pb::BenchSummary> StageRunner::perform_load() {
  for (const auto& lane : lanes_) {
    PENSTOCK_TRY(make_workers(*lane));
  }
  started_ = runtime_.now().nanos;
  run_workers();
  for (const auto& lane : lanes_) {
    for (const Share& share : lane->shares) {
      if (share.fatal) return *share.fatal;
    }
  }
  return merge();
}

// The first worker has this thread.
void StageRunner::run_workers() {
  std::vector<std::pair<Lane*, uint32_t>> all;
  for (const auto& lane : lanes_) {
    for (uint32_t i = 0; i < lane->workers.size(); ++i) all.emplace_back(lane.get(), i);
  }
  if (all.empty()) return;
  const auto ended = runtime_.make_waiter();
  std::atomic<size_t> running{all.size() - 1};
  for (size_t i = 1; i < all.size(); ++i) {
    threads_.run([this, &running, ended, lane = all[i].first, index = all[i].second] {
      run_worker(*lane, index);
      const auto waiter = ended;  // `running` at 0 ends the other thread's wait, and with it the references
      if (running.fetch_sub(1) == 1) waiter->notify();
    });
  }
  run_worker(*all[0].first, all[0].second);
  while (running.load() > 0) (void)ended->wait_for(std::chrono::seconds(1));
}

bool StageRunner::wait_for_turn(runtime::TimePoint due, runtime::Waiter& waiter) const {
  while (!over()) {
    const Duration left = due - runtime_.now();
    if (left.count() <= 0) return true;
    (void)waiter.wait_for(std::min<Duration>(left, std::chrono::milliseconds(200)));
  }
  return false;
}

void StageRunner::run_worker(Lane& lane, uint32_t index) {
  const auto waiter = make_waiter();
  Worker& worker = *lane.workers[index];
  Share& share = lane.shares[index];
  const LoadShape& load = lane.workload->load();
  const runtime::TimePoint start{started_.load()};
  const double interval = load.rate > 0 ? 1e9 * load.concurrency / load.rate : 0;
  uint64_t failures = 0;
  const uint64_t own_tasks = worker.tasks().value_or(UINT64_MAX);
  for (uint64_t i = 0; i < own_tasks && !stop_; ++i) {
    if (const bool wanted = take_task(lane); worker.may_end() && (over() || !wanted)) break;
    runtime::TimePoint due = start;
    if (interval > 0) {
      due = start + Duration(static_cast<int64_t>((static_cast<double>(i) + static_cast<double>(index) / load.concurrency) * interval));
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
    count(lane, done.value(), interval > 0 ? due : begun, begun, share);
  }
  share.ended = runtime_.now();
}

void StageRunner::count(const Lane& lane, const Worker::Done& done, runtime::TimePoint due, runtime::TimePoint begun, Share& share) {
  const runtime::TimePoint now = runtime_.now();
  if (!done.mark.empty() && share.marks.size() < kMaxMarks) {
    pb::BenchMark& mark = share.marks.emplace_back();
    mark.set_seconds(static_cast<double>((begun - counts_from()).count()) / 1e9);
    mark.set_text(done.mark);
  }
  if (lane.warms_up && begun < counts_from()) {
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
  if (lane.workload->load().rate > 0) kind.corrected.record(nanos(latency + (begun - due)));
  const auto second = static_cast<size_t>(std::max<Duration>(now - counts_from(), Duration(0)) / std::chrono::seconds(1));
  if (lane.warms_up && second < kMaxSeconds) {
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

void StageRunner::merge_kinds(const Lane& lane, pb::BenchSummary& summary) const {
  const std::vector<std::string> names = lane.workload->kinds();
  for (size_t k = 0; k < names.size(); ++k) {
    Kind all;
    for (const Share& share : lane.shares) {
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
    if (lane.workload->load().rate > 0) operation.set_corrected(all.corrected.encode_compressed());
  }
}

pb::BenchSummary StageRunner::merge() const {
  pb::BenchSummary result = summary();
  runtime::TimePoint ended = counts_from();
  uint64_t warmup_operations = 0;
  for (const auto& lane : lanes_) {
    merge_kinds(*lane, result);
    for (const Share& share : lane->shares) {
      if (lane->warms_up || stage_.workloads.size() == 1) ended = std::max(ended, share.ended);  // chaos beside a load may take longer
      warmup_operations += share.warmup_operations;
      add_seconds(share.seconds, result);
      for (const pb::BenchMark& mark : share.marks) *result.add_marks() = mark;
      for (const std::string& text : share.errors) {
        if (static_cast<size_t>(result.notes_size()) < kMaxErrors) result.add_notes("failed: " + text);
      }
    }
    for (const auto& [name, value] : lane->workload->values()) (*result.mutable_values())[name] = value;
  }
  limit_seconds(result);
  result.set_elapsed_nanos(nanos(ended - counts_from()));
  result.set_warmup_nanos(nanos(warmup_));
  if (warmup_operations > 0) (*result.mutable_values())["warmup_operations"] = static_cast<double>(warmup_operations);
  return result;
}

// Of the workload that is least far.
double StageRunner::progress_of_tasks() const {
  double progress = -1;
  for (const auto& lane : lanes_) {
    const uint64_t limit = lane->task_limit.load();
    if (limit == 0 || limit == UINT64_MAX) continue;
    const double share = static_cast<double>(lane->tasks.load()) / static_cast<double>(limit);
    progress = progress < 0 ? share : std::min(progress, share);
  }
  return progress;
}

StageRunner::Live StageRunner::live() const {
  Live live{.operations = operations_.load(), .errors = errors_.load(), .bytes = bytes_.load()};
  const int64_t started = started_.load();
  if (started == 0) return live;
  if (stage_.has_duration())
    live.progress = static_cast<double>(runtime_.now().nanos - started) / static_cast<double>(stage_.duration.count());
  if (!stage_.has_duration() || lanes_.size() == 1) live.progress = std::max(live.progress, progress_of_tasks());
  live.progress = std::min(live.progress, 1.0);
  const MutexLock lock(mutex_);
  const runtime::TimePoint now = runtime_.now();
  const Duration since = now - std::max(seen_at_, runtime::TimePoint{started});
  if (since.count() > 0) live.per_second = static_cast<double>(live.operations - seen_) * 1e9 / static_cast<double>(since.count());
  seen_at_ = now;
  seen_ = live.operations;
  live.p99_nanos = recent_.percentile(99);
  recent_ = Histogram(2);
  return live;
}

}  // namespace penstock::bench
