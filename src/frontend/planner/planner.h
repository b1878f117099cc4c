#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "common/error.h"
#include "frontend/binder/catalog_reader.h"
#include "frontend/binder/parameters.h"
#include "frontend/binder/session_settings.h"
#include "frontend/parser/parser.h"
#include "frontend/planner/batch_plan.h"
#include "proto/catalog.pb.h"
#include "proto/stream_plan.pb.h"

/// From SQL text to something that can be done: `parse` (frontend/parser/parser.h), then `bind` for each statement when its turn comes,
/// so that it sees what those before it changed.
namespace penstock::frontend {

struct CreateSource {
  pb::CatalogObject object;  // id 0; meta gives it
  bool if_not_exists = false;
};
/// A table, materialized view or sink and the job that makes it. Numbers of fragments, operators and tables are local to the job.
struct CreateJob {
  pb::CatalogObject object;
  pb::FragmentGraph graph;
  bool if_not_exists = false;
};
struct CreateSubscription {
  pb::CatalogObject object;
  bool if_not_exists = false;
};
struct DeclareCursor {
  ast::NameAt name;
  uint32_t subscription_id = 0;
  ast::CursorStart start;
};
struct FetchCursor {
  ast::NameAt name;
  uint64_t count = 1;
  std::chrono::milliseconds timeout{};  // how long it waits for the first row
};
struct CreateDatabase {
  std::string name;
  bool if_not_exists = false;
  uint32_t barrier_interval_ms = 0;   // 0: the cluster's
  uint32_t checkpoint_frequency = 0;  // 0: the cluster's
};
struct Drop {
  struct Target {
    uint32_t id = 0;
    std::string name;
    pb::ObjectKind kind = pb::OBJECT_UNKNOWN;
  };
  std::vector<Target> targets;  // none: IF EXISTS found nothing
  bool cascade = false;
};
/// RETURNING: over all columns of a row of the table. No fields: there is none.
struct Returning {
  std::vector<pb::Expr> exprs;
  std::vector<data::Field> fields;
};
/// ON CONFLICT of the primary key; expressions over (stored row, proposed row).
struct OnConflict {
  bool update = false;
  std::vector<pb::Expr> row;  // the stored row, then the row as it shall be
  std::optional<pb::Expr> where;
};
/// 0 for a value that stays.
struct SetIntervals {
  uint32_t barrier_interval_ms = 0;
  uint32_t checkpoint_frequency = 0;
};
/// Rows a second, 0 for no limit.
struct SetRate {
  bool backfill = false;
  uint64_t rate = 0;
};
/// `source`: as it is now. Whoever runs it checks the options with the connector.
struct SetConnector {
  pb::CatalogObject source;
  std::vector<ast::Option> options;
};
struct Rename {
  std::string name;
  std::string definition;  // under that name
};
/// `columns_before`: of the table as it was seen.
struct AddColumn {
  pb::Column column;
  uint32_t columns_before = 0;
  std::string definition;  // of the table with it
};
using AlterAction = std::variant<ast::SetPaused, SetRate, SetIntervals, SetConnector, Rename, ast::SetParallelism, AddColumn>;
struct Alter {
  uint32_t database_id = 0;
  uint32_t object_id = 0;  // 0: the database
  AlterAction action;
};
struct DropDatabase {
  uint32_t database_id = 0;
  bool cascade = false;
};
/// Rows come in the columns of `table`, the row id (hidden) as NULL. Whoever runs it refuses NULL in columns that are `not_null`.
struct Insert {
  pb::CatalogObject table;
  batch_plan::PlanPtr rows;
  std::optional<OnConflict> on_conflict;
  Returning returning;
};
/// COPY FROM STDIN: fields are for `columns` of the table, the others get their defaults, which are in `defaults` (one row, all columns).
struct Copy {
  pb::CatalogObject table;
  std::vector<uint32_t> columns;
  ast::CopyFormat format;
  batch_plan::PlanPtr defaults;
};
/// Rows: all columns of the row as it is, then all columns as it shall be. `not_null` as above. The primary key never changes.
struct Update {
  pb::CatalogObject table;
  batch_plan::PlanPtr rows;
  Returning returning;
};
/// Rows: all columns of the rows to delete.
struct Delete {
  pb::CatalogObject table;
  batch_plan::PlanPtr rows;
  Returning returning;
};
struct Query {
  batch_plan::PlanPtr plan;
  std::vector<data::Field> columns;  // names as the client sees them
};
struct Explain {
  std::vector<std::string> lines;
};
/// `object`: what Columns and Create are about. Lists: `schema` if one was named, `like` a pattern on names.
struct Show {
  ast::ShowKind kind = ast::ShowKind::Tables;
  std::string variable;
  std::string schema;
  std::optional<std::string> like;
  std::optional<pb::CatalogObject> object;
};
struct Flush {};
struct WaitForSource {
  uint32_t source_id = 0;
  std::string name;
};
/// Nothing to do: IF NOT EXISTS found it. A notice says so.
struct Skip {};

struct BoundStatement {
  std::variant<CreateSource, CreateJob, CreateSubscription, DeclareCursor, FetchCursor, ast::CloseCursor, CreateDatabase, Drop,
               DropDatabase, Alter, ast::CancelJobs, Insert, Update, Delete, Copy, Query, Explain, Show, ast::SetVariable,
               ast::ResetVariable, ast::Deallocate, Flush, WaitForSource, ast::WaitForJobs, ast::Transaction, Skip>
      body;
  std::string tag;  // command tag: "CREATE MATERIALIZED VIEW"; for INSERT, UPDATE, DELETE and SELECT the row count follows
  std::vector<std::string> notices;
};

/// What `statement` means in this catalog to the session. `parameters`: types given by the client, filled in with what is inferred (text
/// where nothing says more); without values the plan serves to describe the statement only (parameters read as NULL).
///
/// Errors carry SQLSTATE, the character in the text that `parse` was given, and often a hint.
/// Pure and thread-safe; recursion as deep as the statement is nested: a stack of 64 MB, as for `parse`.
[[nodiscard]] Result<BoundStatement> bind(const Statement& statement, const CatalogReader& catalog, const SessionSettings& settings,
                                          Parameters& parameters);
[[nodiscard]] Result<BoundStatement> bind(const Statement& statement, const CatalogReader& catalog, const SessionSettings& settings);

}  // namespace penstock::frontend
