#include "frontend/planner/planner.h"

#include <algorithm>
#include <charconv>

#include "frontend/binder/definition.h"
#include "frontend/binder/dml.h"
#include "frontend/binder/query_binder.h"
#include "frontend/binder/resolve_name.h"
#include "frontend/planner/alter.h"
#include "frontend/planner/backfill_order.h"
#include "frontend/planner/batch_planner.h"
#include "frontend/planner/explain.h"
#include "frontend/planner/object_kinds.h"
#include "frontend/planner/replace_view.h"
#include "frontend/planner/rules.h"
#include "frontend/planner/stream_planner.h"
#include "frontend/planner/subscription.h"

namespace penstock::frontend {
namespace {

using Body = decltype(BoundStatement::body);

/// Binds one statement: a visitor over what it can be.
class StatementBinder {
 public:
  StatementBinder(const Statement& statement, const CatalogReader& catalog, const SessionSettings& settings, Parameters& parameters)
      : statement_(statement), settings_(settings), factory_(parameters), context_{catalog, settings, factory_, false, {}, {}, 0} {}

  Result<BoundStatement> bind() {
    BoundStatement result;
    PENSTOCK_TRY(result.body, std::visit(*this, statement_.body));
    result.tag = std::move(tag_);
    result.notices = std::move(context_.notices);
    return result;
  }

  Result<Body> operator()(const ast::Query& query) {
    tag_ = "SELECT";
    PENSTOCK_TRY(auto bound, QueryBinder(context_).bind(query));
    Query result;
    for (const auto& c : bound.plan->columns) result.columns.push_back({c.name, c.type});
    result.plan = plan_batch(*rules::optimize(std::move(bound.plan)));
    return Body(std::move(result));
  }

  Result<Body> operator()(const ast::CreateRelation& create) {
    const bool source = create.kind == ast::RelationKind::Source;
    tag_ = source ? "CREATE SOURCE" : "CREATE TABLE";
    context_.streaming = true;  // for defaults
    if (skip(create.name, create.if_not_exists)) return Body(Skip{});
    PENSTOCK_TRY(auto object, bind_definition(create, statement_.text, context_));
    if (source) return Body(CreateSource{std::move(object), create.if_not_exists});
    const auto conflict = create.on_conflict == ast::OnConflict::Ignore ? pb::CONFLICT_IGNORE : pb::CONFLICT_OVERWRITE;
    auto graph = StreamPlanner(settings_, {}).plan_table(object, conflict);
    return Body(CreateJob{std::move(object), std::move(graph), create.if_not_exists});
  }

  Result<Body> operator()(const ast::CreateMaterializedView& create) {
    tag_ = create.must_exist ? "ALTER MATERIALIZED VIEW" : "CREATE MATERIALIZED VIEW";
    context_.streaming = true;
    if (skip(create.name, create.if_not_exists)) return Body(Skip{});
    PENSTOCK_TRY(const pb::CatalogObject* const replaced, view_to_replace(create, context_));
    if (create.if_exists && replaced == nullptr) return Body(Skip{});
    const std::string& definition = create.definition.empty() ? statement_.text : create.definition;
    PENSTOCK_TRY(auto object, new_object(create.name, create.if_not_exists || replaced != nullptr, definition, context_));
    object.set_kind(pb::OBJECT_MATERIALIZED_VIEW);
    for (const ast::Option& option : create.options) {
      if (option.key != kSourceRateLimit && option.key != kBackfillRateLimit && option.key != kBackfillOrder) {
        return error(Code::NotSupported, "option \"{}\" of a materialized view is not supported", option.key).at(option.position);
      }
    }
    PENSTOCK_TRY(const auto rates, rates_of(create.options, object));
    PENSTOCK_TRY(const auto order, bind_backfill_order(create.options, context_));
    PENSTOCK_TRY(no_parameters());
    PENSTOCK_TRY(auto query, QueryBinder(context_).bind(*create.query));
    PENSTOCK_TRY(const auto names, view_columns(create, query));
    const auto plan = rules::optimize(std::move(query.plan));
    PENSTOCK_TRY(auto graph, StreamPlanner(settings_, rates).plan_view(*plan, names, object));
    PENSTOCK_TRY(order_backfills(order, graph));
    if (replaced != nullptr) {
      PENSTOCK_TRY(take_place_of(*replaced, create, object));
    }
    return Body(CreateJob{std::move(object), std::move(graph), create.if_not_exists});
  }

  Result<Body> operator()(const ast::CreateSink& create) {
    tag_ = "CREATE SINK";
    context_.streaming = true;
    if (skip(create.name, create.if_not_exists)) return Body(Skip{});
    PENSTOCK_TRY(auto object, new_object(create.name, create.if_not_exists, statement_.text, context_));
    object.set_kind(pb::OBJECT_SINK);
    PENSTOCK_TRY(sink_options(create));
    PENSTOCK_TRY(const auto rates, rates_of(create.options, object));
    PENSTOCK_TRY(const auto order, bind_backfill_order(create.options, context_));
    PENSTOCK_TRY(no_parameters());
    PENSTOCK_TRY(auto plan, create.query ? sink_query(*create.query) : sink_relation(*create.from));
    const auto names = logical::column_names(*plan);
    plan = rules::optimize(std::move(plan));
    PENSTOCK_TRY(auto graph, StreamPlanner(settings_, rates).plan_sink(*plan, names, object));
    PENSTOCK_TRY(order_backfills(order, graph));
    return Body(CreateJob{std::move(object), std::move(graph), create.if_not_exists});
  }

  Result<Body> operator()(const ast::CreateSubscription& create) {
    tag_ = "CREATE SUBSCRIPTION";
    if (skip(create.name, create.if_not_exists)) return Body(Skip{});
    PENSTOCK_TRY(auto object, bind_subscription(create, statement_.text, context_));
    return Body(CreateSubscription{std::move(object), create.if_not_exists});
  }
  Result<Body> operator()(const ast::DeclareCursor& declare) {
    tag_ = "DECLARE CURSOR";
    PENSTOCK_TRY(auto bound, bind_cursor(declare, context_));
    return Body(std::move(bound));
  }
  Result<Body> operator()(const ast::FetchCursor& fetch) {
    tag_ = "FETCH";
    PENSTOCK_TRY(auto bound, bind_fetch(fetch));
    return Body(std::move(bound));
  }
  Result<Body> operator()(const ast::CloseCursor& close) {
    tag_ = close.name ? "CLOSE CURSOR" : "CLOSE CURSOR ALL";
    return Body(close);
  }

  Result<Body> operator()(const ast::CreateDatabase& create) {
    tag_ = "CREATE DATABASE";
    CreateDatabase result{.name = create.name, .if_not_exists = create.if_not_exists};
    if (context_.catalog.database_id(create.name)) {
      if (!create.if_not_exists) return error(Code::DuplicateObject, "database \"{}\" already exists", create.name).at(create.position);
      context_.notices.push_back(fmt::format("database \"{}\" already exists, skipping", create.name));
      return Body(Skip{});
    }
    for (const ast::Option& option : create.options) {
      uint32_t* target = option.key == "barrier_interval_ms"    ? &result.barrier_interval_ms
                         : option.key == "checkpoint_frequency" ? &result.checkpoint_frequency
                                                                : nullptr;
      if (target == nullptr) return error(Code::InvalidParameter, "unknown option \"{}\" of a database", option.key).at(option.position);
      const char* const end = option.value.data() + option.value.size();
      const auto [stop, failure] = std::from_chars(option.value.data(), end, *target);
      if (failure != std::errc{} || stop != end || *target == 0) {
        return error(Code::InvalidParameter, "{} must be a positive number, not \"{}\"", option.key, option.value).at(option.position);
      }
    }
    return Body(std::move(result));
  }

  Result<Body> operator()(const ast::Drop& drop) {
    if (drop.kind == ast::RelationKind::Database) return drop_database(drop);
    const KindName& kind = kind_of(drop.kind);
    tag_ = fmt::format("DROP {}", kind.keyword);
    Drop result{{}, drop.cascade};
    for (const ast::ObjectName& name : drop.names) {
      const auto found = resolve_relation(name, context_.catalog, settings_);
      const bool missing = found.has_error() && found.error().code() == Code::UndefinedTable;
      if (missing && drop.if_exists) {
        context_.notices.push_back(fmt::format("{} \"{}\" does not exist, skipping", kind.name, name.name));
        continue;
      }
      if (missing) return unknown_of_kind(found.error(), kind, name);
      if (found.has_error()) return found.error();
      if (found.value().object == nullptr || found.value().object->kind() != kind.object) return wrong_kind(found.value(), kind, name);
      result.targets.push_back({found.value().object->id(), name.name, kind.object});
    }
    return Body(std::move(result));
  }

  Result<Body> operator()(const ast::Alter& alter) {
    tag_ = alter.kind == ast::RelationKind::Database ? "ALTER DATABASE" : fmt::format("ALTER {}", kind_of(alter.kind).keyword);
    return bind_alter(alter, context_);
  }
  Result<Body> operator()(const ast::CancelJobs& cancel) {
    tag_ = "CANCEL JOBS";
    return Body(cancel);
  }

  Result<Body> operator()(const ast::Insert& insert) {
    tag_ = "INSERT";
    PENSTOCK_TRY(auto bound, bind_insert(insert, context_));
    Insert result{*bound.table, plan_batch(*rules::optimize(std::move(bound.rows))), {}, returning_of(bound)};
    if (bound.on_conflict) {
      OnConflict& conflict = result.on_conflict.emplace(OnConflict{.update = bound.on_conflict->update});
      for (const Expr& e : bound.on_conflict->row) conflict.row.push_back(to_proto(e));
      if (bound.on_conflict->where) conflict.where = to_proto(*bound.on_conflict->where);
    }
    return Body(std::move(result));
  }
  Result<Body> operator()(const ast::Update& update) {
    tag_ = "UPDATE";
    PENSTOCK_TRY(auto bound, bind_update(update, context_));
    return Body(Update{*bound.table, plan_batch(*rules::optimize(std::move(bound.rows))), returning_of(bound)});
  }
  Result<Body> operator()(const ast::Delete& remove) {
    tag_ = "DELETE";
    PENSTOCK_TRY(auto bound, bind_delete(remove, context_));
    return Body(Delete{*bound.table, plan_batch(*rules::optimize(std::move(bound.rows))), returning_of(bound)});
  }
  Result<Body> operator()(const ast::Copy& copy) {
    tag_ = "COPY";
    PENSTOCK_TRY(const auto bound, bind_copy(copy, context_));
    ast::Insert nothing;  // a row of defaults
    nothing.table = copy.table;
    PENSTOCK_TRY(auto row, bind_insert(nothing, context_));
    return Body(Copy{*bound.first, bound.second, copy.format, plan_batch(*rules::optimize(std::move(row.rows)))});
  }

  Result<Body> operator()(const ast::Explain& explained) {
    PENSTOCK_TRY(auto inner, std::visit(*this, explained.statement->body));
    tag_ = "EXPLAIN";
    Explain result;
    if (const auto* job = std::get_if<CreateJob>(&inner)) result.lines = explain(job->graph, explained.verbose);
    if (const auto* query = std::get_if<Query>(&inner)) result.lines = explain(*query->plan);
    const auto change = [&](std::string_view what, const std::string& table, const batch_plan::Plan& rows) {
      result.lines = {fmt::format("Batch{} {{ table: {} }}", what, table)};
      for (const auto& line : explain(rows)) result.lines.push_back((result.lines.size() == 1 ? "└─" : "  ") + line);
    };
    if (const auto* dml = std::get_if<Insert>(&inner)) change("Insert", dml->table.name(), *dml->rows);
    if (const auto* dml = std::get_if<Update>(&inner)) change("Update", dml->table.name(), *dml->rows);
    if (const auto* dml = std::get_if<Delete>(&inner)) change("Delete", dml->table.name(), *dml->rows);
    if (const auto* source = std::get_if<CreateSource>(&inner)) {
      result.lines = {fmt::format("Source {{ name: {}, no job of its own }}", source->object.name())};
    }
    return Body(std::move(result));
  }

  Result<Body> operator()(const ast::Show& show) {
    tag_ = "SHOW";
    Show result{.kind = show.kind, .like = show.like};
    if (show.kind == ast::ShowKind::Variable) {
      result.variable = show.name.name;
    } else if (show.kind == ast::ShowKind::Columns || show.kind == ast::ShowKind::Create) {
      PENSTOCK_TRY(const auto found, resolve_relation(show.name, context_.catalog, settings_));
      if (show.kind == ast::ShowKind::Create && (found.object == nullptr || found.object->kind() != kind_of(show.create_kind).object)) {
        return wrong_kind(found, kind_of(show.create_kind), show.name);
      }
      result.object = found.object != nullptr ? *found.object : described(*found.system);
    } else {
      result.schema = show.name.schema;
    }
    return Body(std::move(result));
  }

  Result<Body> operator()(const ast::WaitForSource& wait) {
    tag_ = "WAIT";
    PENSTOCK_TRY(const auto found, resolve_relation(wait.source, context_.catalog, settings_));
    const KindName& source = kind_of(ast::RelationKind::Source);
    if (found.object == nullptr || found.object->kind() != pb::OBJECT_SOURCE) return wrong_kind(found, source, wait.source);
    return Body(WaitForSource{found.object->id(), found.object->name()});
  }
  Result<Body> operator()(const ast::WaitForJobs& wait) {
    tag_ = "WAIT";
    return Body(wait);
  }
  Result<Body> operator()(const ast::Flush& /*flush*/) {
    tag_ = "FLUSH";
    return Body(Flush{});
  }
  Result<Body> operator()(const ast::SetVariable& set) {
    tag_ = "SET";
    return Body(set);
  }
  Result<Body> operator()(const ast::ResetVariable& reset) {
    tag_ = reset.discards ? "DISCARD ALL" : "RESET";
    return Body(reset);
  }
  Result<Body> operator()(const ast::Deallocate& deallocate) {
    tag_ = deallocate.name ? "DEALLOCATE" : "DEALLOCATE ALL";
    return Body(deallocate);
  }
  Result<Body> operator()(const ast::Transaction& transaction) {
    tag_ = transaction.kind == ast::TransactionKind::Begin    ? "BEGIN"
           : transaction.kind == ast::TransactionKind::Commit ? "COMMIT"
                                                              : "ROLLBACK";
    return Body(transaction);
  }

 private:
  static Returning returning_of(const BoundDml& bound) {
    Returning out;
    for (size_t i = 0; i < bound.returning.size(); ++i) {
      out.exprs.push_back(to_proto(bound.returning[i]));
      out.fields.push_back({bound.returning_names[i], bound.returning[i].type});
    }
    return out;
  }

  Result<Body> drop_database(const ast::Drop& drop) {
    tag_ = "DROP DATABASE";
    if (drop.names.size() > 1 || !drop.names[0].schema.empty()) {
      return error(Code::Syntax, "DROP DATABASE takes one name").at(drop.names[0].position);
    }
    const std::string& name = drop.names[0].name;
    const auto id = context_.catalog.database_id(name);
    if (!id && drop.if_exists) {
      context_.notices.push_back(fmt::format("database \"{}\" does not exist, skipping", name));
      return Body(Skip{});
    }
    if (!id) return error(Code::UndefinedDatabase, "database \"{}\" does not exist", name).at(drop.names[0].position);
    if (*id == settings_.database_id) {
      return error(Code::ObjectInUse, "cannot drop the currently open database").at(drop.names[0].position);
    }
    return Body(DropDatabase{*id, drop.cascade});
  }

  // IF NOT EXISTS of something that does.
  bool skip(const ast::ObjectName& name, bool if_not_exists) {
    if (!if_not_exists) return false;
    const auto resolved = resolve_new_name(name, context_.catalog, settings_);
    if (resolved.has_error() || context_.catalog.find(resolved.value().schema, resolved.value().name) == nullptr) return false;
    context_.notices.push_back(fmt::format("relation \"{}\" already exists, skipping", name.name));
    return true;
  }

  // Those that are given, otherwise those of the session. What is in force is kept with the object: ALTER changes it there.
  Result<RateLimits> rates_of(const std::vector<ast::Option>& options, pb::CatalogObject& object) const {
    set_properties(options, object);
    RateLimits rates{settings_.source_rate_limit, settings_.backfill_rate_limit};
    for (const ast::Option& option : options) {
      if (option.key != kSourceRateLimit && option.key != kBackfillRateLimit) continue;
      PENSTOCK_TRY((option.key == kSourceRateLimit ? rates.source : rates.backfill), rate_limit_of(option));
    }
    auto& properties = *object.mutable_properties();
    if (rates.source != 0) properties[std::string(kSourceRateLimit)] = fmt::format("{}", rates.source);
    if (rates.backfill != 0) properties[std::string(kBackfillRateLimit)] = fmt::format("{}", rates.backfill);
    return rates;
  }

  // A definition outlives the values of this execution.
  [[nodiscard]] Status no_parameters() const {
    if (statement_.parameters == 0) return ok();
    return error(Code::NotSupported, "a parameter in a definition is not supported").at(statement_.position);
  }

  static Result<std::vector<std::string>> view_columns(const ast::CreateMaterializedView& create, const BoundQuery& query) {
    auto names = logical::column_names(*query.plan);
    if (create.columns.size() > names.size()) {
      return error(Code::Syntax, "CREATE MATERIALIZED VIEW specifies more column names than columns").at(create.name.position);
    }
    std::copy(create.columns.begin(), create.columns.end(), names.begin());
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == kRowIdColumn) {
        return error(Code::DuplicateColumn, "column name \"{}\" conflicts with a system column name", names[i])
            .at(create.query->position)
            .with_hint("Give it another name with AS.");
      }
      if (std::find(names.begin(), names.begin() + static_cast<ptrdiff_t>(i), names[i]) != names.begin() + static_cast<ptrdiff_t>(i)) {
        return error(Code::DuplicateColumn, "column \"{}\" specified more than once", names[i])
            .at(create.query->position)
            .with_hint("Give one of them another name with AS.");
      }
    }
    return names;
  }

  static Status sink_options(const ast::CreateSink& create) {
    const auto connector =
        std::find_if(create.options.begin(), create.options.end(), [](const ast::Option& o) { return o.key == "connector"; });
    if (connector == create.options.end()) {
      return error(Code::InvalidParameter, "sink \"{}\" needs WITH (connector = '…')", create.name.name).at(create.name.position);
    }
    if (connector->value == "blackhole") return ok();
    return error(Code::NotSupported, "sink connector \"{}\" is not supported", connector->value)
        .at(connector->position)
        .with_hint("Supported: blackhole.");
  }

  Result<logical::PlanPtr> sink_query(const ast::Query& query) {
    PENSTOCK_TRY(auto bound, QueryBinder(context_).bind(query));
    return std::move(bound.plan);
  }
  Result<logical::PlanPtr> sink_relation(const ast::ObjectName& name) {
    PENSTOCK_TRY(auto relation, QueryBinder(context_).bind_relation(name, {}));
    std::vector<uint32_t> visible;
    for (uint32_t i = 0; i < relation.second.columns.size(); ++i) {
      if (!relation.second.columns[i].hidden) visible.push_back(i);
    }
    return logical::make_selection(std::move(relation.first), visible);
  }

  static pb::CatalogObject described(const SystemRelation& relation) {
    pb::CatalogObject object;
    object.set_schema(relation.schema);
    object.set_name(relation.name);
    for (const auto& field : relation.columns) {
      auto& column = *object.add_columns();
      column.set_name(field.name);
      column.mutable_type()->set_kind(static_cast<uint32_t>(field.type.kind));
      column.mutable_type()->set_precision(field.type.precision);
      column.mutable_type()->set_scale(field.type.scale);
    }
    return object;
  }

  const Statement& statement_;
  const SessionSettings& settings_;
  ExprFactory factory_;
  BindContext context_;
  std::string tag_;
};

}  // namespace

Result<BoundStatement> bind(const Statement& statement, const CatalogReader& catalog, const SessionSettings& settings,
                            Parameters& parameters) {
  if (parameters.types.size() < statement.parameters) parameters.types.resize(statement.parameters);
  auto bound = StatementBinder(statement, catalog, settings, parameters).bind();
  if (bound.has_error()) {
    const Error& e = bound.error();
    return e.position().value_or(0) != 0 ? e : e.at(statement.position);
  }
  for (auto& type : parameters.types) {
    if (!type) type = data::TypeKind::Varchar;
  }
  return bound;
}

Result<BoundStatement> bind(const Statement& statement, const CatalogReader& catalog, const SessionSettings& settings) {
  Parameters none;
  none.values.emplace();
  return bind(statement, catalog, settings, none);
}

}  // namespace penstock::frontend
