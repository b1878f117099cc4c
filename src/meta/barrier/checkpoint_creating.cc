// Jobs with graphs of their own while they are being created: how these begin, fail or are dropped alone, and join the database's graph.
#include "meta/barrier/checkpoint_control.h"
#include "meta/barrier/root_error.h"

namespace penstock::meta {
namespace {

runtime::Duration restart_delay(uint32_t failures) {
  constexpr runtime::Duration kFirst = std::chrono::milliseconds(20);
  constexpr runtime::Duration kMost = std::chrono::seconds(5);
  return failures > 8 ? kMost : std::min(kFirst * (1 << failures), kMost);
}

}  // namespace

bool CheckpointControl::wants_own_graph(const JobPlan& plan) const {
  const auto is = [&](auto what) { return std::ranges::any_of(plan.fragments(), [&](const auto& f) { return what(*f.plan); }); };
  if (is([](const pb::Fragment& fragment) { return fragment.has_dml(); })) return false;
  return is([](const pb::Fragment& fragment) { return fragment.has_scan() || fragment.has_source(); });
}

// The database's graph lists the segments that the job's earlier attempts have written, and adopts them; here they are named so that
// files of others of these attempts can go.
void CheckpointControl::create_job_graph(JobId job, const CreatingJob& creating, ControlEffects& out) const {
  for (const WorkerId worker : creating.workers) {
    SendRequest send{worker, {}};
    pb::CreatePartialGraph* create = send.request.mutable_create_partial_graph();
    create->set_database(database_name());
    to_pb(creating.graph, create->mutable_graph());
    to_pb(term_, create->mutable_trunk());
    create->set_database_id(database_.value);
    create->set_committed_epoch(committed_.value);
    for (const auto& [sequence, ref] : env_.model.segments(term_.graph, worker)) {
      if (ref.graph().id() == creating.graph.graph.value) *create->add_segments() = ref;
    }
    for (const TableId table : graph_.job(job)->plan->tables()) create->add_live_tables(table.value);
    out.emplace_back(std::move(send));
  }
}

std::optional<JobId> CheckpointControl::creating_in(GraphTerm graph) const {
  for (const auto& [job, creating] : creating_) {
    if (creating.graph == graph) return job;
  }
  return std::nullopt;
}

// ---- leaving --------------------------------------------------------------------------------------------------------------------------

// A commit that is under way holds what the job had reported; every later one is without it.
EndingGraph& CheckpointControl::detach(JobId job, ControlEffects& out) {
  const CreatingJob creating = creating_.extract(job).mapped();
  for (size_t i = committing_ ? 1 : 0; i < barriers_.size(); ++i) {
    InflightBarrier& barrier = barriers_[i];
    const auto of_job = [&](const Participant& who) { return who.first == creating.graph; };
    std::erase_if(barrier.participants, of_job);
    std::erase_if(barrier.waiting, of_job);
    std::erase_if(barrier.reports, [&](const auto& report) { return of_job(report.first); });
    barrier.placed.erase(job);
    barrier.assigned.erase(job);
    std::erase_if(barrier.commands, [&](const Command& command) {
      const auto* create = std::get_if<CreateJob>(&command);
      return create != nullptr && create->job == job;
    });
  }
  std::erase_if(joining_, [&](const auto& joining) { return joining.first.first == creating.graph; });
  // Others drop their outputs to it before they can be given new ones.
  commands_.emplace_front(DetachJob{job, messages().stop({job}), graph_.job(job)->plan->tables()});
  tracker_.remove(job);
  assigned_.erase(job);
  graph_.remove(job);
  detached_[job] = false;
  out.emplace_back(StatusChanged{});
  EndingGraph& ending = ending_[creating.graph];
  ending.job = job;
  ending.waiting = creating.workers;
  return ending;
}

void CheckpointControl::fail_creating(Now, JobId job, const pb::RootError& root, ControlEffects& out) {
  std::string reason = describe(root);
  out.emplace_back(EventHappened{"failure", fmt::format("while it was being created: {}", reason), job, {}});
  EndingGraph& ending = detach(job, out);
  ending.reason = std::move(reason);
  ending.root = root;
}

bool CheckpointControl::step_ending(Now now, ControlEffects& out) {
  if (committing_) return false;  // it may be in that commit, of which its nodes must hear first
  for (auto at = ending_.begin(); at != ending_.end(); ++at) {
    auto& [graph, ending] = *at;
    std::erase_if(ending.waiting, [&](WorkerId worker) { return !members_.contains(worker); });
    if (ending.waiting.empty()) {
      EndingGraph ended = std::move(ending);
      ending_.erase(at);
      finish_ending(now, std::move(ended), out);
      return true;
    }
    if (ending.sent && now.mono - *ending.sent < options_.reset_timeout) continue;
    for (const WorkerId worker : ending.waiting) {
      if (ending.sent) {
        out.emplace_back(
            DisconnectWorker{worker, error(Code::Timeout, "node does not answer the reset of graph {} term {}", graph.graph, graph.term)});
        continue;
      }
      SendRequest send{worker, {}};
      to_pb(graph, send.request.mutable_reset_partial_graphs()->add_graphs());
      out.emplace_back(std::move(send));
    }
    ending.sent = now.mono;
  }
  return false;
}

void CheckpointControl::finish_ending(Now now, EndingGraph ended, ControlEffects& out) {
  const pb::CatalogObject* object = env_.model.object(ended.job);
  if (ended.dropped || object == nullptr || object->state() != pb::JOB_CREATING) return;
  if (ended.root) ended.root->set_job_id(ended.job.value);  // its actors are in no graph any more
  const std::string reason = ended.root ? describe(*ended.root) : ended.reason;
  job_errors_[ended.job] = reason;
  FailedCreation& failed = failed_creations_.try_emplace(ended.job, FailedCreation{0, now.mono}).first->second;
  ++failed.times;
  const bool certain = ended.root && ended.root->score() >= kUserScore;
  if (certain || (failed.times >= options_.create_attempts && now.mono - failed.since >= options_.patience)) {
    failed_creations_.erase(ended.job);
    out.emplace_back(JobFailed{ended.job, error(code_of(ended.root ? ended.root->sqlstate() : ""), "{}", reason)});
    return;
  }
  out.emplace_back(EventHappened{"created again", fmt::format("attempt {}: {}", failed.times + 1, reason), ended.job, {}});
  restarts_[ended.job] = {now.mono + restart_delay(failed.times)};
}

bool CheckpointControl::step_restart(Now now) {
  for (const auto& [job, restart] : restarts_) {
    const auto detached = detached_.find(job);
    if (now.mono < restart.at || (detached != detached_.end() && !detached->second)) continue;
    const JobId again = job;
    detached_.erase(again);
    restarts_.erase(again);
    commands_.emplace_back(CreateJob{again});
    return true;
  }
  return false;
}

// The whole database was reset. Jobs that no commit has left behind go on from the committed epoch like all others.
void CheckpointControl::forget_creating_after_reset(Now now) {
  creating_.clear();
  merging_.clear();
  ending_.clear();
  for (const auto& [job, durable] : std::exchange(detached_, {})) {
    const pb::CatalogObject* object = env_.model.object(job);
    const bool owns_nothing = env_.model.placement(job) == nullptr;
    if (object == nullptr || object->state() != pb::JOB_CREATING || !owns_nothing) {
      restarts_.erase(job);
    } else {
      restarts_.try_emplace(job, PendingRestart{now.mono});
    }
  }
}

// ---- joining --------------------------------------------------------------------------------------------------------------------------

void CheckpointControl::finish_creation(Now now, JobId job, ControlEffects& out) {
  tracker_.remove(job);
  failed_creations_.erase(job);
  job_errors_.erase(job);
  out.emplace_back(JobCreated{job});
  const bool takes = std::holds_alternative<Running>(state_);
  if (takes && creating_.contains(job)) {
    merge_job(job, out);
  } else if (takes && graph_.job(job) == nullptr && env_.model.job(job)) {
    // It failed while the commit that made it a job like others was under way: so its failure is the database's.
    detached_.erase(job);
    restarts_.erase(job);
    fail(now, fmt::format("{} failed when it had just been created", env_.model.job(job)->name()), std::nullopt, false, out);
  }
}

// Nothing but who answers for it changes: from the next barrier on, the database's graph.
void CheckpointControl::merge_job(JobId job, ControlEffects& out) {
  const CreatingJob creating = creating_.extract(job).mapped();
  for (const WorkerId worker : creating.workers) {
    SendRequest send{worker, {}};
    pb::MergePartialGraph* merge = send.request.mutable_merge_partial_graph();
    to_pb(creating.graph, merge->mutable_from());
    to_pb(term_, merge->mutable_into());
    merge->set_epoch(chain_end_.value);
    out.emplace_back(std::move(send));
  }
  graph_.move(job, term_);
  merging_.insert(creating.graph);
  forget_merged();
}

void CheckpointControl::forget_merged() {
  std::erase_if(merging_, [&](GraphTerm graph) {
    return std::ranges::none_of(barriers_, [&](const InflightBarrier& barrier) {
      return std::ranges::any_of(barrier.participants, [&](const Participant& who) { return who.first == graph; });
    });
  });
}

}  // namespace penstock::meta
