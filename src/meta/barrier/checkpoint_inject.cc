#include "meta/barrier/checkpoint_control.h"
#include "meta/source/split_assignment.h"

namespace penstock::meta {

bool CheckpointControl::step_inject(Now now, ControlEffects& out) {
  if (members_.empty()) {
    finish_flushes_of_empty_graph(out);
    return false;
  }
  if (now.mono < schedule_.due() || barriers_.size() >= options_.max_in_flight) return false;
  const auto curr = next_epoch(now, out);
  if (!curr) return false;
  inject(now, *curr, schedule_.is_checkpoint(now.mono) ? pb::BARRIER_CHECKPOINT : pb::BARRIER_BARRIER, {}, out);
  return true;
}

// Of the nodes that have the graph: what they have no room for, its sources must not read.
void CheckpointControl::look_at_disks(ControlEffects& out) {
  DiskTrouble trouble = env_.cluster.disk_trouble(members_);
  const bool changed = std::exchange(disk_full_, trouble.full) != trouble.full;
  const bool was_low = !pauses_.why(PauseReasons::Reason::Disk).empty();
  if (!pauses_.set(PauseReasons::Reason::Disk, std::move(trouble.text)) && !changed) return;
  const std::string& why = pauses_.why(PauseReasons::Reason::Disk);
  if (was_low != !why.empty()) out.emplace_back(EventHappened{why.empty() ? "disk has room again" : "disk nearly full", why, {}, {}});
  out.emplace_back(StatusChanged{});
}

std::optional<Epoch> CheckpointControl::next_epoch(Now now, ControlEffects& out) {
  if (!has_epoch(now, out)) return std::nullopt;
  return env_.epochs.next(now.unix_micros);
}

bool CheckpointControl::has_epoch(Now now, ControlEffects& out) {
  lease_wanted_.reset();
  if (env_.epochs.has_next(now.unix_micros)) return true;
  lease_wanted_ = now.mono;
  out.emplace_back(LeaseWanted{});
  return false;
}

// Nothing runs, so nothing was accepted that is not committed.
void CheckpointControl::finish_flushes_of_empty_graph(ControlEffects& out) {
  for (const FlushWaiter& waiter : std::exchange(flushes_, {})) out.emplace_back(FlushDone{waiter, term_, committed_});
}

// Nodes that have the graph not yet.
void CheckpointControl::join(const std::set<WorkerId>& workers, ControlEffects& out) {
  for (const WorkerId worker : workers) {
    if (members_.contains(worker)) continue;
    create_on(worker, out);
    send_empty_initial({term_, worker}, out);
  }
}

// Their chain begins with an Initial of their own, which ends where the others' chain is.
void CheckpointControl::send_empty_initial(const Participant& who, ControlEffects& out) {
  SendRequest send{who.second, {}};
  pb::InjectBarrier* inject = send.request.mutable_inject_barrier();
  to_pb(who.first, inject->mutable_graph());
  inject->mutable_barrier()->mutable_epoch()->set_prev(committed_.value);
  inject->mutable_barrier()->mutable_epoch()->set_curr(chain_end_.value);
  inject->mutable_barrier()->set_kind(pb::BARRIER_INITIAL);
  out.emplace_back(std::move(send));
  joining_.insert({who, committed_});
}

std::set<Participant> CheckpointControl::participants() const {
  std::set<Participant> out;
  for (const WorkerId worker : members_) out.insert({term_, worker});
  for (const auto& [job, creating] : creating_) {
    for (const WorkerId worker : creating.workers) out.insert({creating.graph, worker});
  }
  return out;
}

void CheckpointControl::create_on(WorkerId worker, ControlEffects& out) {
  if (!members_.insert(worker).second) return;
  SendRequest send{worker, {}};
  pb::CreatePartialGraph* create = send.request.mutable_create_partial_graph();
  to_pb(term_, create->mutable_graph());
  create->set_database_id(database_.value);
  create->set_database(database_name());
  create->set_committed_epoch(committed_.value);
  for (const auto& [sequence, ref] : env_.model.segments(term_.graph, worker)) *create->add_segments() = ref;
  for (const auto& [id, plan] : env_.model.jobs()) {
    if (plan->database() != database_) continue;
    for (const TableId table : plan->tables()) create->add_live_tables(table.value);
  }
  fill_owned(worker, create);
  out.emplace_back(std::move(send));
}

void CheckpointControl::inject(Now now, Epoch curr, pb::BarrierKind kind, Injection injection, ControlEffects& out) {
  InflightBarrier barrier{.epoch = {chain_end_, curr}, .kind = kind, .injected = now.mono, .carries_commands = !injection.empty()};
  std::vector<TransactionDecided> decided;
  barrier.waiting = barrier.participants = participants();
  if (kind == pb::BARRIER_CHECKPOINT) {
    barrier.flushes = std::exchange(flushes_, {});
    barrier.assigned = std::exchange(assigned_, {});
    decided = name_transactions(now, barrier.epoch.prev, injection);
  }
  send_barrier(barrier, injection, out);
  out.insert(out.end(), decided.begin(), decided.end());

  BarrierTrace trace{.epoch = barrier.epoch, .kind = kind};
  trace.command = fmt::format("{}", fmt::join(injection.what, ", "));
  const int64_t late = std::max<int64_t>(0, (now.mono - schedule_.due()).count() / 1000);
  trace.scheduled_at = now.unix_micros - (trace.command.empty() ? late : 0);
  trace.injected_at = now.unix_micros;
  traces_.add(std::move(trace));

  barrier.commands = std::move(injection.commands);
  barrier.subscribing = subscribing_;
  barrier.starts_backfill = injection.starts_backfill;
  barrier.placed = std::move(injection.placed);
  barrier.dropped_tables = std::move(injection.dropped_tables);
  for (auto& [job, splits] : injection.assigned) barrier.assigned[job].insert(splits.begin(), splits.end());
  chain_end_ = curr;
  schedule_.on_injected(now.mono, kind == pb::BARRIER_CHECKPOINT);
  if (transactions_.waiting()) schedule_.want_checkpoint(now.mono);
  barriers_.push_back(std::move(barrier));
}

// Held rows come out just before the barrier, also of an actor that it stops.
std::vector<TransactionDecided> CheckpointControl::name_transactions(Now now, Epoch prev, Injection& injection) {
  Transactions::Choice choice = transactions_.choose(now, prev, members_, [this](const auto& participant) {
    const auto actor = graph_.find(participant.actor);
    return participant.graph == term_ && actor && actor->worker == participant.worker && members_.contains(participant.worker);
  });
  injection.transactions = std::move(choice.of_worker);
  return std::move(choice.decided);
}

void CheckpointControl::send_barrier(const InflightBarrier& barrier, Injection& injection, ControlEffects& out) const {
  const std::optional<pb::Mutation> mutation = combine(std::move(injection.mutations));
  for (const Participant& who : barrier.participants) {
    const auto& [graph, worker] = who;
    SendRequest send{worker, {}};
    pb::InjectBarrier* inject = send.request.mutable_inject_barrier();
    to_pb(graph, inject->mutable_graph());
    inject->mutable_barrier()->mutable_epoch()->set_prev(barrier.epoch.prev.value);
    inject->mutable_barrier()->mutable_epoch()->set_curr(barrier.epoch.curr.value);
    inject->mutable_barrier()->set_kind(barrier.kind);
    if (mutation) *inject->mutable_barrier()->mutable_mutation() = *mutation;
    const InflightGraph::Share& share = graph_.share(graph.graph, worker);
    inject->mutable_actors_to_collect()->Assign(share.actors.begin(), share.actors.end());
    const bool added = !injection.placed.empty();
    const auto before = injection.tables_before.find(who);
    if (!added) {
      inject->mutable_tables_to_sync()->Assign(share.tables.begin(), share.tables.end());
    } else if (before != injection.tables_before.end()) {
      inject->mutable_tables_to_sync()->Assign(before->second.begin(), before->second.end());
    }
    const auto transactions = injection.transactions.find(worker);
    if (graph == term_ && transactions != injection.transactions.end()) {
      for (const TransactionId id : transactions->second.commit) inject->add_commit_txns(id.value);
      for (const TransactionId id : transactions->second.abort) inject->add_abort_txns(id.value);
    }
    if (const auto build = injection.build.find(who); build != injection.build.end()) {
      for (pb::BuildFragment& fragment : build->second) {
        fragment.set_paused(held_.contains(JobId{fragment.job_id()}));
        tell_subscribers(fragment);
        fragment.set_backfill_waits(tracker_.waits(JobId{fragment.job_id()}, FragmentId{fragment.fragment_id()}));
        *inject->add_build() = std::move(fragment);
      }
    }
    out.emplace_back(std::move(send));
  }
}

GraphMessages CheckpointControl::messages() const {
  return {graph_, [this](WorkerId worker) { return env_.cluster.endpoint(worker); }};
}

// What is assigned by barriers in flight is not in the model yet; given away once more it would be read twice.
std::map<MetaModel::SplitKey, JobSplit> CheckpointControl::known_splits(JobId job) const {
  std::map<MetaModel::SplitKey, JobSplit> out = env_.model.splits(job);
  const auto overlay = [&](const std::map<JobId, std::map<MetaModel::SplitKey, ActorId>>& assigned) {
    const auto own = assigned.find(job);
    if (own == assigned.end()) return;
    for (const auto& [key, actor] : own->second) {
      if (const auto split = out.find(key); split != out.end()) split->second.actor = actor;
    }
  };
  for (const InflightBarrier& barrier : barriers_) overlay(barrier.assigned);
  overlay(assigned_);
  return out;
}

std::map<MetaModel::SplitKey, ActorId> CheckpointControl::assign(const JobPlan& plan, const JobPlacement& placement) const {
  std::map<MetaModel::SplitKey, ActorId> out;
  const auto splits = known_splits(plan.id());
  for (const JobPlan::FragmentPlan& fragment : plan.fragments()) {
    if (!fragment.plan->has_source()) continue;
    const ObjectId source{fragment.plan->source_id()};
    for (const auto& [number, actor] : assign_splits(splits, source, placement.fragments.at(fragment.id))) out[{source, number}] = actor;
  }
  return out;
}

ActorSplits CheckpointControl::splits_of(JobId job, const std::map<MetaModel::SplitKey, ActorId>& assigned) const {
  ActorSplits out;
  for (const auto& [key, split] : known_splits(job)) {
    const auto given = assigned.find(key);
    out[given == assigned.end() ? split.actor : given->second].push_back(split.split);
  }
  return out;
}

}  // namespace penstock::meta
