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

}  // namespace

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
