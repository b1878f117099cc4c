#pragma once

#include <absl/container/btree_map.h>

#include <memory>

#include "runtime/runtime.h"

namespace penstock::sim {

/// One process of a simulated cluster: a view of the common runtime whose work can be taken away.
///
/// Everything a node posts goes through its process: jobs, timers, executors. `kill` destroys what has not run, as the end of a real
/// process does, and from then on every job at once; so the node can be destroyed in the middle of the simulation while the others go on.
/// One thread, as the runtime of the simulation itself, which outlives the process; executors made here must not outlive it.
class Process final : public runtime::Runtime {
 public:
  explicit Process(runtime::Runtime& world);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() override { kill(); }

  /// Not from one of its own jobs.
  void kill();
  [[nodiscard]] bool alive() const { return work_->alive; }
  /// One of its jobs has begun and not ended: it waits.
  [[nodiscard]] bool in_job() const { return work_->running > 0; }

  runtime::TimePoint now() const override { return world_.now(); }
  int64_t unix_micros() const override { return world_.unix_micros(); }
  uint64_t random() override { return world_.random(); }
  void random_bytes(void* out, size_t size) override { world_.random_bytes(out, size); }
  runtime::Executor& pool() override { return pool_; }
  runtime::Executor& blocking() override { return blocking_; }
  std::unique_ptr<runtime::Executor> make_serial(std::string_view name, bool own_thread) override;
  runtime::Timer after(runtime::Duration delay, runtime::Executor& executor, runtime::Job job) override;
  void post_after(runtime::Duration delay, runtime::Executor& executor, runtime::Job job) override;
  std::shared_ptr<runtime::Waiter> make_waiter() override { return world_.make_waiter(); }
  void spawn_thread(std::string_view name, runtime::Job job) override { world_.spawn_thread(name, std::move(job)); }

 private:
  class Ticket;
  class ProcessTimer;

  /// Jobs that have not run, by number. What the world holds of a job is only its ticket.
  struct Work {
    bool alive = true;
    uint64_t last = 0;
    size_t running = 0;
    absl::btree_map<uint64_t, runtime::Job> jobs;
  };
  using WorkRef = std::shared_ptr<Work>;  // shared with tickets, which the world may keep longer than the process lives

  /// An executor of the world, or one that is owned.
  class Gate final : public runtime::Executor {
   public:
    Gate(WorkRef work, runtime::Executor& inner) : work_(std::move(work)), inner_(inner) {}
    Gate(WorkRef work, std::unique_ptr<runtime::Executor> inner) : work_(std::move(work)), owned_(std::move(inner)), inner_(*owned_) {}
    void post(runtime::Job job) override;

   private:
    const WorkRef work_;
    const std::unique_ptr<runtime::Executor> owned_;
    runtime::Executor& inner_;
  };

  [[nodiscard]] static Ticket admit(const WorkRef& work, runtime::Job job);

  runtime::Runtime& world_;
  const WorkRef work_;
  Gate pool_;
  Gate blocking_;
};

}  // namespace penstock::sim
