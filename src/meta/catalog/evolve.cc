#include "meta/catalog/evolve.h"

#include "meta/catalog/alter.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"

namespace penstock::meta::catalog {
namespace {

Status check_add_column(const pb::CatalogObject& table, const pb::AddColumnRequest& request) {
  if (table.kind() != pb::OBJECT_TABLE) return error(Code::WrongObjectType, "{} is not a table", describe(table));
  if (table.state() == pb::JOB_CREATING) {
    return error(Code::Stale, "{} is still being created", describe(table)).with_hint("WAIT, then run it again.");
  }
  for (const pb::Column& column : table.columns()) {
    if (column.name() != request.column().name()) continue;
    return error(Code::DuplicateColumn, "column \"{}\" of relation \"{}\" already exists", column.name(), table.name());
  }
  if (static_cast<uint32_t>(table.columns_size()) == request.columns_before()) return ok();
  return error(Code::SerializationFailure, "{} was altered at the same time; nothing was applied", describe(table))
      .with_hint("Run it again.");
}

/// "Dml { columns: [a, b] }" says so of one more.
void name_column(const std::string& name, std::string& identity) {
  const size_t list = identity.find("columns: [");
  const size_t end = list == std::string::npos ? list : identity.find(']', list);
  if (end != std::string::npos) identity.insert(end, ", " + name);
}

/// Every operator of a table passes all columns on.
void widen(const pb::Column& column, pb::StreamNode& node) {
  const auto add = [&](pb::Field& field) {
    field.set_name(column.name());
    *field.mutable_type() = column.type();
  };
  add(*node.add_fields());
  if (node.has_dml()) add(*node.mutable_dml()->add_columns());
  if (node.has_materialize()) *node.mutable_materialize()->mutable_table()->add_columns() = column;
  name_column(column.name(), *node.mutable_identity());
}

pb::JobRecord widened(const pb::JobRecord& old, const pb::Column& column, uint32_t width) {
  pb::JobRecord record = old;
  record.set_plan_version(old.plan_version() + 1);
  for (pb::Fragment& fragment : *record.mutable_graph()->mutable_fragments()) {
    for_each_node(*fragment.mutable_root(), [&](pb::StreamNode& node) { widen(column, node); });
  }
  for (pb::FragmentEdge& edge : *record.mutable_graph()->mutable_edges()) edge.mutable_strategy()->add_output(width);
  return record;
}

std::string dependents_of(const MetaModel& model, ObjectId view) {
  std::string out;
  for (const auto& [id, other] : model.objects()) {
    if (std::ranges::find(other.depends_on(), view.value) == other.depends_on().end()) continue;
    out += fmt::format("{}{} depends on it", out.empty() ? "" : "\n", describe(other));
  }
  return out;
}

}  // namespace

const pb::CatalogObject* replacement_of(const MetaModel& model, ObjectId view) {
  const auto found = std::ranges::find_if(model.objects(), [&](const auto& entry) { return entry.second.replaces() == view.value; });
  return found == model.objects().end() ? nullptr : &found->second;
}

Status check_replacement(const MetaModel& model, const pb::CatalogObject& object) {
  const ObjectId id{object.replaces()};
  const pb::CatalogObject* view = model.object(id);
  if (view == nullptr || view->database_id() != object.database_id()) {
    return error(Code::SerializationFailure, "the view was dropped or replaced at the same time; nothing was applied")
        .with_hint("Run it again.");
  }
  if (view->kind() != pb::OBJECT_MATERIALIZED_VIEW || object.kind() != pb::OBJECT_MATERIALIZED_VIEW) {
    return error(Code::WrongObjectType, "{} is not a materialized view", describe(*view));
  }
  if (view->state() == pb::JOB_CREATING) {
    return error(Code::Stale, "{} is still being created", describe(*view)).with_hint("WAIT, or CANCEL JOBS, then run it again.");
  }
  if (const pb::CatalogObject* other = replacement_of(model, id)) {
    return error(Code::ObjectInUse, "{} is being given another query already", describe(*view))
        .with_hint(fmt::format("WAIT, or CANCEL JOBS {}, then run it again.", other->id()));
  }
  if (std::string dependents = dependents_of(model, id); !dependents.empty()) {
    return error(Code::DependentObjects, "cannot give {} another query because other objects depend on it", describe(*view))
        .with_detail(std::move(dependents))
        .with_hint("Drop them first, and create them again afterwards.");
  }
  return ok();
}

std::map<DatabaseId, std::vector<JobId>> plan_take_over(const MetaModel& model, pb::CatalogObject& created, Txn& txn) {
  DropPlan gone;
  if (const pb::CatalogObject* old = model.object(ObjectId{created.replaces()})) {
    created.set_name(old->name());
    erase_object(model, ObjectId{old->id()}, gone);
    txn.append(std::move(gone.txn));
  }
  created.clear_replaces();
  pb::JobRecord record = model.job(ObjectId{created.id()})->record();
  record.set_name(created.name());
  rows::put(txn, record);
  return std::move(gone.jobs);
}

Result<Txn> plan_add_column(const MetaModel& model, const pb::AddColumnRequest& request) {
  const ObjectId id{request.object_id()};
  const pb::CatalogObject* object = model.object(id);
  if (object == nullptr) return error(Code::UndefinedObject, "table {} does not exist", id);
  PENSTOCK_TRY(check_add_column(*object, request));
  const auto plan = model.job(id);
  if (!plan) return error(Code::Internal, "{} has no plan", describe(*object));
  pb::CatalogObject changed = *object;
  *changed.add_columns() = request.column();
  *changed.mutable_table()->add_columns() = request.column();
  changed.set_definition(request.definition());
  Txn txn;
  rows::put(txn, changed);
  rows::put(txn, widened(plan->record(), request.column(), request.columns_before()));
  rows::put_counter(txn, Counter::CatalogVersion, model.counter(Counter::CatalogVersion) + 1);
  return txn;
}

}  // namespace penstock::meta::catalog
