#include "meta/barrier/checkpoint_control.h"
#include "meta/barrier/root_error.h"

namespace penstock::meta {

using runtime::Duration;

std::optional<JobId> CheckpointControl::job_of(const pb::RootError& root) const {
  if (root.job_id() != 0) return JobId{root.job_id()};
  if (const auto at = graph_.find(ActorId{root.actor_id()})) return at->job;
  return std::nullopt;
}

std::string CheckpointControl::describe(const pb::RootError& root) const {
  std::string where;
  if (const auto job = job_of(root)) {
    const InflightGraph::Job* found = graph_.job(*job);
    const auto plan = found != nullptr ? found->plan : env_.model.job(*job);
    where = fmt::format("{}, ", plan ? plan->name() : fmt::format("job {}", *job));
  }
  if (root.actor_id() != 0) where += fmt::format("actor {}: ", root.actor_id());
  return fmt::format("{}{}", where, root.message());
}

void CheckpointControl::fail(Now now, std::string reason, std::optional<pb::RootError> root, bool lost_worker, ControlEffects& out) {
  if (auto* resetting = std::get_if<Resetting>(&state_)) {
    if (root && (!resetting->root || root->score() > resetting->root->score())) resetting->root = std::move(root);
    return;
  }
  // Nobody has the graph; unless an attempt waits for an epoch, and a node that fails meanwhile takes no barrier.
  if (std::holds_alternative<BackingOff>(state_) && members_.empty()) return;
  if (const auto* running = std::get_if<Running>(&state_); running != nullptr && now.mono - running->since >= options_.stable_after) {
    back_off_.reset();
    blamed_.clear();
  }
  ++recoveries_;
  if (!failed_at_) failed_at_ = now.mono;
  out.emplace_back(EventHappened{"failure", reason, root ? job_of(*root).value_or(JobId{}) : JobId{}, {}});
  Resetting resetting = reset_of_all(std::move(reason));
  resetting.root = std::move(root);
  resetting.lost_worker = lost_worker;
  state_ = std::move(resetting);
  out.emplace_back(StatusChanged{});
}

/// Of the database's graph and those of jobs that are being created, wherever they are.
CheckpointControl::Resetting CheckpointControl::reset_of_all(std::string reason) {
  std::set<Participant> waiting = participants();
  for (const auto& [graph, ending] : std::exchange(ending_, {})) {  // part of this now
    for (const WorkerId worker : ending.waiting) waiting.insert({graph, worker});
  }
  std::erase_if(waiting, [&](const Participant& who) { return !members_.contains(who.second); });
  return Resetting{.waiting = std::move(waiting), .reason = std::move(reason), .root = {}, .lost_worker = false, .sent = {}};
}

bool CheckpointControl::step_reset(Now now, ControlEffects& out) {
  auto& resetting = std::get<Resetting>(state_);
  if (committing_) return false;  // so that no commit is half seen
  if (!resetting.sent) {
    resetting.sent = now.mono;
    std::map<WorkerId, SendRequest> sends;
    for (const auto& [graph, worker] : resetting.waiting) {
      SendRequest& send = sends.try_emplace(worker, SendRequest{worker, {}}).first->second;
      to_pb(graph, send.request.mutable_reset_partial_graphs()->add_graphs());
    }
    for (auto& [worker, send] : sends) out.emplace_back(std::move(send));
  }
  if (resetting.waiting.empty()) {
    finish_reset(now, out);
    return true;
  }
  if (now.mono - *resetting.sent < options_.reset_timeout) return false;
  // Its loop lives, else it would have been lost: without its stream it begins afresh.
  for (const auto& [graph, worker] : std::set<Participant>(resetting.waiting)) {
    out.emplace_back(
        DisconnectWorker{worker, error(Code::Timeout, "node does not answer the reset of graph {} term {}", graph.graph, graph.term)});
  }
  resetting.sent = now.mono;
  return false;
}

void CheckpointControl::finish_reset(Now now, ControlEffects& out) {
  const Resetting done = std::get<Resetting>(std::move(state_));
  std::string reason = done.reason;
  bool quarantines = false;
  if (done.root && done.root->score() <= kSecondaryScore) {
    // Of a channel that closed: no job's fault. A node that was lost says more, if it is known.
    if (!done.lost_worker) reason = describe(*done.root);
    out.emplace_back(EventHappened{"root cause", reason, {}, {}});
  } else if (done.root) {
    reason = describe(*done.root);
    if (const auto job = job_of(*done.root)) {
      job_errors_[*job] = reason;
      out.emplace_back(EventHappened{"root cause", reason, *job, {}});
      quarantines = !done.lost_worker && blame(now, *job, *done.root, out);
    }
  }
  for (const InflightBarrier& barrier : barriers_) {
    if (BarrierTrace* trace = traces_.find(barrier.epoch.curr)) trace->outcome = "failed";
  }
  out.emplace_back(TermEnded{term_, committed_});
  end_transactions(out);
  redrive(done.root, out);
  forget_creating_after_reset(now);
  retry_rescale(now);
  replacing_.reset();
  members_.clear();
  joining_.clear();
  assigned_.clear();
  const Duration delay = done.lost_worker ? Duration::zero() : back_off_.next();
  term_.term = env_.ids.next_term();
  state_ = BackingOff{now.mono + delay, std::move(reason), quarantines};
  out.emplace_back(StatusChanged{});
}

bool CheckpointControl::blame(Now now, JobId job, const pb::RootError& root, ControlEffects& out) {
  const pb::CatalogObject* object = env_.model.object(job);
  if (object == nullptr || root.score() <= kSecondaryScore) return false;
  Blame& blame = blamed_.try_emplace(job, Blame{0, now.mono}).first->second;
  if (++blame.times < options_.quarantine_after) return false;
  if (root.score() < kUserScore && now.mono - blame.since < options_.patience) return false;
  const std::string reason = describe(root);
  blamed_.erase(job);
  if (object->state() == pb::JOB_CREATING) {  // nobody has seen it yet
    out.emplace_back(JobFailed{job, error(Code::Internal, "{}", reason)});
    return false;
  }
  out.emplace_back(EventHappened{"quarantined", fmt::format("left out, with all that read it: {}", reason), job, {}});
  out.emplace_back(QuarantineJob{job, reason});
  return true;
}

// Drops and settings are in the catalog already and splits are assigned by the recovery; flushes and creations go on in the next term.
void CheckpointControl::redrive(const std::optional<pb::RootError>& root, ControlEffects& out) {
  const auto guilty = root ? job_of(*root) : std::nullopt;
  std::vector<FlushWaiter> flushes;
  std::deque<Command> again;
  for (InflightBarrier& barrier : std::exchange(barriers_, {})) {
    flushes.insert(flushes.end(), barrier.flushes.begin(), barrier.flushes.end());
    for (const Command& command : barrier.commands) {
      const auto* create = std::get_if<CreateJob>(&command);
      if (create == nullptr) continue;
      if (guilty == create->job) {
        out.emplace_back(JobFailed{create->job, error(code_of(root->sqlstate()), "{}", describe(*root))});
      } else if (create->lost_barriers + 1 >= options_.create_attempts) {
        out.emplace_back(
            JobFailed{create->job, error(Code::Unavailable, "its first barrier was lost {} times", create->lost_barriers + 1)});
      } else {
        again.emplace_back(CreateJob{create->job, create->lost_barriers + 1});
      }
    }
  }
  commands_.insert(commands_.begin(), again.begin(), again.end());
  std::erase_if(commands_, [](const Command& command) {
    return std::holds_alternative<DropJobs>(command) || std::holds_alternative<DetachJob>(command);
  });
  flushes.insert(flushes.end(), flushes_.begin(), flushes_.end());
  flushes_.clear();
  for (const FlushWaiter& waiter : flushes) {
    if (waiter.of_setting) {
      out.emplace_back(FlushDone{waiter, term_, Epoch{}});
    } else {
      flushes_.push_back(waiter);
    }
  }
}

std::set<WorkerId> CheckpointControl::owners_of_quarantined() const {
  std::set<WorkerId> out;
  for (const auto& [id, plan] : env_.model.jobs()) {
    const pb::CatalogObject* object = env_.model.object(id);
    const JobPlacement* placement = env_.model.placement(id);
    if (plan->database() != database_ || object == nullptr || object->state() != pb::JOB_QUARANTINED || placement == nullptr) continue;
    for (const auto& [fragment, actors] : placement->fragments) {
      for (const ActorPlacement& actor : actors) out.insert(actor.worker);
    }
  }
  return out;
}

void CheckpointControl::rebuild_graph() {
  tracker_.clear();
  creating_.clear();
  std::map<JobId, InflightGraph::Job> jobs;
  for (const auto& [id, plan] : env_.model.jobs()) {
    const JobPlacement* placement = env_.model.placement(id);
    if (plan->database() != database_ || placement == nullptr) continue;
    if (const pb::CatalogObject* o = env_.model.object(id); o != nullptr && o->state() == pb::JOB_QUARANTINED) continue;
    jobs[id] = {plan, *placement, term_};
    const pb::CatalogObject* object = env_.model.object(id);
    if (object == nullptr || object->state() != pb::JOB_CREATING) continue;
    if (wants_own_graph(*plan)) {
      creating_[id] = {{graph_of(database_, id), env_.ids.next_term()}, workers_of(*placement)};
      jobs[id].graph = creating_[id].graph;
    }
    tracker_.add(*plan, *placement);
  }
  graph_.replace(std::move(jobs));
}

/// Reads everything anew: the catalog, who owns what, who lives. True if it got on.
bool CheckpointControl::attempt(Now now, const std::string& reason, ControlEffects& out) {
  rebuild_graph();
  committed_ = env_.model.committed(term_.graph);
  std::set<WorkerId> missing;
  for (const WorkerId worker : graph_.workers()) {
    if (env_.cluster.is_live(worker)) {
      create_on(worker, out);
    } else {
      missing.insert(worker);
    }
  }
  for (const WorkerId worker : owners_of_quarantined()) {
    if (env_.cluster.is_live(worker)) create_on(worker, out);  // for reads, and so that their segments are flushed
  }
  if (!missing.empty()) {
    const auto* blocked = std::get_if<Blocked>(&state_);
    const bool news = blocked == nullptr || blocked->missing != missing;
    state_ = Blocked{std::move(missing), reason};
    if (news) {
      out.emplace_back(EventHappened{"blocked", recovery_reason(), {}, {}});
      out.emplace_back(StatusChanged{});
    }
    return false;
  }
  const auto first = next_epoch(now, out);
  if (!first) {
    state_ = BackingOff{now.mono, reason};
    return false;
  }
  begin(now, reason, *first, out);
  return true;
}

void CheckpointControl::begin(Now now, const std::string& reason, Epoch first, ControlEffects& out) {
  chain_end_ = first;
  leaving_.clear();
  culprits_wanted_.reset();
  look_at_disks(out);
  take_settings();
  if (graph_.empty()) {
    state_ = Running{now.mono};
    failed_at_.reset();
    out.emplace_back(StatusChanged{});
    return;
  }
  Injection injection;
  for (const auto& [id, creating] : creating_) create_job_graph(id, creating, out);
  for (const auto& [id, job] : graph_.jobs()) {
    if (const auto assigned = assign(*job.plan, job.placement); !assigned.empty()) assigned_[id] = assigned;
    const ActorSplits splits = splits_of(id);
    for (const WorkerId worker : members_) {
      auto fragments = messages().build(id, worker, splits);
      auto& build = injection.build[{job.graph, worker}];
      build.insert(build.end(), std::make_move_iterator(fragments.begin()), std::make_move_iterator(fragments.end()));
    }
  }
  InflightBarrier barrier{.epoch = {committed_, first}, .kind = pb::BARRIER_INITIAL, .injected = now.mono};
  barrier.waiting = barrier.participants = participants();
  send_barrier(barrier, injection, out);
  traces_.add({.epoch = barrier.epoch, .kind = pb::BARRIER_INITIAL, .scheduled_at = now.unix_micros, .injected_at = now.unix_micros});
  schedule_.on_injected(now.mono, false);
  barriers_.push_back(std::move(barrier));
  state_ = Initializing{reason};
  out.emplace_back(StatusChanged{});
}

}  // namespace penstock::meta
