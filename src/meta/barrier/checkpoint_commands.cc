// Commands, and changes of settings, that wait at the same moment share one Checkpoint barrier (mutation Combined): each has its own effect
// and its own waiters, and all of them are in the barrier's one transaction, or none is.
//
// The first goes at once. What comes while nodes still owe its barrier waits until that is collected, or for the next barrier that goes out
// anyway, or for `command_patience`: so that ten sessions take the barriers of one, and a stuck barrier holds nobody up for long. Where
// barriers take their time because there are many actors, more of them would only take longer: the patience is then twice that time.
//
// Not compatible, and so in barriers of their own:
//  - RescaleJobs and plans that are replaced, with anything: they end actors that another command may speak of, and no barrier follows
//    theirs until others have begun;
//  - the new beginning of a job with the DetachJob that ends its old edges: these have the same fragments at their ends;
//  - a creation that has lost several barriers, with other creations: it may be what ended them.
#include "meta/barrier/checkpoint_control.h"
#include "meta/placement/placement.h"

namespace penstock::meta {

/// The last barrier with commands that nodes still owe: when others wait for it no longer.
std::optional<runtime::TimePoint> CheckpointControl::commands_wait_until() const {
  if (options_.command_patience == runtime::Duration::zero()) return std::nullopt;
  const runtime::Duration patience = std::max(options_.command_patience, std::min(2 * last_flight_, options_.stuck_after));
  for (auto barrier = barriers_.rbegin(); barrier != barriers_.rend(); ++barrier) {
    if (barrier->carries_commands && !barrier->waiting.empty()) return barrier->injected + patience;
  }
  return std::nullopt;
}

bool CheckpointControl::commands_wait(Now now) const {
  const auto until = commands_wait_until();
  if (!until || now.mono >= *until) return false;
  const bool one_goes_anyway = !members_.empty() && now.mono >= schedule_.due() && barriers_.size() < options_.max_in_flight;
  return !one_goes_anyway;
}

bool CheckpointControl::step_commands(Now now, ControlEffects& out) {
  if (settings_seen_.first != env_.model.counter(Counter::CatalogVersion)) look_at_database();
  const auto wanted = wanted_settings();
  if (commands_.empty()) waiting_command_.clear();
  if (commands_.empty() && settings_seen_ == wanted && tracker_.ready(env_.model).empty()) return false;
  if (commands_wait(now) || !has_epoch(now, out)) return false;
  commands_looked_at_ = now.mono;
  Injection injection;
  if (settings_seen_ != wanted && replace_plans(now, out)) return true;
  start_backfills(injection);
  if (settings_seen_ != wanted) {
    change_sources(injection);
    change_subscribers(injection);
    hold(true, injection);
    hold(false, injection);
    settings_seen_ = wanted;
  }
  gather(now, injection, out);
  if (injection.empty()) return false;
  const std::set<JobId> leaving = injection.leaving;
  inject(now, *next_epoch(now, out), pb::BARRIER_CHECKPOINT, std::move(injection), out);
  // The barrier is still theirs to collect; the next one is not.
  for (const JobId job : leaving) {
    graph_.remove(job);
    held_.erase(job);
    tracker_.remove(job);
    assigned_.erase(job);
  }
  return true;
}

/// All that can go together.
void CheckpointControl::gather(Now now, Injection& injection, ControlEffects& out) {
  waiting_command_.clear();
  for (auto at = commands_.begin(); at != commands_.end() && !rescaling_;) {
    const Taken taken = std::visit([&](const auto& command) { return take(now, command, injection, out); }, *at);
    at = taken == Taken::NotNow ? std::next(at) : commands_.erase(at);
  }
}

bool CheckpointControl::goes_with(const CreateJob& command, const Injection& injection) const {
  const auto ends_its_edges = [&](const Command& other) {
    const auto* detach = std::get_if<DetachJob>(&other);
    return detach != nullptr && detach->job == command.job;
  };
  if (std::ranges::any_of(injection.commands, ends_its_edges)) return false;
  const bool suspect = command.lost_barriers >= options_.create_alone_after;
  return !injection.suspect && (!suspect || injection.placed.empty());
}

CheckpointControl::Taken CheckpointControl::take(Now, const CreateJob& command, Injection& injection, ControlEffects& out) {
  const auto plan = env_.model.job(command.job);
  if (!plan || graph_.job(command.job) != nullptr) return Taken::Void;
  if (!goes_with(command, injection)) return Taken::NotNow;
  if (wants_own_graph(*plan) && creating_.size() >= options_.max_creating) {
    waiting_command_ = fmt::format("{} waits: {} jobs are being created", plan->name(), creating_.size());
    return Taken::NotNow;
  }
  const std::vector<Candidate> nodes = candidates();
  if (nodes.empty()) {
    waiting_command_ = fmt::format("{} waits: no compute node is connected", plan->name());
    return Taken::NotNow;
  }
  auto placed = place_job(*plan, nodes, [&](ObjectId object) { return graph_.materialize_actors(object); });
  if (placed.has_error()) {
    out.emplace_back(JobFailed{command.job, placed.error()});
    return Taken::Void;
  }
  JobPlacement placement = std::move(placed).value();
  const auto first = env_.ids.next_actors(count_actors(placement));
  if (!first) {
    out.emplace_back(LeaseWanted{count_actors(placement)});
    return Taken::NotNow;
  }
  number_actors(placement, *first);
  injection.suspect = command.lost_barriers >= options_.create_alone_after;
  add_job(plan, std::move(placement), command, injection, out);
  return Taken::Yes;
}

void CheckpointControl::add_job(const std::shared_ptr<const JobPlan>& plan, JobPlacement placement, const CreateJob& command,
                                Injection& injection, ControlEffects& out) {
  const JobId id = plan->id();
  if (injection.placed.empty()) {
    for (const Participant& who : participants()) injection.tables_before[who] = graph_.share(who.first.graph, who.second).tables;
  }
  const bool own_graph = wants_own_graph(*plan);
  const std::set<WorkerId> workers = workers_of(placement);
  const GraphTerm graph = own_graph ? GraphTerm{graph_of(database_, id), env_.ids.next_term()} : term_;
  if (const auto assigned = assign(*plan, placement); !assigned.empty()) injection.assigned[id] = assigned;
  graph_.add(plan, placement, graph);
  is_held(id) ? (void)held_.insert(id) : (void)held_.erase(id);
  take_subscribers();
  const auto assigned = injection.assigned.find(id);
  const ActorSplits splits = assigned == injection.assigned.end() ? splits_of(id) : splits_of(id, assigned->second);
  for (const WorkerId worker : workers) {
    auto fragments = messages().build(id, worker, splits);
    auto& build = injection.build[{graph, worker}];
    build.insert(build.end(), std::make_move_iterator(fragments.begin()), std::make_move_iterator(fragments.end()));
  }
  *injection.add(command).mutable_add() = messages().add(id);
  tracker_.add(*plan, placement);
  injection.placed[id] = std::move(placement);
  join(workers, out);
  if (!own_graph) return;
  const CreatingJob& creating = creating_[id] = {graph, workers};
  create_job_graph(id, creating, out);
  for (const WorkerId worker : workers) send_empty_initial({graph, worker}, out);
}

CheckpointControl::Taken CheckpointControl::take(Now, DropJobs command, Injection& injection, ControlEffects&) {
  std::erase_if(command.jobs, [&](JobId job) { return graph_.job(job) == nullptr || injection.leaving.contains(job); });
  if (command.jobs.empty()) return Taken::Void;
  for (const JobId job : command.jobs) {
    injection.leaving.insert(job);
    for (const TableId table : graph_.job(job)->plan->tables()) injection.dropped_tables.push_back(table.value);
  }
  pb::StopMutation stop = messages().stop(command.jobs);
  *injection.add(std::move(command)).mutable_stop() = std::move(stop);
  return Taken::Yes;
}

CheckpointControl::Taken CheckpointControl::take(Now, const ChangeSplits& command, Injection& injection, ControlEffects&) {
  const InflightGraph::Job* job = graph_.job(command.job);
  if (job == nullptr || injection.leaving.contains(command.job)) return Taken::Void;  // created later with all its splits, or dropped
  if (injection.assigned.contains(command.job)) return Taken::Void;                   // with all that there are
  const auto assigned = assign(*job->plan, job->placement);
  if (assigned.empty()) return Taken::Void;
  std::set<ActorId> changed;
  for (const auto& [key, actor] : assigned) changed.insert(actor);
  auto& by_actor = *injection.add(command).mutable_source_change_split()->mutable_splits();
  for (const auto& [actor, splits] : splits_of(command.job, assigned)) {
    if (changed.contains(actor)) by_actor[actor.value].mutable_splits()->Assign(splits.begin(), splits.end());
  }
  injection.assigned[command.job] = assigned;
  return Taken::Yes;
}

CheckpointControl::Taken CheckpointControl::take(Now, const DetachJob& command, Injection& injection, ControlEffects&) {
  for (const TableId table : command.tables) injection.dropped_tables.push_back(table.value);
  *injection.add(command).mutable_stop() = command.stop;
  return Taken::Yes;
}

}  // namespace penstock::meta
