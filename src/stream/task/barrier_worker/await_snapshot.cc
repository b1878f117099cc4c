#include "stream/task/barrier_worker/await_snapshot.h"

#include "proto/inspect.pb.h"

namespace penstock::stream {
namespace {

uint64_t age_micros(runtime::Duration d) { return static_cast<uint64_t>(std::max<int64_t>(0, d.count()) / 1000); }

void add_actor(const ActorStatus& actor, pb::ActorWait& out) {
  out.set_actor_id(actor.actor.value);
  out.set_fragment_id(actor.fragment.value);
  out.set_job_id(actor.job.value);
  out.set_wait(static_cast<pb::WaitKind>(actor.wait.what));
  out.set_on_actor(actor.wait.actor.value);
  out.set_on_fragment(actor.wait.fragment.value);
  out.set_epoch_awaited(actor.wait.awaited.value);
  out.set_since_us(static_cast<uint64_t>(actor.wait.micros));
  out.set_epoch(actor.epoch.value);
  out.set_rows_in(actor.rows_in);
  out.set_rows_out(actor.rows_out);
  // Of those that wait for others it does not matter.
  const WaitingFor what = actor.wait.what;
  if (what == WaitingFor::Nothing || what == WaitingFor::StateRead || what == WaitingFor::Sleep) out.set_at_work(actor.at_work);
}

void add_barrier(const BarrierStatus& barrier, pb::WorkerBarrier& out) {
  out.set_graph_id(barrier.graph.graph.value);
  out.set_term(barrier.graph.term.value);
  out.set_prev(barrier.epoch.prev.value);
  out.set_curr(barrier.epoch.curr.value);
  out.set_state(std::string(barrier.state));
  out.set_age_us(age_micros(barrier.age));
  for (const ActorId actor : barrier.missing) out.add_missing_actors(actor.value);
}

}  // namespace

pb::WorkerSnapshot make_await_snapshot(const ManagedBarrierState& state, std::span<const ActorStatus> actors,
                                       std::span<const TaskBook::Task> tasks, runtime::TimePoint now) {
  pb::WorkerSnapshot out;
  for (const ActorStatus& actor : actors) add_actor(actor, *out.add_actors());
  for (const BarrierStatus& barrier : state.barriers(now)) add_barrier(barrier, *out.add_barriers());
  for (const TaskBook::Task& task : tasks) {
    auto& added = *out.add_tasks();
    added.set_what(task.what);
    added.set_since_us(age_micros(now - task.since));
  }
  return out;
}

}  // namespace penstock::stream
