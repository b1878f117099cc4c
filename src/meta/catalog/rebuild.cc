#include "meta/catalog/rebuild.h"

#include "meta/catalog/alter.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/catalog/subscriptions.h"
#include "meta/model/keys.h"
#include "meta/model/rows.h"

namespace penstock::meta::catalog {
namespace {

Status check_upstreams(const MetaModel& model, const pb::CatalogObject& object) {
  for (const uint32_t id : object.depends_on()) {
    const pb::CatalogObject* upstream = model.object(ObjectId{id});
    if (upstream == nullptr) return error(Code::UndefinedObject, "{} reads object {}, which was dropped", describe(object), id);
    if (upstream->state() == pb::JOB_QUARANTINED) {
      return error(Code::Stale, "{} reads {}, which is quarantined", describe(object), describe(*upstream)).with_hint("Resume that first.");
    }
    if (upstream->state() == pb::JOB_CREATING) {
      return error(Code::Stale, "{} reads {}, which is still being created", describe(object), describe(*upstream))
          .with_hint("WAIT, then resume this one.");
    }
  }
  return ok();
}

/// The same graph under new numbers, reading its upstreams' tables as they are numbered now.
pb::JobRecord renumbered(const MetaModel& model, const pb::JobRecord& old, Txn& txn) {
  pb::JobRecord record = old;
  const auto take = [&](Counter counter, uint32_t count) {
    const auto first = static_cast<uint32_t>(std::max<uint64_t>(1, model.counter(counter)));
    rows::put_counter(txn, counter, first + count);
    return first;
  };
  record.set_table_base(take(Counter::NextTable, record.graph().table_count()));
  uint64_t next_table = record.table_base() + uint64_t{record.graph().table_count()};
  renew_log(model, record, next_table, txn);
  rows::put_counter(txn, Counter::NextTable, next_table);
  record.set_fragment_base(take(Counter::NextFragment, static_cast<uint32_t>(record.graph().fragments_size())));
  record.set_operator_base(take(Counter::NextOperator, record.graph().operator_count()));
  for (pb::Fragment& fragment : *record.mutable_graph()->mutable_fragments()) {
    for_each_node(*fragment.mutable_root(), [&](pb::StreamNode& node) {
      if (!node.has_stream_scan()) return;
      const pb::CatalogObject* upstream = model.object(ObjectId{node.stream_scan().upstream_object()});
      if (upstream != nullptr) *node.mutable_stream_scan()->mutable_upstream_table() = upstream->table();
    });
  }
  return record;
}

void forget_progress(const MetaModel& model, JobId job, Txn& txn) {
  if (model.placement(job) != nullptr) txn.erase(keys::placement(job));
  for (const auto& [key, split] : model.splits(job)) {
    JobSplit start;
    start.split.set_id(split.split.id());
    start.split.set_number(split.split.number());
    start.split.set_identity(split.split.identity());
    rows::put_split(txn, job, key.first, start);
  }
}

}  // namespace

Result<RebuildPlan> plan_rebuild(const MetaModel& model, JobId job) {
  RebuildPlan plan;
  const auto old = model.job(job);
  pb::CatalogObject object = *model.object(job);
  PENSTOCK_TRY(check_upstreams(model, object));
  plan.from_empty = object.kind() != pb::OBJECT_TABLE;
  object.set_state(plan.from_empty ? pb::JOB_CREATING : pb::JOB_CREATED);
  object.clear_state_reason();
  object.clear_stale_since();
  object.set_paused(false);
  if (plan.from_empty) {
    const pb::JobRecord record = renumbered(model, old->record(), plan.txn);
    if (object.has_table())
      object.mutable_table()->set_table_id(object.table().table_id() - old->record().table_base() + record.table_base());
    object.set_rebuilt(true);
    forget_progress(model, job, plan.txn);
    rows::put(plan.txn, record);
  }
  rows::put(plan.txn, object);
  rows::put_counter(plan.txn, Counter::CatalogVersion, model.counter(Counter::CatalogVersion) + 1);
  return plan;
}

}  // namespace penstock::meta::catalog
