// Rows that are to move are copied while the graph runs:
//
//   1. A Checkpoint that stops nothing, in which the nodes that are to own vnodes take part from now on.
//   2. It is committed: `order_copies` tells each new owner which vnodes to copy from whom. They keep the files, which nobody lists.
//   3. All have answered, with or without success: the graph stops, by what is then the plan. Where that asks a new owner for the same as
//      before, it needs only what has changed since; where it does not, or the copying failed, all of it.
//
// Only the new owners know what they have copied. When the graph is reset they forget it; the next attempt stops the graph at once.
#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

CheckpointControl::Taken CheckpointControl::copy_ahead(Now now, RescaleJobs command, RescalePlan plan, ControlEffects& out) {
  const auto curr = next_epoch(now, out);
  if (!curr) return Taken::NotNow;
  std::set<WorkerId> new_owners;
  for (const VnodeMove& move : plan.moves) new_owners.insert(move.to);
  join(new_owners, out);
  command.copying = true;
  inject(now, *curr, pb::BARRIER_CHECKPOINT, Injection{.command = command}, out);
  copying_ = CopyingAhead{.command = command, .moves = std::move(plan.moves), .began = now.mono};
  return Taken::Yes;
}

void CheckpointControl::order_copies(Now now, ControlEffects& out) {
  copying_->epoch = committed_;
  for (SendRequest& send : transfer_orders(copying_->moves, true)) {
    copying_->waiting.insert(send.worker);
    out.emplace_back(std::move(send));
  }
  if (copying_->waiting.empty()) stop_copying(now);
}

bool CheckpointControl::take_copied(Now now, const VnodesTransferred& event, ControlEffects& out) {
  if (!copying_ || from_pb(event.report.graph()) != term_ || event.report.epoch() != copying_->epoch.value) return false;
  if (copying_->waiting.erase(event.worker) == 0) return false;
  if (event.report.failed()) {
    out.emplace_back(EventHappened{
        "rescale",
        fmt::format("rows could not be copied ahead, they are moved while the jobs stand still: {}", event.report.error().message()),
        {},
        {}});
  }
  if (copying_->waiting.empty()) stop_copying(now);
  return true;
}

// Also when the graph is reset meanwhile.
void CheckpointControl::stop_copying(Now now) {
  if (!copying_) return;
  RescaleJobs command{.not_before = now.mono, .failed = copying_->command.failed, .copied = true, .took = now.mono - copying_->began};
  copying_.reset();
  queue_rescale(command);
}

}  // namespace penstock::meta
