#include "sim/process.h"

#include "common/check.h"

namespace penstock::sim {

using runtime::Duration;
using runtime::Executor;
using runtime::Job;
using runtime::Timer;

// Runs its job once, if the process still lives; dropped, it drops the job.
class Process::Ticket {
 public:
  Ticket(WorkRef work, uint64_t number) : work_(std::move(work)), number_(number) {}
  Ticket(Ticket&&) = default;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket() {
    if (work_) const Job dropped = take();
  }
  void operator()() {
    Job job = take();
    if (!job) return;
    const WorkRef work = work_;
    ++work->running;
    job();
    job = nullptr;
    --work->running;
  }

 private:
  [[nodiscard]] Job take() {
    const auto found = work_->jobs.find(number_);
    if (found == work_->jobs.end()) return nullptr;
    Job job = std::move(found->second);
    work_->jobs.erase(found);
    return job;
  }

  WorkRef work_;
  uint64_t number_;
};

// The job goes to its executor when the time has come, and may still be cancelled there.
class Process::ProcessTimer final : public Timer::Impl, public std::enable_shared_from_this<ProcessTimer> {
 public:
  explicit ProcessTimer(Job job) : job_(std::move(job)) {}
  void start(runtime::Runtime& world, Duration delay, const WorkRef& work, Executor& executor) {
    inner_ = world.after(delay, world.pool(), admit(work, [self = shared_from_this(), &executor] {
                           if (!self->job_) return;  // cancelled, and the executor may be gone
                           executor.post([self] {
                             Job job = std::exchange(self->job_, nullptr);
                             if (job) job();
                           });
                         }));
  }
  void cancel() override {
    const Job dropped = std::exchange(job_, nullptr);
    inner_.cancel();
  }

 private:
  Job job_;
  Timer inner_;
};

Process::Process(runtime::Runtime& world)
    : world_(world), work_(std::make_shared<Work>()), pool_(work_, world.pool()), blocking_(work_, world.blocking()) {}

Process::Ticket Process::admit(const WorkRef& work, Job job) {
  const uint64_t number = ++work->last;
  if (work->alive) work->jobs.emplace(number, std::move(job));
  return {work, number};
}

void Process::Gate::post(Job job) {
  if (work_->alive) inner_.post(admit(work_, std::move(job)));
}

void Process::kill() {
  PENSTOCK_CHECK(!in_job(), "a process cannot be killed from its own job");
  work_->alive = false;
  // What a job owns may cancel timers and post, in vain.
  while (!work_->jobs.empty()) {
    const Job dropped = std::move(work_->jobs.begin()->second);
    work_->jobs.erase(work_->jobs.begin());
  }
}

std::unique_ptr<Executor> Process::make_serial(std::string_view name, bool own_thread) {
  return std::make_unique<Gate>(work_, world_.make_serial(name, own_thread));
}

Timer Process::after(Duration delay, Executor& executor, Job job) {
  if (!work_->alive) return {};
  auto timer = std::make_shared<ProcessTimer>(std::move(job));
  timer->start(world_, delay, work_, executor);
  return Timer(std::move(timer));
}

void Process::post_after(Duration delay, Executor& executor, Job job) {
  if (!work_->alive) return;
  world_.post_after(delay, world_.pool(), admit(work_, [&executor, job = std::move(job)]() mutable { executor.post(std::move(job)); }));
}

}  // namespace penstock::sim
