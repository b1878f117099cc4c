#include "meta/barrier/commit_record.h"

#include <algorithm>

#include "meta/catalog/evolve.h"
#include "meta/catalog/subscriptions.h"
#include "meta/model/keys.h"
#include "meta/model/rows.h"

namespace penstock::meta {
namespace {

void put_segments(const MetaModel& model, const CommitRecord& record, CommitPlan& plan) {
  std::map<WorkerId, uint64_t> highest;
  for (const WorkerSegments& report : record.segments) {
    for (const pb::SegmentRef& ref : report.written) {
      rows::put_segment(plan.txn, report.graph, report.worker, ref);
      uint64_t& seen = highest[report.worker];
      seen = std::max(seen, ref.sequence());
    }
    const MetaModel::Segments& listed = model.segments(report.graph, report.worker);
    for (const uint64_t sequence : report.flushed) {
      // One that is not listed any more is told again: the node has not heard of it.
      plan.struck_off[report.worker].push_back(sequence);
      if (listed.contains(sequence)) plan.txn.erase(keys::segment(report.graph, report.worker, sequence));
    }
  }
  for (const auto& [worker, sequence] : highest) {
    const pb::WorkerRecord* known = model.worker(worker);
    if (known == nullptr || known->highest_segment() >= sequence) continue;
    pb::WorkerRecord next = *known;
    next.set_highest_segment(sequence);
    rows::put(plan.txn, next);
  }
}

// A node that owns nothing of the database holds only rows of dropped tables. (Jobs that are quarantined own their vnodes still.)
void strike_off_left_nodes(const MetaModel& model, const CommitRecord& record, CommitPlan& plan) {
  const auto graph = model.segments().find(record.graph.graph);
  if (graph == model.segments().end()) return;
  std::set<WorkerId> owners = record.members;
  if (std::ranges::all_of(graph->second, [&](const auto& of_worker) { return owners.contains(of_worker.first); }))
    return;  // as nearly always
  for (const auto& [id, job] : model.jobs()) {
    const JobPlacement* placement = job->database() == record.database ? model.placement(id) : nullptr;
    if (placement == nullptr) continue;
    for (const auto& [fragment, actors] : placement->fragments) {
      for (const ActorPlacement& actor : actors) owners.insert(actor.worker);
    }
  }
  for (const auto& [worker, segments] : graph->second) {
    if (owners.contains(worker)) continue;
    for (const auto& [sequence, ref] : segments) plan.txn.erase(keys::segment(record.graph.graph, worker, sequence));
  }
}

void put_splits(const MetaModel& model, const CommitRecord& record, Txn& txn) {
  std::map<std::pair<JobId, MetaModel::SplitKey>, JobSplit> changed;
  const auto find = [&](JobId job, MetaModel::SplitKey key) -> JobSplit* {
    const auto known = changed.find({job, key});
    if (known != changed.end()) return &known->second;
    const auto& splits = model.splits(job);
    const auto durable = splits.find(key);
    if (durable == splits.end()) return nullptr;
    return &changed.emplace(std::pair(job, key), durable->second).first->second;
  };
  for (const auto& [job, splits] : record.assigned) {
    for (const auto& [key, actor] : splits) {
      if (JobSplit* split = find(job, key)) split->actor = actor;
    }
  }
  for (const SplitProgress& progress : record.progress) {
    JobSplit* split = find(progress.job, {progress.source, progress.split.number()});
    if (split == nullptr || split->actor != progress.actor) continue;
    const std::string id = split->split.id();
    split->split = progress.split;
    split->split.set_id(id);
  }
  for (const auto& [at, split] : changed) {
    const JobSplit& durable = model.splits(at.first).at(at.second);
    if (durable.actor == split.actor && durable.split.SerializeAsString() == split.split.SerializeAsString()) continue;
    rows::put_split(txn, at.first, at.second.first, split);
  }
}

void put_jobs(const MetaModel& model, const CommitRecord& record, CommitPlan& plan) {
  std::map<JobId, JobPlacement> placements;
  for (const auto& [job, placement] : record.placed) {
    if (model.job(job)) placements[job] = placement;
  }
  for (const auto& [job, actors] : record.backfilled) {
    const JobPlacement* durable = model.placement(job);
    if (!placements.contains(job)) {
      if (durable == nullptr) continue;
      placements[job] = *durable;
    }
    placements[job].backfilled.insert(actors.begin(), actors.end());
  }
  for (const JobId job : record.finished) {
    const pb::CatalogObject* object = model.object(job);
    if (object == nullptr || object->state() != pb::JOB_CREATING) continue;
    pb::CatalogObject created = *object;
    created.set_state(pb::JOB_CREATED);
    if (created.has_table()) created.mutable_table()->set_readable_since(record.epoch.value);
    if (created.replaces() != 0) {
      for (const auto& [database, jobs] : catalog::plan_take_over(model, created, plan.txn)) {
        plan.replaced[database].insert(plan.replaced[database].end(), jobs.begin(), jobs.end());
      }
    }
    rows::put(plan.txn, created);
    plan.finished.push_back(job);
    if (const auto placement = placements.find(job); placement != placements.end()) placement->second.backfilled.clear();
  }
  for (const auto& [job, placement] : placements) rows::put_placement(plan.txn, job, placement);
}

pb::Split from_the_start(const pb::Split& split) {
  pb::Split out;
  out.set_id(split.id());
  out.set_number(split.number());
  out.set_identity(split.identity());
  return out;
}

// As if it had just been made.
bool start_again(const MetaModel& model, JobId id, uint64_t& next_table, Txn& txn) {
  const auto job = model.job(id);
  const pb::CatalogObject* object = model.object(id);
  if (!job || object == nullptr || object->state() != pb::JOB_CREATING) return false;
  pb::JobRecord record = job->record();
  const uint32_t old_base = record.table_base();
  record.set_table_base(static_cast<uint32_t>(next_table));
  next_table += record.graph().table_count();
  catalog::renew_log(model, record, next_table, txn);
  rows::put(txn, record);
  if (object->has_table()) {
    pb::CatalogObject renumbered = *object;
    renumbered.mutable_table()->set_table_id(record.table_base() + (object->table().table_id() - old_base));
    rows::put(txn, renumbered);
  }
  if (model.placement(id) != nullptr) txn.erase(keys::placement(id));
  for (const auto& [key, split] : model.splits(id)) rows::put_split(txn, id, key.first, {ActorId{}, from_the_start(split.split)});
  return true;
}

void start_again(const MetaModel& model, const CommitRecord& record, CommitPlan& plan) {
  uint64_t next_table = std::max<uint64_t>(1, model.counter(Counter::NextTable));
  bool any = false;
  for (const JobId job : record.detached) any |= start_again(model, job, next_table, plan.txn);
  if (any) rows::put_counter(plan.txn, Counter::NextTable, next_table);
  const bool logged = catalog::note_logged(model, record.subscribing, plan.finished, record.epoch, plan.txn);
  if (!any && !logged && plan.finished.empty()) return;
  rows::put_counter(plan.txn, Counter::CatalogVersion, model.counter(Counter::CatalogVersion) + 1);
}

}  // namespace

CommitPlan build_commit(const MetaModel& model, const CommitRecord& record) {
  CommitPlan plan;
  put_segments(model, record, plan);
  strike_off_left_nodes(model, record, plan);
  put_jobs(model, record, plan);
  start_again(model, record, plan);
  put_splits(model, record, plan.txn);
  rows::put_committed(plan.txn, record.graph, record.epoch);
  return plan;
}

}  // namespace penstock::meta
