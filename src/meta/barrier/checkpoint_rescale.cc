// Jobs move to other nodes, or to another number of actors, with their state, while the rest of the graph runs:
//
//   0. New owners copy what they are to own (checkpoint_ahead.cc), so that 2 is quick. Nothing depends on it.
//   1. `take`: where should they be? A Checkpoint with the mutation Update ends the actors of fragments that change, and of all that read
//      from them, and begins those that take their place. These pass it on and then wait, so what is sent to them waits in the channels.
//   2. It is committed: `begin_transfer` tells each new owner which vnodes to pull from whom, as of that epoch. No barrier is injected.
//   3. All have answered with files that are durable: one transaction lists the files and flips ownership (`commit_rescale`).
//   4. A CommitEpoch tells every node which files to adopt and what it owns now: the actors that waited begin. Those of sources are given
//      their splits by the next barrier.
//
// Until 3 is durable, whatever fails is a failure of the graph as any other: it begins anew where it was, and files that no commit names
// are deleted when it does. After it, it begins where it is to be. So every step may be the last one of any process.
#include <algorithm>

#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

std::vector<Candidate> CheckpointControl::candidates() const {
  std::map<WorkerId, uint32_t> elsewhere;  // actors of other databases
  for (const auto& [id, plan] : env_.model.jobs()) {
    const JobPlacement* placement = plan->database() == database_ ? nullptr : env_.model.placement(id);
    if (placement == nullptr) continue;
    for (const auto& [fragment, actors] : placement->fragments) {
      for (const ActorPlacement& actor : actors) ++elsewhere[actor.worker];
    }
  }
  std::vector<Candidate> out;
  for (const WorkerId worker : env_.cluster.placeable()) {
    out.push_back({worker, env_.cluster.parallelism(worker), static_cast<uint32_t>(graph_.load(worker)) + elsewhere[worker]});
  }
  return out;
}

void CheckpointControl::queue_rescale(RescaleJobs command) {
  for (Command& other : commands_) {
    auto* queued = std::get_if<RescaleJobs>(&other);
    if (queued == nullptr) continue;
    queued->not_before = std::min(queued->not_before, command.not_before);
    queued->failed = std::max(queued->failed, command.failed);
    queued->copied = queued->copied || command.copied;
    queued->took = std::max(queued->took, command.took);
    return;
  }
  commands_.emplace_back(command);
}

void CheckpointControl::on(Now now, const RescaleWanted& event, ControlEffects&) {
  if (event.waiter) rescale_waiters_.push_back(*event.waiter);
  queue_rescale({.not_before = now.mono + event.delay});
}

// Nothing of a job that is being created, or was, is outside of the database's graph.
bool CheckpointControl::creations_settled() const {
  return tracker_.jobs().empty() && creating_.empty() && ending_.empty() && merging_.empty() && detached_.empty();
}

// Also jobs that are quarantined: their rows are read still. Not those whose nodes are away.
Result<RescalePlan> CheckpointControl::plan_new_placement() const {
  std::vector<PlacedJob> jobs;
  for (const auto& [id, plan] : env_.model.jobs()) {
    const JobPlacement* placement = env_.model.placement(id);
    const pb::CatalogObject* object = env_.model.object(id);
    if (plan->database() != database_ || placement == nullptr || object == nullptr || object->state() == pb::JOB_CREATING) continue;
    const bool here = std::ranges::all_of(placement->fragments, [&](const auto& fragment) {
      return std::ranges::all_of(fragment.second, [&](const ActorPlacement& actor) { return members_.contains(actor.worker); });
    });
    if (here) jobs.push_back({plan, placement});
  }
  if (jobs.empty()) return RescalePlan{};
  return plan_rescale(jobs, candidates());
}

CheckpointControl::Taken CheckpointControl::take(Now now, const RescaleJobs& command, Injection& injection, ControlEffects& out) {
  if (now.mono < command.not_before) return Taken::NotNow;
  rescale_looked_at_ = now.mono;
  if (copying_ || !injection.empty()) return Taken::NotNow;  // the end of the copying queues the command again
  if (!creations_settled()) {
    waiting_command_ = "rescale waits: jobs are being created";
    return Taken::NotNow;
  }
  auto planned = plan_new_placement();
  if (planned.has_error() || planned.value().empty()) {
    finish_rescale(planned.has_error() ? Status(planned.error()) : ok(), out);
    return Taken::Void;
  }
  if (command.failed >= options_.rescale_attempts) {
    finish_rescale(error(Code::Unavailable, "moving the actors failed {} times; they stay where they are", command.failed)
                       .with_hint("penstock_events says why."),
                   out);
    return Taken::Void;
  }
  RescalePlan plan = std::move(planned).value();
  const std::set<FragmentId> replaced = replace_downstream(plan);
  if (options_.copy_ahead && !command.copied && !plan.moves.empty()) {
    copy_ahead(now, command, std::move(plan), out);
    return Taken::Void;
  }
  const auto first = env_.ids.next_actors(count_new_actors(plan));
  if (!first) {
    out.emplace_back(LeaseWanted{count_new_actors(plan)});
    return Taken::NotNow;
  }
  number_new_actors(plan, *first);
  update_actors(now, command, std::move(plan), replaced, injection, out);
  return Taken::Yes;
}

/// What reads from actors that are replaced is so itself, where it is, so that no actor's inputs change while it runs. All of them.
std::set<FragmentId> CheckpointControl::replace_downstream(RescalePlan& plan) const {
  std::set<FragmentId> replaced;
  std::vector<FragmentId> next;
  for (const auto& [job, placement] : plan.placements) {
    for (const auto& [fragment, actors] : placement.fragments) {
      const bool changes = std::ranges::find(actors, ActorId{}, &ActorPlacement::actor) != actors.end();
      if (changes && graph_.actors(fragment) != nullptr && replaced.insert(fragment).second) next.push_back(fragment);
    }
  }
  while (!next.empty()) {
    const FragmentId fragment = next.back();
    next.pop_back();
    for (const InflightGraph::OutEdge& edge : graph_.edges_out(fragment)) {
      const FragmentId reader = edge.edge->downstream;
      if (!replaced.insert(reader).second) continue;
      next.push_back(reader);
      JobPlacement& placement = plan.placements.try_emplace(edge.job, graph_.job(edge.job)->placement).first->second;
      for (ActorPlacement& actor : placement.fragments.at(reader)) actor.actor = ActorId{};
    }
  }
  return replaced;
}

void CheckpointControl::finish_rescale(const Status& result, ControlEffects& out) {
  const bool nobody_left = candidates().empty();  // the last node leaves: nothing that anyone could do about it
  if (result.has_error() && !nobody_left) out.emplace_back(EventHappened{"rescale failed", result.error().to_string(), {}, {}});
  for (const RescaleWaiter& waiter : std::exchange(rescale_waiters_, {})) out.emplace_back(RescaleDone{waiter, result});
}

void CheckpointControl::update_actors(Now now, const RescaleJobs& command, RescalePlan plan, const std::set<FragmentId>& replaced,
                                      Injection& injection, ControlEffects& out) {
  InflightGraph next = graph_;
  std::set<WorkerId> workers;
  for (const auto& [id, placement] : plan.placements) {
    const InflightGraph::Job* job = graph_.job(id);
    if (job != nullptr) next.add(job->plan, placement, job->graph);
    workers.merge(workers_of(placement));
  }
  join(workers, out);
  const GraphMessages after(next, [this](WorkerId worker) { return env_.cluster.endpoint(worker); });
  for (const auto& [id, placement] : plan.placements) {
    if (graph_.job(id) == nullptr) continue;
    for (const WorkerId worker : workers_of(placement)) {
      const Participant who{term_, worker};
      for (pb::BuildFragment& fragment : after.build(id, worker, {})) {
        if (!replaced.contains(FragmentId{fragment.fragment_id()})) continue;
        fragment.set_awaits_vnodes(true);
        for (const pb::BuildActor& actor : fragment.actors()) injection.collect_too[who].push_back(actor.actor_id());
        injection.build[who].push_back(std::move(fragment));
      }
    }
  }
  *injection.add(command).mutable_update() = after.update(graph_, replaced);
  rescaling_ = Rescaling{.command = command, .plan = std::move(plan), .after = std::move(next), .began = now.mono};
}

/// One for each new owner, as of the committed epoch.
std::vector<SendRequest> CheckpointControl::transfer_orders(const std::vector<VnodeMove>& moves, bool ahead) const {
  std::map<WorkerId, SendRequest> orders;
  for (const VnodeMove& move : moves) {
    SendRequest& send = orders.try_emplace(move.to, SendRequest{move.to, {}}).first->second;
    pb::TransferVnodes* order = send.request.mutable_transfer_vnodes();
    to_pb(term_, order->mutable_graph());
    order->set_epoch(committed_.value);
    order->set_ahead(ahead);
    pb::VnodeTransfer* part = order->add_parts();
    part->set_from_worker(move.from.value);
    part->set_from(env_.cluster.endpoint(move.from));
    for (const TableId table : move.tables) part->add_tables(table.value);
    part->set_vnodes(move.vnodes.to_bytes());
    part->set_vnode_count(move.vnodes.size());
  }
  std::vector<SendRequest> out;
  for (auto& [worker, send] : orders) out.push_back(std::move(send));
  return out;
}

void CheckpointControl::begin_transfer(Now now, ControlEffects& out) {
  graph_ = std::move(rescaling_->after);
  rescaling_->updated = now.mono;
  for (SendRequest& send : transfer_orders(rescaling_->plan.moves, false)) {
    rescaling_->waiting.insert(send.worker);
    out.emplace_back(std::move(send));
  }
  if (rescaling_->waiting.empty()) commit_rescale(out);
}

void CheckpointControl::on(Now now, VnodesTransferred& event, ControlEffects& out) {
  if (take_copied(now, event, out)) return;
  const bool expected = std::holds_alternative<Running>(state_) && rescaling_ && rescaling_->waiting.contains(event.worker);
  if (from_pb(event.report.graph()) != term_ || !expected || event.report.epoch() != committed_.value) {
    ++stale_events_;
    return;
  }
  if (event.report.failed()) {
    return fail(now, fmt::format("actors cannot move: {}", event.report.error().message()), event.report.error(), false, out);
  }
  rescaling_->waiting.erase(event.worker);
  WorkerSegments& arrived = rescaling_->arrived.try_emplace(event.worker, WorkerSegments{term_.graph, event.worker, {}, {}}).first->second;
  for (const pb::SegmentInfo& segment : event.report.segments()) arrived.written.push_back(segment.ref());
  if (rescaling_->waiting.empty()) commit_rescale(out);
}

void CheckpointControl::commit_rescale(ControlEffects& out) {
  CommitRecord record{.database = database_, .graph = term_, .epoch = committed_, .members = members_};
  for (auto& [worker, arrived] : rescaling_->arrived) record.segments.push_back(arrived);
  record.placed = rescaling_->plan.placements;
  committing_ = true;
  out.emplace_back(CommitRescale{std::move(record)});
}

// Whatever happened meanwhile: from here on the jobs are where they are to be.
void CheckpointControl::on(Now now, const RescaleCommitted&, ControlEffects& out) {
  committing_ = false;
  rescaling_->committed = true;
  size_t vnodes = 0;
  for (const VnodeMove& move : rescaling_->plan.moves) vnodes += move.vnodes.count() * move.tables.size();
  const auto millis = [](runtime::Duration d) { return static_cast<double>(d.count()) / 1e6; };
  out.emplace_back(
      EventHappened{"rescale",
                    fmt::format("{} jobs placed anew, {} vnodes of tables moved; copied ahead in {:.0f} ms, barrier {:.0f} ms, "
                                "transfer {:.0f} ms",
                                rescaling_->plan.placements.size(), vnodes, millis(rescaling_->command.took),
                                millis(rescaling_->updated - rescaling_->began), millis(now.mono - rescaling_->updated)),
                    {},
                    {}});
  if (!std::holds_alternative<Running>(state_)) return;
  release_left_nodes(out);
  for (const WorkerId worker : members_) tell_vnodes_here(worker, out);
  for (const auto& [id, placement] : rescaling_->plan.placements) {
    if (graph_.job(id) != nullptr) commands_.emplace_back(ChangeSplits{id});
  }
  rescaling_.reset();
  queue_rescale({.not_before = now.mono});  // finds nothing left to do, and tells those who wait
  out.emplace_back(StatusChanged{});
}

void CheckpointControl::tell_vnodes_here(WorkerId worker, ControlEffects& out) const {
  SendRequest send{worker, {}};
  pb::CommitEpoch* commit = send.request.mutable_commit_epoch();
  to_pb(term_, commit->mutable_graph());
  commit->set_epoch(committed_.value);
  commit->set_vnodes_here(true);
  if (const auto arrived = rescaling_->arrived.find(worker); arrived != rescaling_->arrived.end()) {
    for (const pb::SegmentRef& file : arrived->second.written) *commit->add_adopt() = file;
  }
  fill_owned(worker, commit->mutable_owned());
  out.emplace_back(std::move(send));
}

// A node that owns nothing of the database any more forgets the graph, and gives its memory back. Nothing is in flight there.
void CheckpointControl::release_left_nodes(ControlEffects& out) {
  std::set<WorkerId> owners = graph_.workers();  // also of jobs that were dropped meanwhile
  for (const auto& [id, plan] : env_.model.jobs()) {
    const JobPlacement* placement = env_.model.placement(id);
    if (plan->database() == database_ && placement != nullptr) owners.merge(workers_of(*placement));
  }
  for (const WorkerId worker : std::set<WorkerId>(members_)) {
    if (owners.contains(worker)) continue;
    SendRequest send{worker, {}};
    to_pb(term_, send.request.mutable_remove_partial_graphs()->add_graphs());
    out.emplace_back(std::move(send));
    members_.erase(worker);
  }
}

// A reset ends it, done or not; the next one finds out what is left to do, and then tells those who wait.
void CheckpointControl::retry_rescale(Now now) {
  stop_copying(now);
  if (!rescaling_) return;
  const uint32_t failed = rescaling_->command.failed + (rescaling_->committed ? 0 : 1);
  rescaling_.reset();
  queue_rescale({.not_before = now.mono, .failed = failed});
}

void CheckpointControl::fill_owned(WorkerId worker, google::protobuf::RepeatedPtrField<pb::OwnedVnodes>* out) const {
  for (const auto& [id, plan] : env_.model.jobs()) {
    const JobPlacement* placement = env_.model.placement(id);
    if (plan->database() != database_ || placement == nullptr) continue;
    for (const JobPlan::FragmentPlan& fragment : plan->fragments()) {
      if (fragment.tables.empty()) continue;
      VNodeBitmap vnodes(plan->vnode_count());
      for (const ActorPlacement& actor : placement->fragments.at(fragment.id)) {
        if (actor.worker != worker) continue;
        for (const VNode v : actor.vnodes.list()) vnodes.add(v);
      }
      pb::OwnedVnodes* owned = out->Add();
      for (const TableId table : fragment.tables) owned->add_tables(table.value);
      owned->set_vnodes(vnodes.to_bytes());
      owned->set_vnode_count(vnodes.size());
    }
  }
}

}  // namespace penstock::meta
