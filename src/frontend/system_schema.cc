#include "frontend/system_schema.h"

#include <ranges>

#include "common/check.h"

namespace penstock::frontend {
namespace {

struct Declaration {
  std::string_view schema;
  std::string_view name;
  std::string_view columns;  // "name type, name type"
};

constexpr Declaration kDeclarations[] = {
    {"penstock", "penstock_sources",
     "source_id bigint, source varchar, job_id bigint, job varchar, split varchar, rows_read bigint, position varchar, "
     "finished boolean, skipped_rows bigint, last_error varchar, database varchar"},
    {"penstock", "penstock_jobs",
     "job_id bigint, name varchar, kind varchar, state varchar, progress_rows bigint, parallelism bigint, fragments bigint, "
     "actors bigint, definition varchar, wanted_parallelism varchar, reason varchar, database varchar"},
    {"penstock", "penstock_backfills",
     "job_id bigint, job varchar, fragment_id bigint, relation varchar, state varchar, rows_read bigint, actors bigint, "
     "actors_done bigint, waits_for varchar, database varchar"},
    {"penstock", "penstock_fragments",
     "fragment_id bigint, job_id bigint, job varchar, distribution varchar, actors bigint, operators varchar, "
     "upstreams varchar, database varchar"},
    {"penstock", "penstock_actors",
     "actor_id bigint, fragment_id bigint, job_id bigint, job varchar, worker_id bigint, vnodes bigint, database varchar"},
    {"penstock", "penstock_workers",
     "worker_id bigint, node varchar, endpoint varchar, alive boolean, parallelism bigint, actors bigint, "
     "incarnation bigint, disk varchar, state_bytes bigint, state_limit bigint, unflushed_bytes bigint, "
     "exchange_bytes bigint, draining boolean"},
    {"penstock", "penstock_barriers",
     "database varchar, epoch bigint, kind varchar, state varchar, scheduled_at timestamp, "
     "first_collect_ms double precision, last_collect_ms double precision, sync_ms double precision, "
     "checkpoint_ms double precision, total_ms double precision, slowest_fragment bigint, slowest_actor bigint, "
     "command varchar, send_ms double precision, align_ms double precision, commit_ms double precision, fragments varchar"},
    {"penstock", "penstock_databases",
     "database_id bigint, name varchar, state varchar, reason varchar, term bigint, committed_epoch bigint, "
     "committed_at timestamp, in_flight bigint, oldest_ms double precision, waiting_commands bigint, "
     "waiting_reason varchar, recoveries bigint"},
    {"penstock", "penstock_subscriptions",
     "subscription_id bigint, schema varchar, name varchar, relation varchar, retention_ms bigint, since_epoch bigint, "
     "since timestamp, definition varchar, database varchar"},
    {"penstock", "penstock_events", "at timestamp, kind varchar, database varchar, text varchar, job varchar, worker_id bigint"},
    {"pg_catalog", "pg_namespace", "oid int, nspname varchar, nspowner int, nspacl varchar"},
    {"pg_catalog", "pg_database",
     "oid int, datname varchar, datdba int, encoding int, datcollate varchar, datctype varchar, daticulocale varchar, "
     "datlocprovider varchar, datacl varchar, datistemplate boolean, datallowconn boolean"},
    {"pg_catalog", "pg_am", "oid int, amname varchar"},
    {"pg_catalog", "pg_tables", "schemaname varchar, tablename varchar, tableowner varchar"},
    {"pg_catalog", "pg_matviews", "schemaname varchar, matviewname varchar, matviewowner varchar, definition varchar"},
    {"pg_catalog", "pg_class",
     "oid int, relname varchar, relnamespace int, relkind varchar, relowner int, relam int, relpersistence varchar, "
     "reltuples real, relhasindex boolean"},
    {"pg_catalog", "pg_attribute",
     "attrelid int, attname varchar, atttypid int, attnum smallint, attnotnull boolean, attisdropped boolean"},
    {"pg_catalog", "pg_type", "oid int, typname varchar, typnamespace int, typlen smallint"},
    {"information_schema", "tables", "table_catalog varchar, table_schema varchar, table_name varchar, table_type varchar"},
    {"information_schema", "columns",
     "table_catalog varchar, table_schema varchar, table_name varchar, column_name varchar, ordinal_position int, "
     "is_nullable varchar, data_type varchar"},
};

SystemRelation declared(const Declaration& declaration) {
  SystemRelation relation{std::string(declaration.schema), std::string(declaration.name), {}};
  for (const auto part : std::views::split(declaration.columns, std::string_view(", "))) {
    const std::string_view column(part.begin(), part.end());
    const size_t space = column.find(' ');
    const Result<data::DataType> type = data::type_of_name(column.substr(space + 1));
    PENSTOCK_CHECK(type.has_value(), "{} declares {}", declaration.name, column);
    relation.columns.push_back({std::string(column.substr(0, space)), type.value()});
  }
  return relation;
}

}  // namespace

std::span<const SystemRelation> system_relations() {
  static const std::vector<SystemRelation> all = [] {
    std::vector<SystemRelation> relations;
    for (const Declaration& declaration : kDeclarations) relations.push_back(declared(declaration));
    return relations;
  }();
  return all;
}

const SystemRelation* find_system_relation(std::string_view schema, std::string_view name) {
  for (const SystemRelation& relation : system_relations()) {
    if (relation.name == name && (relation.schema == schema || relation.schema == "penstock")) return &relation;
  }
  return nullptr;
}

}  // namespace penstock::frontend
