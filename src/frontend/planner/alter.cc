#include "frontend/planner/alter.h"

#include <charconv>

#include "common/nearest.h"
#include "frontend/binder/definition.h"
#include "frontend/binder/resolve_name.h"
#include "frontend/parser/parser.h"
#include "frontend/planner/object_kinds.h"

namespace penstock::frontend {
namespace {

using Body = decltype(BoundStatement::body);

Error unknown_setting(const ast::Option& option, std::string_view of, const std::vector<std::string>& known) {
  const Error e = error(Code::InvalidParameter, "\"{}\" is no setting of {} that can be changed", option.key, of).at(option.position);
  const std::string near = nearest(option.key, known);
  return e.with_hint(near.empty() ? fmt::format("There are: {}.", fmt::join(known, ", ")) : fmt::format("Perhaps you meant \"{}\".", near));
}

Result<uint32_t> positive(const ast::Option& option) {
  uint32_t value = 0;
  const char* const end = option.value.data() + option.value.size();
  const auto [stop, failure] = std::from_chars(option.value.data(), end, value);
  if (failure != std::errc{} || stop != end || value == 0) {
    return error(Code::InvalidParameter, "{} must be a positive number, not \"{}\"", option.key, option.value).at(option.position);
  }
  return value;
}

Result<AlterAction> database_action(const ast::Alter& alter) {
  if (const auto* paused = std::get_if<ast::SetPaused>(&alter.action)) return AlterAction(*paused);
  SetIntervals intervals;
  for (const ast::Option& option : std::get<ast::SetOptions>(alter.action).options) {
    if (option.key == "barrier_interval_ms") {
      PENSTOCK_TRY(intervals.barrier_interval_ms, positive(option));
    } else if (option.key == "checkpoint_frequency") {
      PENSTOCK_TRY(intervals.checkpoint_frequency, positive(option));
    } else {
      return unknown_setting(option, "a database", {"barrier_interval_ms", "checkpoint_frequency"});
    }
  }
  return AlterAction(intervals);
}

Result<AlterAction> relation_action(const ast::Alter& alter, const KindName& kind, const pb::CatalogObject& object) {
  if (const auto* connector = std::get_if<ast::SetConnector>(&alter.action)) {
    if (connector->options.empty()) return error(Code::Syntax, "no option is named").at(connector->position);
    return AlterAction(SetConnector{object, connector->options});
  }
  if (const auto* paused = std::get_if<ast::SetPaused>(&alter.action)) {
    if (alter.kind != ast::RelationKind::Source) return AlterAction(*paused);
    return error(Code::NotSupported, "a source is read by each job on its own, so it cannot be paused itself")
        .at(alter.name.position)
        .with_hint("Pause the views that read it, or the database.");
  }
  if (const auto* parallelism = std::get_if<ast::SetParallelism>(&alter.action)) {
    if (alter.kind != ast::RelationKind::Source) return AlterAction(*parallelism);
    return error(Code::NotSupported, "source \"{}\" has no actors of its own, so it has no parallelism", object.name())
        .at(alter.name.position)
        .with_hint("Alter the tables, views and sinks that read it: each of them reads it with its own actors.");
  }
  const ast::Option& option = std::get<ast::SetOptions>(alter.action).options.front();
  const bool backfill = option.key == "backfill_rate_limit";
  if (!backfill && option.key != "source_rate_limit") {
    return unknown_setting(option, fmt::format("a {}", kind.name), {"source_rate_limit", "backfill_rate_limit"});
  }
  SetRate rate{.backfill = backfill};
  if (!option.value.empty()) {
    PENSTOCK_TRY(rate.rate, rate_limit_of(option));
  }
  return AlterAction(rate);
}

Result<AlterAction> rename(const ast::RenameTo& to, const pb::CatalogObject& object, const BindContext& context) {
  const std::string& name = to.name.name;
  if (const pb::CatalogObject* taken = context.catalog.find(object.schema(), name)) {
    return error(Code::DuplicateTable, "relation \"{}\" already exists", name)
        .at(to.name.position)
        .with_detail(fmt::format("It is a {}.", kind_of(taken->kind()).name));
  }
  PENSTOCK_TRY(auto definition, renamed_definition(object.definition(), name));
  return AlterAction(Rename{name, std::move(definition)});
}

Result<Body> add_column(const ast::AddColumn& add, const ast::Alter& alter, const pb::CatalogObject& object, BindContext& context) {
  if (object.kind() != pb::OBJECT_TABLE) {
    return error(Code::WrongObjectType, "\"{}\" is not a table", object.name())
        .at(alter.name.position)
        .with_detail(fmt::format("It is a {}.", kind_of(object.kind()).name))
        .with_hint("Only tables get columns; a source or view is created anew, or a view gets another query.");
  }
  const bool there = std::ranges::any_of(object.columns(), [&](const pb::Column& c) { return c.name() == add.column.name; });
  if (there && add.if_not_exists) {
    context.notices.push_back(fmt::format("column \"{}\" of relation \"{}\" already exists, skipping", add.column.name, object.name()));
    return Body(Skip{});
  }
  context.streaming = true;  // for the default
  AddColumn action{.column = {}, .columns_before = static_cast<uint32_t>(object.columns_size()), .definition = {}};
  PENSTOCK_TRY(action.column, bind_added_column(add, object, context));
  PENSTOCK_TRY(action.definition, widened_definition(object.definition(), add.text));
  return Body(Alter{object.database_id(), object.id(), std::move(action)});
}

Result<Body> alter_database(const ast::Alter& alter, BindContext& context) {
  const auto id = context.catalog.database_id(alter.name.name);
  if (!id && alter.if_exists) {
    context.notices.push_back(fmt::format("database \"{}\" does not exist, skipping", alter.name.name));
    return Body(Skip{});
  }
  if (!id) return error(Code::UndefinedDatabase, "database \"{}\" does not exist", alter.name.name).at(alter.name.position);
  PENSTOCK_TRY(auto action, database_action(alter));
  return Body(Alter{*id, 0, std::move(action)});
}

}  // namespace

Result<Body> bind_alter(const ast::Alter& alter, BindContext& context) {
  if (alter.kind == ast::RelationKind::Database) return alter_database(alter, context);
  const KindName& kind = kind_of(alter.kind);
  const auto found = resolve_relation(alter.name, context.catalog, context.settings);
  const bool missing = found.has_error() && found.error().code() == Code::UndefinedTable;
  if (missing && alter.if_exists) {
    context.notices.push_back(fmt::format("{} \"{}\" does not exist, skipping", kind.name, alter.name.name));
    return Body(Skip{});
  }
  if (missing) return unknown_of_kind(found.error(), kind, alter.name);
  if (found.has_error()) return found.error();
  const pb::CatalogObject* object = found.value().object;
  if (object == nullptr || object->kind() != kind.object) return wrong_kind(found.value(), kind, alter.name);
  if (const auto* to = std::get_if<ast::RenameTo>(&alter.action)) {
    PENSTOCK_TRY(auto renamed, rename(*to, *object, context));
    return Body(Alter{object->database_id(), object->id(), std::move(renamed)});
  }
  if (const auto* add = std::get_if<ast::AddColumn>(&alter.action)) return add_column(*add, alter, *object, context);
  PENSTOCK_TRY(auto action, relation_action(alter, kind, *object));
  return Body(Alter{object->database_id(), object->id(), std::move(action)});
}

}  // namespace penstock::frontend
