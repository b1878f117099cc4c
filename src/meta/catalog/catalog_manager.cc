#include "meta/catalog/catalog_manager.h"

#include <set>

#include "common/vnode.h"
#include "meta/catalog/evolve.h"
#include "meta/catalog/subscriptions.h"
#include "meta/model/keys.h"
#include "meta/model/rows.h"

namespace penstock::meta::catalog {
namespace {

std::string_view kind_name(pb::ObjectKind kind) {
  switch (kind) {
    case pb::OBJECT_SOURCE:
      return "source";
    case pb::OBJECT_TABLE:
      return "table";
    case pb::OBJECT_MATERIALIZED_VIEW:
      return "materialized view";
    case pb::OBJECT_SINK:
      return "sink";
    case pb::OBJECT_VIEW:
      return "view";
    case pb::OBJECT_SUBSCRIPTION:
      return "subscription";
    default:
      return "object";
  }
}

bool is_job_kind(pb::ObjectKind kind) {
  return kind == pb::OBJECT_TABLE || kind == pb::OBJECT_MATERIALIZED_VIEW || kind == pb::OBJECT_SINK;
}

uint32_t next(const MetaModel& model, Counter counter) { return static_cast<uint32_t>(std::max<uint64_t>(1, model.counter(counter))); }

void bump_version(const MetaModel& model, Txn& txn) {
  rows::put_counter(txn, Counter::CatalogVersion, model.counter(Counter::CatalogVersion) + 1);
}

const pb::CatalogObject* find_by_name(const MetaModel& model, const pb::CatalogObject& wanted) {
  for (const auto& [id, object] : model.objects()) {
    if (object.database_id() == wanted.database_id() && object.schema() == wanted.schema() && object.name() == wanted.name())
      return &object;
  }
  return nullptr;
}

std::set<uint32_t> dependencies(const pb::CreateObjectRequest& request) {
  std::set<uint32_t> out(request.object().depends_on().begin(), request.object().depends_on().end());
  for (const pb::FragmentEdge& edge : request.graph().edges()) {
    if (edge.upstream_object() != 0) out.insert(edge.upstream_object());
  }
  for (const pb::Fragment& fragment : request.graph().fragments()) {
    if (fragment.has_source()) out.insert(fragment.source_id());
  }
  return out;
}

Status check_dependencies(const MetaModel& model, const pb::CatalogObject& object) {
  for (const uint32_t id : object.depends_on()) {
    const pb::CatalogObject* upstream = model.object(ObjectId{id});
    if (upstream == nullptr || upstream->database_id() != object.database_id()) {
      return error(Code::UndefinedObject, "{} reads object {}, which was dropped", describe(object), id);
    }
    if (upstream->state() == pb::JOB_QUARANTINED) {
      return error(Code::Stale, "{} is quarantined: {}", describe(*upstream), upstream->state_reason());
    }
    if (replacement_of(model, ObjectId{id}) != nullptr) {
      return error(Code::Stale, "{} is being given another query", describe(*upstream)).with_hint("WAIT, then run it again.");
    }
    if (upstream->state() == pb::JOB_CREATING) {
      return error(Code::Stale, "{} is still being created", describe(*upstream)).with_hint("wait until SHOW JOBS no longer lists it");
    }
  }
  return ok();
}

/// The job's record with its bases, and the counters it moves.
Result<pb::JobRecord> make_job(const MetaModel& model, const pb::CreateObjectRequest& request, const pb::CatalogObject& object, Txn& txn) {
  pb::JobRecord record;
  record.set_job_id(object.id());
  record.set_database_id(object.database_id());
  record.set_name(object.name());
  record.set_table_base(next(model, Counter::NextTable));
  record.set_fragment_base(next(model, Counter::NextFragment));
  record.set_operator_base(next(model, Counter::NextOperator));
  *record.mutable_graph() = request.graph();
  pb::FragmentGraph& graph = *record.mutable_graph();
  if (graph.vnode_count() == 0) graph.set_vnode_count(kDefaultVNodeCount);
  PENSTOCK_TRY(const auto plan, JobPlan::make(record));
  if (object.kind() != pb::OBJECT_SINK && plan->materialize_fragment() == nullptr) {
    return error(Code::InvalidDefinition, "plan of {} materializes nothing", object.name());
  }
  rows::put_counter(txn, Counter::NextTable, record.table_base() + graph.table_count());
  rows::put_counter(txn, Counter::NextFragment, record.fragment_base() + static_cast<uint32_t>(graph.fragments_size()));
  rows::put_counter(txn, Counter::NextOperator, record.operator_base() + graph.operator_count());
  return record;
}

Status add_job(const MetaModel& model, const pb::CreateObjectRequest& request, const Listings& listings, pb::CatalogObject& object,
               Txn& txn) {
  PENSTOCK_TRY(const auto record, make_job(model, request, object, txn));
  if (object.has_table()) {
    if (object.table().table_id() >= record.graph().table_count()) {
      return error(Code::InvalidDefinition, "plan of {} has no table {}", object.name(), object.table().table_id());
    }
    object.mutable_table()->set_table_id(record.table_base() + object.table().table_id());
    if (object.table().vnode_count() == 0) object.mutable_table()->set_vnode_count(record.graph().vnode_count());
  }
  object.set_state(pb::JOB_CREATING);
  rows::put(txn, record);
  for (const auto& [source, listed] : listings) txn.append(first_listing(model, JobId{object.id()}, source, listed));
  return ok();
}

/// `object` and all that depends on it, dependents first: what depends on something was made after it, so it has the higher id.
std::vector<ObjectId> with_dependents(const MetaModel& model, ObjectId object) {
  std::set<ObjectId> found{object};
  for (const auto& [id, other] : model.objects()) {
    for (const uint32_t on : other.depends_on()) {
      if (found.contains(ObjectId{on})) found.insert(id);
    }
  }
  return {found.rbegin(), found.rend()};
}

}  // namespace

void erase_object(const MetaModel& model, ObjectId id, DropPlan& plan) {
  plan.txn.erase(keys::object(id));
  for (const auto& [number, split] : model.numbered_splits(id)) plan.txn.erase(keys::numbered_split(id, number));
  const auto job = model.job(id);
  if (!job) return;
  for (const auto& [key, split] : model.splits(id)) plan.txn.erase(keys::split(id, key.first, key.second));
  if (model.placement(id) != nullptr) plan.txn.erase(keys::placement(id));
  plan.txn.erase(keys::job(id));
  plan.jobs[job->database()].push_back(id);
}

std::string describe(const pb::CatalogObject& object) { return fmt::format("{} {}", kind_name(object.kind()), object.name()); }

Txn bootstrap(const MetaModel& model) {
  Txn txn;
  if (!model.databases().empty()) return txn;
  pb::Database database;
  database.set_id(kDefaultDatabase.value);
  database.set_name("dev");
  rows::put(txn, database);
  rows::put_counter(txn, Counter::NextDatabase, kDefaultDatabase.value + 1);
  bump_version(model, txn);
  return txn;
}

Result<CreatePlan> plan_create(const MetaModel& model, const pb::CreateObjectRequest& request, const Listings& listings,
                               int64_t unix_micros) {
  pb::CatalogObject object = request.object();
  const DatabaseId database{object.database_id()};
  if (!model.databases().contains(database)) return error(Code::UndefinedDatabase, "database {} does not exist", database);
  if (object.name().empty()) return error(Code::InvalidParameter, "an object needs a name");
  if (object.replaces() != 0) {
    PENSTOCK_TRY(check_replacement(model, object));
  }
  if (const pb::CatalogObject* existing = find_by_name(model, object)) {
    if (request.if_not_exists()) return CreatePlan{{}, ObjectId{existing->id()}, database, true, false};
    return error(Code::DuplicateTable, "relation \"{}\" already exists", object.name())
        .with_detail(fmt::format("It is a {}.", kind_name(existing->kind())));
  }
  const bool is_job = is_job_kind(object.kind());
  if (object.kind() == pb::OBJECT_UNKNOWN || is_job != request.has_graph()) {
    return error(Code::InvalidDefinition, "{} {} a plan", describe(object), is_job ? "needs" : "cannot have");
  }
  CreatePlan plan{{}, ObjectId{next(model, Counter::NextObject)}, database, false, is_job};
  object.set_id(plan.object.value);
  object.set_created_at_micros(unix_micros);
  object.set_state(pb::JOB_CREATED);
  const auto depends_on = dependencies(request);
  object.mutable_depends_on()->Assign(depends_on.begin(), depends_on.end());
  PENSTOCK_TRY(check_dependencies(model, object));
  if (is_job) {
    PENSTOCK_TRY(add_job(model, request, listings, object, plan.txn));
  } else if (object.kind() == pb::OBJECT_SUBSCRIPTION) {
    PENSTOCK_TRY(add_subscription(model, object, plan.txn));
  }
  rows::put(plan.txn, object);
  rows::put_counter(plan.txn, Counter::NextObject, plan.object.value + 1);
  bump_version(model, plan.txn);
  return plan;
}

Result<DropPlan> plan_drop(const MetaModel& model, ObjectId id, bool cascade) {
  const pb::CatalogObject* object = model.object(id);
  if (object == nullptr) return error(Code::UndefinedObject, "object {} does not exist", id);
  DropPlan plan;
  const std::vector<ObjectId> all = with_dependents(model, id);
  plan.dropped = all;
  if (!cascade && plan.dropped.size() > 1) {
    std::string detail;
    for (const ObjectId dependent : plan.dropped) {
      if (dependent == id) continue;
      if (!detail.empty()) detail += '\n';
      const pb::CatalogObject& other = *model.object(dependent);
      // Its nearest reason among what goes.
      const auto reason = std::ranges::find_if(
          other.depends_on(), [&](uint32_t on) { return std::ranges::find(plan.dropped, ObjectId{on}) != plan.dropped.end(); });
      detail += fmt::format("{} depends on {}", describe(other), describe(*model.object(ObjectId{*reason})));
    }
    return error(Code::DependentObjects, "cannot drop {} because other objects depend on it", describe(*object))
        .with_detail(std::move(detail))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
  }
  for (const ObjectId view : all) {
    const pb::CatalogObject* replacement = replacement_of(model, view);
    if (replacement == nullptr || std::ranges::find(plan.dropped, ObjectId{replacement->id()}) != plan.dropped.end()) continue;
    plan.dropped.insert(plan.dropped.begin(), ObjectId{replacement->id()});  // the newest: nothing reads it
  }
  for (const ObjectId dropped : plan.dropped) erase_object(model, dropped, plan);
  release_logs(model, plan);
  bump_version(model, plan.txn);
  return plan;
}

DropPlan plan_cancel(const MetaModel& model, const std::vector<ObjectId>& jobs) {
  DropPlan plan;
  for (const ObjectId id : jobs) {
    const pb::CatalogObject* object = model.object(id);
    if (object == nullptr || object->state() != pb::JOB_CREATING || std::ranges::find(plan.dropped, id) != plan.dropped.end()) continue;
    plan.dropped.push_back(id);
    erase_object(model, id, plan);
  }
  if (!plan.dropped.empty()) bump_version(model, plan.txn);
  return plan;
}

Result<DropPlan> plan_drop_database(const MetaModel& model, DatabaseId id, bool cascade) {
  const auto database = model.databases().find(id);
  if (database == model.databases().end()) return error(Code::UndefinedDatabase, "database {} does not exist", id);
  DropPlan plan;
  std::string inside;
  for (const auto& [object_id, object] : model.objects()) {
    if (object.database_id() != id.value) continue;
    plan.dropped.push_back(object_id);
    inside += fmt::format("{}{}", inside.empty() ? "" : "\n", describe(object));
  }
  if (!cascade && !plan.dropped.empty()) {
    return error(Code::DependentObjects, "cannot drop database {} because there are objects in it", database->second.name())
        .with_detail(std::move(inside))
        .with_hint("Use DROP DATABASE … CASCADE to drop them too.");
  }
  for (const ObjectId dropped : plan.dropped) erase_object(model, dropped, plan);
  plan.txn.erase(keys::database(id));
  bump_version(model, plan.txn);
  return plan;
}

Txn plan_quarantine(const MetaModel& model, JobId job, const std::string& reason) {
  Txn txn;
  const pb::CatalogObject* first = model.object(job);
  if (first == nullptr || first->state() == pb::JOB_QUARANTINED) return txn;
  for (const ObjectId id : with_dependents(model, job)) {
    const auto plan = model.job(id);
    if (!plan || model.object(id)->state() == pb::JOB_QUARANTINED) continue;
    pb::CatalogObject object = *model.object(id);
    object.set_state(pb::JOB_QUARANTINED);
    object.set_state_reason(id == job ? reason : fmt::format("it reads {}, which failed: {}", first->name(), reason));
    object.set_stale_since(model.committed(graph_of(plan->database())).value);
    rows::put(txn, object);
  }
  bump_version(model, txn);
  return txn;
}

Result<CreateDatabasePlan> plan_create_database(const MetaModel& model, const pb::CreateDatabaseRequest& request) {
  if (request.name().empty()) return error(Code::InvalidParameter, "a database needs a name");
  for (const auto& [id, database] : model.databases()) {
    if (database.name() != request.name()) continue;
    if (request.if_not_exists()) return CreateDatabasePlan{{}, id};
    return error(Code::DuplicateObject, "database \"{}\" already exists", request.name());
  }
  CreateDatabasePlan plan{{}, DatabaseId{next(model, Counter::NextDatabase)}};
  pb::Database database;
  database.set_id(plan.database.value);
  database.set_name(request.name());
  database.set_barrier_interval_ms(request.barrier_interval_ms());
  database.set_checkpoint_frequency(request.checkpoint_frequency());
  rows::put(plan.txn, database);
  rows::put_counter(plan.txn, Counter::NextDatabase, plan.database.value + 1);
  bump_version(model, plan.txn);
  return plan;
}

pb::Catalog snapshot(const MetaModel& model) {
  pb::Catalog out;
  out.set_version(model.counter(Counter::CatalogVersion));
  for (const auto& [id, database] : model.databases()) *out.add_databases() = database;
  for (const auto& [id, object] : model.objects()) *out.add_objects() = object;
  return out;
}

}  // namespace penstock::meta::catalog
