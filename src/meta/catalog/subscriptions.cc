#include "meta/catalog/subscriptions.h"

#include <algorithm>

#include "meta/model/rows.h"

namespace penstock::meta::catalog {

std::vector<const pb::CatalogObject*> subscriptions_of(const MetaModel& model, ObjectId job) {
  std::vector<const pb::CatalogObject*> out;
  for (const auto& [id, object] : model.objects()) {
    if (object.kind() == pb::OBJECT_SUBSCRIPTION && object.depends_on(0) == job.value) out.push_back(&object);
  }
  return out;
}

Status add_subscription(const MetaModel& model, pb::CatalogObject& subscription, Txn& txn) {
  if (subscription.depends_on_size() != 1) return error(Code::WrongObjectType, "{} must be of one relation", describe(subscription));
  if (subscription.retention_ms() == 0) return error(Code::InvalidParameter, "{} needs a retention", describe(subscription));
  const ObjectId id{subscription.depends_on(0)};
  const pb::CatalogObject& upstream = *model.object(id);
  const auto job = model.job(id);
  if (!job || job->materialize_fragment() == nullptr) {
    return error(Code::WrongObjectType, "{} has no changes that could be subscribed to", describe(upstream))
        .with_hint("Subscribe to a table or a materialized view.");
  }
  pb::JobRecord record = job->record();
  if (record.log_table() == 0) {
    record.set_log_table(static_cast<uint32_t>(std::max<uint64_t>(1, model.counter(Counter::NextTable))));
    rows::put_counter(txn, Counter::NextTable, record.log_table() + uint64_t{1});
    rows::put(txn, record);
  }
  subscription.set_log_table(record.log_table());
  subscription.clear_log_since();
  return ok();
}

void release_logs(const MetaModel& model, DropPlan& plan) {
  const auto dropped = [&](uint32_t id) { return std::ranges::find(plan.dropped, ObjectId{id}) != plan.dropped.end(); };
  std::set<ObjectId> jobs;
  for (const ObjectId id : plan.dropped) {
    const pb::CatalogObject& object = *model.object(id);
    if (object.kind() == pb::OBJECT_SUBSCRIPTION && !dropped(object.depends_on(0))) jobs.insert(ObjectId{object.depends_on(0)});
  }
  for (const ObjectId id : jobs) {
    const auto job = model.job(id);
    const auto all = subscriptions_of(model, id);
    if (!job || !std::ranges::all_of(all, [&](const pb::CatalogObject* subscription) { return dropped(subscription->id()); })) continue;
    pb::JobRecord record = job->record();
    record.clear_log_table();
    rows::put(plan.txn, record);
  }
}

void renew_log(const MetaModel& model, pb::JobRecord& record, uint64_t& next_table, Txn& txn) {
  if (record.log_table() == 0) return;
  record.set_log_table(static_cast<uint32_t>(next_table++));
  for (const pb::CatalogObject* old : subscriptions_of(model, ObjectId{record.job_id()})) {
    pb::CatalogObject subscription = *old;
    subscription.set_log_table(record.log_table());
    subscription.clear_log_since();
    rows::put(txn, subscription);
  }
}

bool note_logged(const MetaModel& model, const std::set<ObjectId>& waiting, const std::vector<JobId>& finished, Epoch committed, Txn& txn) {
  bool any = false;
  for (const ObjectId id : waiting) {
    const pb::CatalogObject* object = model.object(id);
    if (object == nullptr || object->log_since() != 0) continue;
    const ObjectId job{object->depends_on(0)};
    const pb::CatalogObject* upstream = model.object(job);
    const bool created = upstream != nullptr && upstream->state() == pb::JOB_CREATED;
    if (!created && std::ranges::find(finished, job) == finished.end()) continue;
    pb::CatalogObject logged = *object;
    logged.set_log_since(committed.value);
    rows::put(txn, logged);
    any = true;
  }
  return any;
}

}  // namespace penstock::meta::catalog
