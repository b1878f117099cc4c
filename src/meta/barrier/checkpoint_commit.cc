#include "meta/barrier/checkpoint_control.h"

#include "common/check.h"
namespace penstock::meta {

// What the front has to go through: its reports are taken in, then it passes, or its commit is asked for.
bool CheckpointControl::step_front(Now now, ControlEffects& out) {
  if (barriers_.empty() || !barriers_.front().waiting.empty() || committing_) return false;
  InflightBarrier& front = barriers_.front();
  BarrierTrace* trace = traces_.find(front.epoch.curr);
  if (trace != nullptr) trace->collected = (now.mono - front.injected).count() / 1000;
  take_in(front);
  if (front.kind == pb::BARRIER_CHECKPOINT) {
    if (trace != nullptr) trace->commit_started = trace->collected;
    committing_ = true;
    out.emplace_back(CommitCheckpoint{make_record(front)});
    return true;
  }
  if (trace != nullptr) trace->outcome = "passed";
  if (tracker_.wants_checkpoint()) schedule_.want_checkpoint(now.mono);  // others wait for what is done to be durable
  const bool initial = front.kind == pb::BARRIER_INITIAL;
  barriers_.pop_front();
  forget_merged();
  if (initial) {
    state_ = Running{now.mono};
    schedule_.checkpoint_at_once(now.mono);
    if (failed_at_) {
      out.emplace_back(EventHappened{"recovered",
                                     fmt::format("term {} runs at epoch {}, {:.3f} s after the failure", term_.term, committed_,
                                                 static_cast<double>((now.mono - *failed_at_).count()) / 1e9),
                                     {},
                                     {}});
    }
    failed_at_.reset();
    out.emplace_back(StatusChanged{});
  }
  return true;
}

std::optional<Error> CheckpointControl::check_report(const BarrierCompleted& event) const {
  const Participant who{from_pb(event.report.graph()), event.worker};
  for (const InflightBarrier& barrier : barriers_) {
    if (barrier.epoch.prev.value == event.report.epoch()) {
      if (!barrier.waiting.contains(who)) break;
      if (barrier.kind == event.report.kind()) return std::nullopt;
      return error(Code::Protocol, "node {} completed epoch {} as {}, which is {}", event.worker, barrier.epoch.prev,
                   pb::BarrierKind_Name(event.report.kind()), pb::BarrierKind_Name(barrier.kind));
    }
    if (barrier.waiting.contains(who)) {
      return error(Code::Protocol, "node {} completed epoch {} before {}", event.worker, event.report.epoch(), barrier.epoch.prev);
    }
  }
  return error(Code::Protocol, "node {} completed epoch {}, which it does not owe", event.worker, event.report.epoch());
}

void CheckpointControl::take_in(InflightBarrier& barrier) {
  if (std::exchange(barrier.taken_in, true)) return;
  for (const auto& [who, report] : barrier.reports) {
    for (const pb::CreateProgress& progress : report.create_progress()) {
      tracker_.on_progress(ActorId{progress.actor_id()}, progress.done(), progress.rows());
    }
  }
}

CommitRecord CheckpointControl::make_record(InflightBarrier& barrier) {
  CommitRecord record{.database = database_, .graph = term_, .epoch = barrier.epoch.prev, .members = members_};
  for (auto& [who, report] : barrier.reports) {
    WorkerSegments segments{term_.graph, who.second, {}, {report.flushed_segments().begin(), report.flushed_segments().end()}};
    for (const pb::SegmentInfo& segment : report.segments()) segments.written.push_back(segment.ref());
    record.segments.push_back(std::move(segments));
    for (const pb::SourceProgress& progress : report.sources()) {
      const ActorId actor{progress.actor_id()};
      const auto at = graph_.find(actor);
      if (!at) continue;  // of a job that this barrier or a later one drops
      for (const pb::Split& split : progress.splits()) record.progress.push_back({at->job, ObjectId{progress.source_id()}, actor, split});
    }
  }
  for (const auto& [job, durable] : detached_) {
    if (!durable) record.detached.insert(job);
  }
  barrier.detached = record.detached;
  record.assigned = barrier.assigned;
  record.subscribing = barrier.subscribing;
  record.placed = barrier.placed;
  record.backfilled = tracker_.take_newly_done();
  for (const JobId job : tracker_.complete()) {
    // A job whose Add is in a later barrier is not to be finished with this one.
    const JobPlacement* durable = env_.model.placement(job);
    if (durable != nullptr || barrier.placed.contains(job)) record.finished.push_back(job);
  }
  return record;
}

void CheckpointControl::on(Now now, CheckpointCommitted& event, ControlEffects& out) {
  PENSTOCK_CHECK(committing_ && !barriers_.empty() && barriers_.front().epoch.prev == event.epoch, "commit of epoch {} was not asked for",
                 event.epoch);
  committing_ = false;
  const InflightBarrier front = std::move(barriers_.front());
  barriers_.pop_front();
  committed_ = event.epoch;
  if (BarrierTrace* trace = traces_.find(front.epoch.curr)) {
    trace->committed = (now.mono - front.injected).count() / 1000;
    trace->outcome = "committed";
  }
  std::set<TableId> changed;
  for (const auto& [who, report] : front.reports) {
    for (const pb::SegmentInfo& segment : report.segments())
      for (const uint32_t table : segment.tables()) changed.insert(TableId{table});
  }
  transactions_.on_committed(committed_, changed);
  forget_leaving();
  announce_commit(front, event, out);
  for (const FlushWaiter& waiter : front.flushes) out.emplace_back(FlushDone{waiter, term_, committed_});
  for (const JobId job : front.detached) {
    if (const auto detached = detached_.find(job); detached != detached_.end()) detached->second = true;
  }
  forget_merged();
  for (const JobId job : event.finished) finish_creation(now, job, out);
  // What a small backfill has read by now shows with the next checkpoint: whoever created the job, or comes after it, need not wait an
  // interval for that.
  if (front.starts_backfill) schedule_.want_checkpoint(now.mono);
  for (const Command& command : front.commands) {
    const auto* created = std::get_if<CreateJob>(&command);
    if (created != nullptr && tracker_.jobs().contains(created->job)) schedule_.want_checkpoint(now.mono);
  }
  out.emplace_back(StatusChanged{});
  if (front.carries<RescaleJobs>() && std::holds_alternative<Running>(state_)) begin_transfer(now, out);
  if (copying_ && std::holds_alternative<Running>(state_)) order_copies(now, front, out);
  if (replacing_ && barriers_.empty() && std::holds_alternative<Running>(state_)) begin_replaced(now, out);
}

void CheckpointControl::announce_commit(const InflightBarrier& barrier, const CheckpointCommitted& event, ControlEffects& out) {
  for (const auto& [graph, worker] : barrier.participants) {
    if (graph != term_ || !members_.contains(worker)) continue;
    SendRequest send{worker, {}};
    pb::CommitEpoch* commit = send.request.mutable_commit_epoch();
    to_pb(graph, commit->mutable_graph());
    for (const auto& [other, on] : barrier.participants) {
      if (on == worker && other != term_) to_pb(other, commit->add_with());
    }
    commit->set_epoch(event.epoch.value);
    if (const auto struck = event.struck_off.find(worker); struck != event.struck_off.end()) {
      commit->mutable_struck_off()->Assign(struck->second.begin(), struck->second.end());
    }
    commit->mutable_dropped_tables()->Assign(barrier.dropped_tables.begin(), barrier.dropped_tables.end());
    out.emplace_back(std::move(send));
  }
}

// Nothing runs any more: the nodes forget the graph, and whatever is created next begins a new term.
bool CheckpointControl::step_retire(ControlEffects& out) {
  if (!graph_.empty() || !barriers_.empty() || !ending_.empty() || members_.empty()) return false;
  for (const WorkerId worker : members_) {
    SendRequest send{worker, {}};
    to_pb(term_, send.request.mutable_remove_partial_graphs()->add_graphs());
    out.emplace_back(std::move(send));
  }
  members_.clear();
  joining_.clear();
  out.emplace_back(TermEnded{term_, committed_});
  end_transactions(out);
  term_.term = env_.ids.next_term();
  out.emplace_back(StatusChanged{});
  return true;
}

}  // namespace penstock::meta
