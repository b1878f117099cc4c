#include "meta/barrier/checkpoint_control.h"

namespace penstock::meta {

using runtime::Duration;
using runtime::TimePoint;

namespace {

VNodeBitmap vnodes_on(const InflightGraph::Job& job, WorkerId worker) {
  VNodeBitmap vnodes(job.plan->vnode_count());
  for (const auto& [fragment, actors] : job.placement.fragments) {
    for (const ActorPlacement& actor : actors) {
      if (actor.worker != worker) continue;
      for (const VNode v : actor.vnodes.list()) vnodes.add(v);
    }
  }
  return vnodes;
}

}  // namespace

CheckpointControl::CheckpointControl(DatabaseId database, Options options, Environment environment, uint64_t seed)
    : database_(database),
      options_(options),
      env_(environment),
      state_(BackingOff{{}, "meta has started"}),
      term_{graph_of(database), env_.ids.next_term()},
      committed_(env_.model.committed(graph_of(database))),
      schedule_(options.schedule),
      transactions_(options.transactions, committed_),
      back_off_(seed) {}

void CheckpointControl::handle(Now now, ControlEvent event, ControlEffects& out) {
  std::visit([&](auto& e) { on(now, e, out); }, event);
  if (std::holds_alternative<Running>(state_)) look_at_disks(out);
  while (step(now, out)) {
  }
  check_stuck(now, out);
  check_drops(now, out);
}

bool CheckpointControl::step(Now now, ControlEffects& out) {
  if (const auto* waiting = std::get_if<BackingOff>(&state_)) {
    return now.mono >= waiting->until && !waiting->quarantines && attempt(now, std::string(waiting->reason), out);
  }
  if (std::holds_alternative<Resetting>(state_)) return step_reset(now, out);
  if (std::holds_alternative<Initializing>(state_)) return step_front(now, out) || step_ending(now, out);
  if (std::holds_alternative<Running>(state_)) {
    if (step_front(now, out) || step_ending(now, out) || step_restart(now) || step_retire(out)) return true;
    // No barrier follows those until the actors that take over have begun.
    if (rescaling_ || replacing_ || !std::holds_alternative<Running>(state_)) return false;
    if (step_commands(now, out)) return true;
    hurry_backfills(now);
    return step_inject(now, out);
  }
  return false;
}

void CheckpointControl::on(Now, const Tick&, ControlEffects&) {}

void CheckpointControl::on(Now, const DiskChanged&, ControlEffects&) {}

void CheckpointControl::on(Now, CommandQueued& event, ControlEffects&) { commands_.push_back(std::move(event.command)); }

void CheckpointControl::on(Now now, const JobsDropped& event, ControlEffects& out) {
  const auto dropped = [&](JobId job) { return std::ranges::find(event.jobs, job) != event.jobs.end(); };
  std::erase_if(commands_, [&](const Command& command) {
    const auto* create = std::get_if<CreateJob>(&command);
    const auto* splits = std::get_if<ChangeSplits>(&command);
    return (create != nullptr && dropped(create->job)) || (splits != nullptr && dropped(splits->job));
  });
  const bool running = std::holds_alternative<Running>(state_) || std::holds_alternative<Initializing>(state_);
  std::vector<JobId> here;
  for (const JobId job : event.jobs) {
    job_errors_.erase(job);
    blamed_.erase(job);
    restarts_.erase(job);
    failed_creations_.erase(job);
    if (running && creating_.contains(job)) {
      detach(job, out).dropped = true;
    } else if (graph_.job(job) != nullptr) {
      here.push_back(job);
    }
    detached_.erase(job);  // the catalog's drop says more
  }
  if (here.empty()) return;
  if (std::holds_alternative<Running>(state_)) {
    note_leaving(here);
    auto* last = commands_.empty() ? nullptr : std::get_if<DropJobs>(&commands_.back());
    if (last != nullptr) {
      last->jobs.insert(last->jobs.end(), here.begin(), here.end());
    } else {
      commands_.emplace_back(DropJobs{std::move(here)});
    }
  } else if (std::holds_alternative<Initializing>(state_)) {
    fail(now, "a job was dropped during recovery", std::nullopt, true, out);
  } else if (const auto* blocked = std::get_if<Blocked>(&state_)) {
    attempt(now, std::string(blocked->reason), out);
  }
}

void CheckpointControl::on(Now now, const FlushWanted& event, ControlEffects& out) {
  if (event.waiter.of_setting && recovering()) {
    out.emplace_back(FlushDone{event.waiter, term_, Epoch{}});
    return;
  }
  flushes_.push_back(event.waiter);
  schedule_.want_checkpoint(now.mono);
}

void CheckpointControl::on(Now now, const CheckpointWanted&, ControlEffects&) { schedule_.want_checkpoint(now.mono); }

void CheckpointControl::on(Now now, TransactionWanted& event, ControlEffects& out) {
  const bool stale = std::ranges::any_of(event.participants, [&](const auto& participant) { return participant.graph != term_; });
  if (stale || event.participants.empty()) {
    out.emplace_back(TransactionDecided{event.transaction, TransactionDecided::Verdict::Gone, {}});
    return;
  }
  std::vector<TransactionDecided> decided;
  transactions_.want(std::move(event), decided);
  schedule_.want_checkpoint(now.mono);
  out.insert(out.end(), decided.begin(), decided.end());
}

void CheckpointControl::on(Now, const TransactionGivenUp& event, ControlEffects& out) {
  std::vector<TransactionDecided> decided;
  transactions_.give_up(event.transaction, decided);
  out.insert(out.end(), decided.begin(), decided.end());
}

void CheckpointControl::end_transactions(ControlEffects& out) {
  std::vector<TransactionDecided> decided;
  transactions_.end_term(decided);
  out.insert(out.end(), decided.begin(), decided.end());
}

void CheckpointControl::on(Now, const JobsQuarantined&, ControlEffects&) {
  if (auto* waiting = std::get_if<BackingOff>(&state_)) waiting->quarantines = false;
}

void CheckpointControl::on(Now now, const JobReadmitted& event, ControlEffects& out) {
  if (graph_.job(event.job) != nullptr) return;
  if (const auto* blocked = std::get_if<Blocked>(&state_)) {
    attempt(now, std::string(blocked->reason), out);
  } else {
    fail(now, "a quarantined job was resumed", std::nullopt, true, out);
  }
}

void CheckpointControl::on(Now now, const WorkerReady&, ControlEffects& out) {
  if (const auto* blocked = std::get_if<Blocked>(&state_)) attempt(now, std::string(blocked->reason), out);
}

std::string CheckpointControl::lost(const WorkerLost& event) const {
  return fmt::format("lost {}: {}", env_.cluster.name(event.worker), event.reason);
}

void CheckpointControl::on(Now now, const WorkerLost& event, ControlEffects& out) {
  if (members_.erase(event.worker) == 0) return;
  if (auto* resetting = std::get_if<Resetting>(&state_)) {
    std::erase_if(resetting->waiting, [&](const Participant& who) { return who.second == event.worker; });
    // What was heard first, of channels that closed, is the consequence.
    if (!std::exchange(resetting->lost_worker, true)) resetting->reason = lost(event);
  } else if (const auto* blocked = std::get_if<Blocked>(&state_)) {
    attempt(now, std::string(blocked->reason), out);
  } else {
    fail(now, lost(event), std::nullopt, true, out);
  }
}

void CheckpointControl::on(Now now, const GraphFailed& event, ControlEffects& out) {
  if (const auto job = creating_in(event.graph)) {
    const bool running = std::holds_alternative<Running>(state_) || std::holds_alternative<Initializing>(state_);
    if (running) fail_creating(now, *job, event.root, out);
  } else if (event.graph == term_ || merging_.contains(event.graph)) {
    const pb::RootError root = named(event.root, event.worker);
    fail(now, describe(root), root, false, out);
  } else {
    ++stale_events_;
  }
}

void CheckpointControl::on(Now, const GraphReset& event, ControlEffects&) {
  if (const auto ending = ending_.find(event.graph); ending != ending_.end()) {
    ending->second.waiting.erase(event.worker);
    if (event.root && (!ending->second.root || event.root->score() > ending->second.root->score())) ending->second.root = event.root;
    return;
  }
  auto* resetting = std::get_if<Resetting>(&state_);
  if (resetting == nullptr || resetting->waiting.erase({event.graph, event.worker}) == 0) {
    ++stale_events_;
    return;
  }
  if (event.root && (!resetting->root || event.root->score() > resetting->root->score())) {
    resetting->root = named(*event.root, event.worker);
  }
}

// What no actor did is its node's: that is where one has to look.
pb::RootError CheckpointControl::named(pb::RootError root, WorkerId worker) const {
  if (root.actor_id() == 0 && root.job_id() == 0) root.set_message(fmt::format("{}: {}", env_.cluster.name(worker), root.message()));
  return root;
}

void CheckpointControl::on(Now now, BarrierCompleted& event, ControlEffects& out) {
  const bool takes = std::holds_alternative<Running>(state_) || std::holds_alternative<Initializing>(state_);
  const Participant who{from_pb(event.report.graph()), event.worker};
  const auto creating = creating_in(who.first);
  if (!takes || (who.first != term_ && !creating && !merging_.contains(who.first))) {
    ++stale_events_;
    return;
  }
  if (event.report.kind() == pb::BARRIER_INITIAL && joining_.erase({who, Epoch{event.report.epoch()}}) > 0) return;
  if (const auto wrong = check_report(event)) {
    pb::RootError root;
    root.set_sqlstate(std::string(sqlstate(wrong->code())));
    root.set_message(wrong->message());
    return creating ? fail_creating(now, *creating, root, out) : fail(now, wrong->message(), root, false, out);
  }
  if (event.report.kind() == pb::BARRIER_CHECKPOINT && who.first == term_) {
    std::vector<TransactionId> held;
    for (const uint64_t transaction : event.report.transactions_held()) held.emplace_back(transaction);
    transactions_.on_held(now, event.worker, held);
  }
  for (InflightBarrier& barrier : barriers_) {
    if (barrier.epoch.prev.value != event.report.epoch()) continue;
    if (BarrierTrace* trace = traces_.find(barrier.epoch.curr)) trace->merge(event.report.timings());
    barrier.waiting.erase(who);
    if (barrier.waiting.empty()) last_flight_ = now.mono - barrier.injected;
    barrier.reports.emplace_back(who, std::move(event.report));
    return;
  }
}

void CheckpointControl::check_stuck(Now now, ControlEffects& out) {
  if (barriers_.empty() || std::holds_alternative<Resetting>(state_)) {
    stuck_reported_.reset();
    return;
  }
  const InflightBarrier& oldest = barriers_.front();
  const TimePoint since = std::max(oldest.injected, stuck_reported_.value_or(oldest.injected));
  if (now.mono - since < stuck_limit()) return;
  stuck_reported_ = now.mono;
  BarrierStuck stuck{oldest.epoch, static_cast<double>((now.mono - oldest.injected).count()) / 1e9, {}};
  for (const auto& [graph, worker] : oldest.waiting) {
    if (std::ranges::find(stuck.missing, worker) == stuck.missing.end()) stuck.missing.push_back(worker);
  }
  out.emplace_back(std::move(stuck));
}

std::optional<TimePoint> CheckpointControl::next_wake() const {
  std::optional<TimePoint> out;
  const auto earlier = [&](TimePoint at) { out = out ? std::min(*out, at) : at; };
  if (const auto* waiting = std::get_if<BackingOff>(&state_); waiting != nullptr && !waiting->quarantines) earlier(waiting->until);
  if (const auto* resetting = std::get_if<Resetting>(&state_); resetting != nullptr && resetting->sent) {
    earlier(*resetting->sent + options_.reset_timeout);
  }
  for (const auto& [graph, ending] : ending_) {
    if (ending.sent) earlier(*ending.sent + options_.reset_timeout);
  }
  for (const auto& [job, restart] : restarts_) {
    const auto detached = detached_.find(job);
    if (detached == detached_.end() || detached->second) earlier(restart.at);
  }
  if (std::holds_alternative<Running>(state_) && !rescaling_ && !replacing_) {
    if (!members_.empty() && barriers_.size() < options_.max_in_flight) earlier(schedule_.due());
    if (!backfilling_.jobs.empty() && barriers_.empty()) earlier(backfilling_.ask_at);
    const auto free = commands_wait_until();
    const bool waiting = !commands_.empty() || settings_seen_ != wanted_settings() || !tracker_.ready(env_.model).empty();
    const bool looked = free && *free <= commands_looked_at_;  // those left wait for something else, which comes as an event
    if (free && waiting && !looked) earlier(*free);
    for (const Command& command : commands_) {
      const auto* rescale = std::get_if<RescaleJobs>(&command);
      if (rescale != nullptr && rescale->not_before > rescale_looked_at_ && (!free || looked)) earlier(rescale->not_before);
    }
  }
  if (!barriers_.empty()) {
    const TimePoint since = std::max(barriers_.front().injected, stuck_reported_.value_or(TimePoint{}));
    earlier(since + stuck_limit());
  }
  if (const auto at = next_drop_check()) earlier(*at);
  constexpr Duration kLeaseWait = std::chrono::milliseconds(10);
  if (out && lease_wanted_) out = std::max(*out, *lease_wanted_ + kLeaseWait);
  return out;
}

// Kept by others for as long as it is true, so it has no ages in it.
std::string CheckpointControl::recovery_reason() const {
  if (const auto* resetting = std::get_if<Resetting>(&state_)) return resetting->reason;
  if (const auto* waiting = std::get_if<BackingOff>(&state_)) return waiting->reason;
  if (const auto* initializing = std::get_if<Initializing>(&state_)) return initializing->reason;
  if (const auto* blocked = std::get_if<Blocked>(&state_)) {
    std::string out = blocked->reason;
    for (const WorkerId worker : blocked->missing) {
      out += fmt::format("; waits for {}, which owns {}", env_.cluster.name(worker), owned_by(worker));
    }
    return out;
  }
  return {};
}

// "vnodes 4-7 of t, 4-7 of u and parts of 3 other jobs"
std::string CheckpointControl::owned_by(WorkerId worker) const {
  constexpr size_t kMostNamed = 5;
  std::string out = "vnodes ";
  size_t jobs = 0;
  for (const auto& [id, job] : graph_.jobs()) {
    const VNodeBitmap vnodes = vnodes_on(job, worker);
    if (vnodes.empty() || ++jobs > kMostNamed) continue;
    out += fmt::format("{}{} of {}", jobs == 1 ? "" : ", ", vnodes.to_string(), job.plan->name());
  }
  if (jobs > kMostNamed) out += fmt::format(" and parts of {} other jobs", jobs - kMostNamed);
  return out;
}

std::string CheckpointControl::standstill_reason(JobId id, Now now) const {
  const auto* blocked = std::get_if<Blocked>(&state_);
  const auto job = graph_.jobs().find(id);
  if (blocked == nullptr || job == graph_.jobs().end()) return recovery_reason();
  std::vector<std::string> waits;
  for (const WorkerId worker : blocked->missing) {
    const VNodeBitmap vnodes = vnodes_on(job->second, worker);
    if (!vnodes.empty()) {
      waits.push_back(fmt::format("waits for {}, which owns its vnodes {}", env_.cluster.describe(worker, now), vnodes.to_string()));
    }
  }
  if (waits.empty()) return "its database waits for a node that other jobs of it need";
  return fmt::format("{}", fmt::join(waits, "; "));
}

std::string CheckpointControl::debug_string(Now now) const {
  constexpr std::string_view kStates[] = {"running", "resetting", "backing off", "blocked", "initializing"};
  std::string out = fmt::format("database {} graph {} term {} {}: {} jobs on {} nodes, committed {}, chain ends at {}{}\n", database_,
                                term_.graph, term_.term, kStates[state_.index()], graph_.jobs().size(), members_.size(), committed_,
                                chain_end_, committing_ ? ", committing" : "");
  if (recovering()) out += fmt::format("  {}\n", recovery_reason());
  if (const auto* resetting = std::get_if<Resetting>(&state_)) {
    for (const auto& [graph, worker] : resetting->waiting) {
      out += fmt::format("  reset of graph {} on {} is not answered\n", graph.graph, env_.cluster.describe(worker, now));
    }
  }
  for (const InflightBarrier& barrier : barriers_) {
    out += fmt::format("  barrier {}..{} {} {:.3f} s{}:", barrier.epoch.prev, barrier.epoch.curr, pb::BarrierKind_Name(barrier.kind),
                       static_cast<double>((now.mono - barrier.injected).count()) / 1e9,
                       barrier.commands.empty() ? "" : " (" + meta::describe(barrier.commands) + ")");
    for (const auto& [graph, worker] : barrier.waiting) {
      const auto job = creating_in(graph);
      out += fmt::format(" waits for node {}{}", worker, job ? fmt::format(" (creating {})", *job) : "");
    }
    out += barrier.waiting.empty() ? " all collected\n" : "\n";
  }
  for (const Command& command : commands_) out += fmt::format("  waits: {}\n", meta::describe(command));
  if (!waiting_command_.empty()) out += fmt::format("  {}\n", waiting_command_);
  for (const auto& [id, progress] : tracker_.jobs()) {
    out += fmt::format("  creating {}: {} of {} actors have done their backfill\n", id, progress.rows.size() - progress.missing.size(),
                       progress.rows.size());
    if (const std::string waiting = backfills_waiting(id); !waiting.empty()) out += fmt::format("    {}\n", waiting);
  }
  for (const auto& [graph, ending] : ending_) {
    for (const WorkerId worker : ending.waiting) {
      out +=
          fmt::format("  reset of graph {} (job {}) on {} is not answered\n", graph.graph, ending.job, env_.cluster.describe(worker, now));
    }
  }
  for (const auto& [job, restart] : restarts_) out += fmt::format("  job {} failed while it was being created and begins anew\n", job);
  return out;
}

}  // namespace penstock::meta
