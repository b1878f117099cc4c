#include "runtime/sim_runtime.h"

#include <cstring>
#include <limits>
#include <semaphore>

#include "common/check.h"
#include "runtime/thread.h"

namespace penstock::runtime {
namespace {

constexpr uint64_t kPoolId = 0;  // serial executors count from 1
constexpr size_t kThreadStack = size_t{64} << 20U;

}  // namespace

// Owned by the user's handle, and by the runtime until it has fired or was cancelled.
class SimRuntime::TimerEntry final : public Timer::Impl {
 public:
  TimerEntry(SimRuntime& sim, Job job) : sim_(sim), job_(std::move(job)) {}
  void cancel() override {
    const Job dropped = std::exchange(job_, nullptr);
    const auto found = sim_.timers_.find(key);
    if (found == sim_.timers_.end() || found->second.entry.get() != this) return;
    const Due removed = std::move(found->second);
    sim_.timers_.erase(found);
  }
  void run() {
    Job job = std::exchange(job_, nullptr);
    if (job) job();
  }

  TimerKey key{};

 private:
  SimRuntime& sim_;
  Job job_;
};

// A thread that runs only in its turn: the semaphores hand the turn over and back.
class SimRuntime::SimThread final : public std::enable_shared_from_this<SimThread> {
 public:
  SimThread(SimRuntime& sim, std::string_view name, Job body) : sim_(sim), name_(name), body_(std::move(body)) {}

  [[nodiscard]] bool ended() const { return ended_; }
  /// Returns when it waits or has ended.
  void run() {
    if (ended_) return;
    SimThread* const outer = std::exchange(sim_.current_, this);
    if (!thread_) {
      thread_ = std::make_unique<Thread>(name_, kThreadStack, [this] { live(); });
    } else {
      go_.release();
    }
    back_.acquire();
    sim_.current_ = outer;
    if (!ended_) return;
    const auto self = shared_from_this();
    thread_.reset();
    std::erase(sim_.threads_, self);
  }
  /// Called by itself: returns at its next turn.
  void give_turn_back() {
    back_.release();
    go_.acquire();
  }

 private:
  void live() {
    body_();
    body_ = nullptr;
    ended_ = true;
    back_.release();
  }

  SimRuntime& sim_;
  const std::string name_;
  Job body_;
  std::binary_semaphore go_{0}, back_{0};
  bool ended_ = false;
  std::unique_ptr<Thread> thread_;
};

class SimRuntime::SimWaiter final : public Waiter, public std::enable_shared_from_this<SimWaiter> {
 public:
  explicit SimWaiter(SimRuntime& sim) : sim_(sim) {}
  void notify() override {
    notified_ = true;
    if (waiting_ == nullptr || wake_posted_) return;
    wake_posted_ = true;
    sim_.pool_.post([self = shared_from_this()] {
      self->wake_posted_ = false;
      self->wake();
    });
  }
  bool wait_for(Duration timeout) override {
    const TimePoint end = sim_.now() + std::min(timeout, Duration::max() - Duration(sim_.now().nanos));
    if (sim_.stopped_) {
      sim_.advance_to(end.nanos);
    } else if (sim_.current_ != nullptr) {
      wait_on_thread(end);
    } else if (!sim_.run_until([this] { return notified_; }, timeout)) {
      sim_.advance_to(end.nanos);
    }
    return std::exchange(notified_, false);
  }

 private:
  void wait_on_thread(TimePoint end) {
    PENSTOCK_CHECK(waiting_ == nullptr, "two threads wait with one waiter");
    SimThread& self = *sim_.current_;
    const Timer timer = sim_.after(end - sim_.now(), sim_.pool_, [waiter = shared_from_this()] { waiter->wake(); });
    while (!notified_ && sim_.now() < end && !sim_.stopped_) {
      waiting_ = &self;
      self.give_turn_back();
      waiting_ = nullptr;
    }
    if (!notified_) sim_.advance_to(end.nanos);
  }
  void wake() {
    if (waiting_ != nullptr) waiting_->run();
  }

  SimRuntime& sim_;
  bool notified_ = false;
  bool wake_posted_ = false;
  SimThread* waiting_ = nullptr;  // lives while it waits
};

class SimRuntime::SerialHandle final : public Executor {
 public:
  SerialHandle(SimRuntime& sim, SerialRef serial) : sim_(sim), serial_(std::move(serial)) {}
  SerialHandle(const SerialHandle&) = delete;
  SerialHandle& operator=(const SerialHandle&) = delete;
  ~SerialHandle() override {
    serial_->closed = true;
    sim_.serials_.erase(serial_->id);
    const RingQueue<Job> dropped = std::move(serial_->jobs);
  }
  void post(Job job) override {
    if (serial_->closed) return;
    serial_->jobs.push(std::move(job));
    sim_.make_ready(serial_);
  }

 private:
  SimRuntime& sim_;
  SerialRef serial_;
};

SimRuntime::SimRuntime(Options options)
    : options_(options),
      choices_(options.seed),
      values_(SplitMix::mix(options.seed ^ 0x5EEDU)),
      pool_(*this),
      blocking_(*this),
      trace_(options.seed) {}

bool SimRuntime::step() {
  if (step_now()) return true;
  if (timers_.empty()) return false;
  advance_to(timers_.begin()->first.first);
  return step_now();
}

void SimRuntime::run_until_idle() {
  for (;;) {
    if (step_now()) continue;
    if (under_way_ == 0) return;
    advance_to(timers_.begin()->first.first);
  }
}

void SimRuntime::run_for(Duration time) {
  const TimePoint end = now_ + time;
  static_cast<void>(run_until([] { return false; }, time));
  advance_to(end.nanos);
}

bool SimRuntime::run_until(absl::FunctionRef<bool()> done, Duration limit) {
  const int64_t end = now_.nanos + std::min(limit.count(), std::numeric_limits<int64_t>::max() - now_.nanos);
  while (!done()) {
    if (now_.nanos > end) return false;
    if (step_now()) continue;
    if (timers_.empty() || timers_.begin()->first.first > end) return false;
    advance_to(timers_.begin()->first.first);
  }
  return true;
}

bool SimRuntime::step_now() {
  const size_t jobs = pool_jobs_.size() + ready_serials_.size();
  constexpr uint64_t kTimerOdds = 4;  // of a due timer against any number of ready jobs: one in four
  if (timer_due() && (jobs == 0 || choices_.below(kTimerOdds) == 0)) {
    fire_first_timer();
    return true;
  }
  if (jobs == 0) return false;
  const size_t choice = choices_.below(jobs);
  if (choice < pool_jobs_.size()) {
    run_pool_job(choice);
  } else {
    run_serial(choice - pool_jobs_.size());
  }
  return true;
}

void SimRuntime::fire_first_timer() {
  Due due = std::move(timers_.begin()->second);
  timers_.erase(timers_.begin());
  if (due.entry) {
    due.executor->post([entry = std::move(due.entry)] { entry->run(); });
  } else {
    --under_way_;
    due.executor->post(std::move(due.job));
  }
}

void SimRuntime::run_pool_job(size_t index) {
  std::swap(pool_jobs_[index], pool_jobs_.back());
  Job job = std::move(pool_jobs_.back());
  pool_jobs_.pop_back();
  run_job(job, kPoolId);
}

void SimRuntime::run_serial(size_t index) {
  std::swap(ready_serials_[index], ready_serials_.back());
  const SerialRef serial = std::move(ready_serials_.back());
  ready_serials_.pop_back();
  serial->ready = false;
  if (serial->jobs.empty()) return;  // closed
  Job job = serial->jobs.pop();
  serial->running = true;
  run_job(job, serial->id);
  serial->running = false;
  make_ready(serial);
}

void SimRuntime::make_ready(const SerialRef& serial) {
  if (serial->ready || serial->running || serial->jobs.empty()) return;
  serial->ready = true;
  ready_serials_.push_back(serial);
}

void SimRuntime::run_job(Job& job, uint64_t executor) {
  ++steps_;
  mix(executor);
  mix(static_cast<uint64_t>(now_.nanos));
  job();
  job = nullptr;
  now_ = now_ + options_.job_time;
}

void SimRuntime::end_threads() {
  while (!threads_.empty()) threads_.front()->run();
}

void SimRuntime::stop() {
  stopped_ = true;
  end_threads();
  // Destroying a job may cancel timers and drop executors; it cannot add any.
  while (!timers_.empty()) {
    const Due dropped = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    if (dropped.entry) dropped.entry->cancel();
  }
  under_way_ = 0;
  while (!serials_.empty()) {
    Serial& serial = *serials_.begin()->second;
    serials_.erase(serials_.begin());
    serial.closed = true;
    const RingQueue<Job> dropped = std::move(serial.jobs);
  }
  std::vector<Job> dropped;
  dropped.swap(pool_jobs_);
}

void SimRuntime::trace(std::string_view event) {
  mix(event.size());
  for (const char c : event) mix(static_cast<unsigned char>(c));
}

void SimRuntime::random_bytes(void* out, size_t size) {
  auto* at = static_cast<unsigned char*>(out);
  while (size > 0) {
    const uint64_t value = values_.next();
    const size_t part = std::min(size, sizeof value);
    std::memcpy(at, &value, part);
    at += part;
    size -= part;
  }
}

std::unique_ptr<Executor> SimRuntime::make_serial(std::string_view /*name*/, bool /*own_thread*/) {
  auto serial = std::make_shared<Serial>();
  serial->id = ++made_;
  serial->closed = stopped_;
  if (!stopped_) serials_.emplace(serial->id, serial.get());
  return std::make_unique<SerialHandle>(*this, std::move(serial));
}

SimRuntime::TimerKey SimRuntime::add_timer(Duration delay, Due due) {
  const int64_t wait = std::clamp<int64_t>(delay.count(), 0, std::numeric_limits<int64_t>::max() - now_.nanos);
  const TimerKey key{now_.nanos + wait, ++made_};
  if (!due.entry) ++under_way_;
  timers_.emplace(key, std::move(due));
  return key;
}

Timer SimRuntime::after(Duration delay, Executor& executor, Job job) {
  if (stopped_) return {};
  auto entry = std::make_shared<TimerEntry>(*this, std::move(job));
  entry->key = add_timer(delay, Due{&executor, nullptr, entry});
  return Timer(std::move(entry));
}

void SimRuntime::post_after(Duration delay, Executor& executor, Job job) {
  if (!stopped_) add_timer(delay, Due{&executor, std::move(job), nullptr});
}

std::shared_ptr<Waiter> SimRuntime::make_waiter() { return std::make_shared<SimWaiter>(*this); }

void SimRuntime::spawn_thread(std::string_view name, Job job) {
  if (stopped_) return;
  auto thread = std::make_shared<SimThread>(*this, name, std::move(job));
  threads_.push_back(thread);
  pool_.post([thread = std::move(thread)] { thread->run(); });
}

void SimRuntime::PoolExecutor::post(Job job) {
  if (!sim_.stopped_) sim_.pool_jobs_.push_back(std::move(job));
}

// A blocking job is one of the pool's once its delay is over: nothing else distinguishes it here.
void SimRuntime::BlockingExecutor::post(Job job) {
  const auto& options = sim_.options_;
  const auto spread = static_cast<uint64_t>((options.blocking_max - options.blocking_min).count());
  const Duration delay = options.blocking_min + Duration(static_cast<int64_t>(sim_.choices_.below(spread + 1)));
  sim_.post_after(delay, sim_.pool_, std::move(job));
}

}  // namespace penstock::runtime
