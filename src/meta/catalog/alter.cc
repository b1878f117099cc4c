#include "meta/catalog/alter.h"

#include <charconv>

#include "meta/catalog/catalog_manager.h"
#include "meta/catalog/evolve.h"
#include "meta/model/rows.h"

namespace penstock::meta::catalog {
namespace {

constexpr std::string_view kSourceRate = "source_rate_limit";
constexpr std::string_view kBackfillRate = "backfill_rate_limit";

void next_version(const MetaModel& model, Txn& txn) {
  rows::put_counter(txn, Counter::CatalogVersion, model.counter(Counter::CatalogVersion) + 1);
}

uint64_t rate_of(const pb::CatalogObject& object, std::string_view key) {
  uint64_t rate = 0;
  const auto found = object.properties().find(std::string(key));
  if (found != object.properties().end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), rate);
  return rate;
}

// 0 is no limit.
uint64_t lower_rate(uint64_t a, uint64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

/// The job's record with the rates that its object and its sources say; `changed` is one of them as it will be.
pb::JobRecord with_rates(const MetaModel& model, const JobPlan& plan, const pb::CatalogObject& changed) {
  const auto object = [&](uint32_t id) { return id == changed.id() ? &changed : model.object(ObjectId{id}); };
  const pb::CatalogObject* job = object(plan.id().value);
  const uint64_t of_job = job == nullptr ? 0 : rate_of(*job, kSourceRate);
  pb::JobRecord record = plan.record();
  for (pb::Fragment& fragment : *record.mutable_graph()->mutable_fragments()) {
    for_each_node(*fragment.mutable_root(), [&](pb::StreamNode& node) {
      if (node.has_source()) {
        const pb::CatalogObject* source = object(node.source().source_id());
        node.mutable_source()->set_rate_limit(lower_rate(of_job, source == nullptr ? 0 : rate_of(*source, kSourceRate)));
      }
      if (node.has_stream_scan()) node.mutable_stream_scan()->set_rate_limit(job == nullptr ? 0 : rate_of(*job, kBackfillRate));
    });
  }
  return record;
}

bool scans(const JobPlan& plan) {
  return std::ranges::any_of(plan.fragments(), [](const JobPlan::FragmentPlan& fragment) { return fragment.plan->has_scan(); });
}

Status check_throttle(const MetaModel& model, const pb::CatalogObject& object, bool backfill) {
  if (object.kind() == pb::OBJECT_SOURCE) {
    if (!backfill) return ok();
    return error(Code::WrongObjectType, "{} has no backfill", describe(object)).with_hint("Set it for a view that reads tables or views.");
  }
  const auto plan = model.job(ObjectId{object.id()});
  if (!plan) return error(Code::WrongObjectType, "{} has no streaming job", describe(object));
  if (backfill && !scans(*plan)) {
    return error(Code::WrongObjectType, "{} has no backfill: it reads no table or view", describe(object));
  }
  if (!backfill && plan->sources().empty()) return error(Code::WrongObjectType, "{} reads no source", describe(object));
  return ok();
}

}  // namespace

DatabaseId database_of(const MetaModel& model, ObjectId id) {
  const pb::CatalogObject* object = model.object(id);
  return object == nullptr ? DatabaseId{} : DatabaseId{object->database_id()};
}

Result<Txn> plan_pause(const MetaModel& model, const pb::PauseRequest& request, bool paused) {
  Txn txn;
  if (request.job_id() == 0) {
    const DatabaseId id{request.database_id()};
    const auto found = model.databases().find(id);
    if (found == model.databases().end()) return error(Code::UndefinedDatabase, "database {} does not exist", id);
    if (found->second.paused() == paused) return txn;
    pb::Database database = found->second;
    database.set_paused(paused);
    rows::put(txn, database);
  } else {
    const ObjectId id{request.job_id()};
    const pb::CatalogObject* object = model.object(id);
    const auto plan = model.job(id);
    if (object == nullptr || !plan) return error(Code::UndefinedObject, "job {} does not exist", id);
    if (plan->sources().empty() && !scans(*plan)) {
      return error(Code::WrongObjectType, "{} has no source and no backfill that could be held", describe(*object));
    }
    if (object->paused() == paused) return txn;
    pb::CatalogObject changed = *object;
    changed.set_paused(paused);
    rows::put(txn, changed);
  }
  next_version(model, txn);
  return txn;
}

Result<Txn> plan_throttle(const MetaModel& model, const pb::ThrottleRequest& request) {
  const pb::CatalogObject* object = model.object(ObjectId{request.object_id()});
  if (object == nullptr) return error(Code::UndefinedObject, "object {} does not exist", request.object_id());
  PENSTOCK_TRY(check_throttle(model, *object, request.backfill()));
  pb::CatalogObject changed = *object;
  const std::string key(request.backfill() ? kBackfillRate : kSourceRate);
  if (request.rate() == 0) {
    changed.mutable_properties()->erase(key);
  } else {
    (*changed.mutable_properties())[key] = fmt::format("{}", request.rate());
  }
  Txn txn;
  rows::put(txn, changed);
  for (const auto& [id, plan] : model.jobs()) {
    if (id.value != changed.id() && !plan->reads(ObjectId{changed.id()})) continue;
    const pb::JobRecord record = with_rates(model, *plan, changed);
    if (record.SerializeAsString() != plan->record().SerializeAsString()) rows::put(txn, record);
  }
  next_version(model, txn);
  return txn;
}

Result<Txn> plan_alter_source(const MetaModel& model, const pb::AlterSourceRequest& request) {
  const pb::CatalogObject* source = model.object(ObjectId{request.source_id()});
  if (source == nullptr) return error(Code::UndefinedObject, "object {} does not exist", request.source_id());
  if (source->kind() != pb::OBJECT_SOURCE) return error(Code::WrongObjectType, "{} is not a source", describe(*source));
  Txn txn;
  pb::CatalogObject changed = *source;
  for (const auto& [key, value] : request.properties()) (*changed.mutable_properties())[key] = value;
  rows::put(txn, changed);
  for (const auto& [id, plan] : model.jobs()) {
    if (!plan->reads(ObjectId{changed.id()})) continue;
    pb::JobRecord record = plan->record();
    for (pb::Fragment& fragment : *record.mutable_graph()->mutable_fragments()) {
      for_each_node(*fragment.mutable_root(), [&](pb::StreamNode& node) {
        if (!node.has_source() || node.source().source_id() != changed.id()) return;
        *node.mutable_source()->mutable_properties() = changed.properties();
      });
    }
    rows::put(txn, record);
  }
  next_version(model, txn);
  return txn;
}

Result<Txn> plan_rename(const MetaModel& model, const pb::RenameObjectRequest& request) {
  const ObjectId id{request.object_id()};
  const pb::CatalogObject* object = model.object(id);
  if (object == nullptr) return error(Code::UndefinedObject, "object {} does not exist", id);
  if (request.name().empty()) return error(Code::InvalidParameter, "an object needs a name");
  if (replacement_of(model, id) != nullptr || object->replaces() != 0) {
    return error(Code::ObjectInUse, "{} is being given another query", describe(*object)).with_hint("WAIT, then run it again.");
  }
  for (const auto& [other_id, other] : model.objects()) {
    const bool there = other.database_id() == object->database_id() && other.schema() == object->schema();
    if (there && other.name() == request.name()) return error(Code::DuplicateTable, "relation \"{}\" already exists", request.name());
  }
  Txn txn;
  pb::CatalogObject renamed = *object;
  renamed.set_name(request.name());
  renamed.set_definition(request.definition());
  rows::put(txn, renamed);
  if (const auto plan = model.job(id)) {
    pb::JobRecord record = plan->record();
    record.set_name(request.name());
    rows::put(txn, record);
  }
  next_version(model, txn);
  return txn;
}

Result<Txn> plan_alter_database(const MetaModel& model, const pb::AlterDatabaseRequest& request) {
  const DatabaseId id{request.database_id()};
  const auto found = model.databases().find(id);
  if (found == model.databases().end()) return error(Code::UndefinedDatabase, "database {} does not exist", id);
  pb::Database database = found->second;
  if (request.barrier_interval_ms() != 0) database.set_barrier_interval_ms(request.barrier_interval_ms());
  if (request.checkpoint_frequency() != 0) database.set_checkpoint_frequency(request.checkpoint_frequency());
  Txn txn;
  rows::put(txn, database);
  next_version(model, txn);
  return txn;
}

}  // namespace penstock::meta::catalog
