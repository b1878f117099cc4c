// Rows that are to move are copied while the graph runs:
//
//   1. The nodes that are to own vnodes join the graph: they take part in its barriers from now on.
//   2. The first Checkpoint with all of them is committed: `order_copies` tells each new owner which vnodes to copy from whom. They keep
//      the files, which nobody lists.
//   3. All have answered, with or without success: the actors change over, by what is then the plan. Where that asks a new owner for
//      the same as before, it needs only what has changed since; where it does not, or the copying failed, all of it.
//
// Only the new owners know what they have copied. When the graph is reset they forget it; the next attempt changes over at once.
#include <algorithm>

#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

void CheckpointControl::copy_ahead(Now now, const RescaleJobs& command, RescalePlan plan, ControlEffects& out) {
  std::set<WorkerId> new_owners;
  for (const VnodeMove& move : plan.moves) new_owners.insert(move.to);
  join(new_owners, out);
  copying_ = CopyingAhead{.failed = command.failed, .moves = std::move(plan.moves), .began = now.mono};
  schedule_.want_checkpoint(now.mono);
}

void CheckpointControl::order_copies(Now now, const InflightBarrier& committed, ControlEffects& out) {
  const auto took_part = [&](const VnodeMove& move) { return committed.participants.contains({term_, move.to}); };
  if (copying_->epoch || !std::ranges::all_of(copying_->moves, took_part)) return;
  copying_->epoch = committed_;
  for (SendRequest& send : transfer_orders(copying_->moves, true)) {
    copying_->waiting.insert(send.worker);
    out.emplace_back(std::move(send));
  }
  if (copying_->waiting.empty()) stop_copying(now);
}

bool CheckpointControl::take_copied(Now now, const VnodesTransferred& event, ControlEffects& out) {
  if (!copying_ || from_pb(event.report.graph()) != term_ || !copying_->epoch || event.report.epoch() != copying_->epoch->value)
    return false;
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
  RescaleJobs command{.not_before = now.mono, .failed = copying_->failed, .copied = true, .took = now.mono - copying_->began};
  copying_.reset();
  queue_rescale(command);
}

}  // namespace penstock::meta
