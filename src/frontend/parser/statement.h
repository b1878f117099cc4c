#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frontend/parser/ast.h"

namespace penstock::frontend::ast {

struct ColumnDef {
  std::string name;
  TypeName type;
  bool not_null = false;
  ExprPtr default_value;
  uint32_t position = 0;
};
struct NameAt {
  std::string name;
  uint32_t position = 0;
};
/// One `key = value` of WITH (…) or ENCODE … (…): key in lower case with its dots, value as text.
struct Option {
  std::string key;
  std::string value;
  uint32_t position = 0;
  uint32_t value_position = 0;  // of the first character of the value, behind a quote
};

enum class RelationKind { Source, Table, MaterializedView, Sink, View, Subscription, Database };
enum class OnConflict { Overwrite, Ignore };

/// CREATE SOURCE and CREATE TABLE.
struct CreateRelation {
  RelationKind kind = RelationKind::Table;
  ObjectName name;
  bool if_not_exists = false;
  std::vector<ColumnDef> columns;
  std::vector<NameAt> primary_key;
  OnConflict on_conflict = OnConflict::Overwrite;
  std::vector<Option> options;         // WITH (…)
  std::string format;                  // PLAIN; empty: none given
  std::string encode;                  // CSV, JSON; empty: none given
  std::vector<Option> encode_options;  // ENCODE CSV (…)
  uint32_t format_position = 0;
};
/// Also ALTER MATERIALIZED VIEW … AS, which is as OR REPLACE of a view that must be there.
struct CreateMaterializedView {
  ObjectName name;
  bool if_not_exists = false;
  bool or_replace = false;
  bool must_exist = false;
  bool if_exists = false;  // of ALTER
  std::string definition;  // as a plain CREATE; empty: the statement's own text
  std::vector<std::string> columns;
  std::vector<Option> options;
  QueryPtr query;
};
/// FROM a relation or AS a query: one of the two.
struct CreateSink {
  ObjectName name;
  bool if_not_exists = false;
  std::optional<ObjectName> from;
  QueryPtr query;
  std::vector<Option> options;
};
/// CREATE SUBSCRIPTION name FROM relation WITH (retention = '1 hour')
struct CreateSubscription {
  ObjectName name;
  bool if_not_exists = false;
  ObjectName from;
  std::vector<Option> options;
};
/// Where a cursor over changes begins: with the rows there are, or behind the changes up to a place.
struct CursorStart {
  enum class Kind { Now, Begin, Full, Millis, Position };
  Kind kind = Kind::Now;
  int64_t millis = 0;    // Unix time
  std::string position;  // as a row of a cursor said
  uint32_t at = 0;       // in the text
};
/// DECLARE name SUBSCRIPTION CURSOR FOR subscription [FULL | SINCE …]
struct DeclareCursor {
  NameAt name;
  ObjectName subscription;
  CursorStart start;
};
/// FETCH [NEXT | n | FORWARD [n | ALL] | ALL] [FROM | IN] name [WITH (timeout = '…')]
struct FetchCursor {
  NameAt name;
  uint64_t count = 1;
  std::vector<Option> options;
};
struct CloseCursor {
  std::optional<NameAt> name;  // absent: ALL
};
struct CreateDatabase {
  std::string name;
  bool if_not_exists = false;
  std::vector<Option> options;
  uint32_t position = 0;
};
struct Drop {
  RelationKind kind = RelationKind::Table;
  std::vector<ObjectName> names;
  bool if_exists = false;
  bool cascade = false;
};
struct Assignment {
  NameAt column;
  ExprPtr value;
};
/// ON CONFLICT (columns) DO NOTHING, or DO UPDATE SET … WHERE ….
struct OnConflictDo {
  std::vector<NameAt> columns;  // empty: whichever key is met
  bool update = false;
  std::vector<Assignment> assignments;
  ExprPtr where;
  uint32_t position = 0;
};
/// Its sources and backfill are held, or go on.
struct SetPaused {
  bool paused = true;
};
/// `SET key = value`; DEFAULT is an empty value.
struct SetOptions {
  std::vector<Option> options;
};
/// `CONNECTOR WITH (key = value, …)`
struct SetConnector {
  std::vector<Option> options;
  uint32_t position = 0;
};
struct RenameTo {
  NameAt name;
};
/// `SET PARALLELISM = n`, or ADAPTIVE.
struct SetParallelism {
  uint32_t parallelism = 0;  // 0: adaptive
  uint32_t position = 0;
};
/// `ADD [COLUMN] [IF NOT EXISTS] name type …`
struct AddColumn {
  ColumnDef column;
  std::vector<NameAt> primary_key;  // if it says that it is one
  bool if_not_exists = false;
  std::string text;  // from its name on, as in CREATE TABLE
};
using AlterAction = std::variant<SetPaused, SetOptions, SetConnector, RenameTo, SetParallelism, AddColumn>;
struct Alter {
  RelationKind kind = RelationKind::Table;
  ObjectName name;  // of a database: the name alone
  bool if_exists = false;
  AlterAction action;
};
/// CANCEL JOBS 1, 2: of jobs that are being created.
struct CancelJobs {
  std::vector<uint32_t> ids;
};
struct Insert {
  ObjectName table;
  std::vector<NameAt> columns;  // empty: all
  QueryPtr query;               // absent: DEFAULT VALUES
  std::optional<OnConflictDo> on_conflict;
  std::vector<SelectItem> returning;
};
struct Update {
  ObjectName table;
  std::string alias;
  std::vector<Assignment> assignments;
  ExprPtr where;
  std::vector<SelectItem> returning;
};
struct Delete {
  ObjectName table;
  std::string alias;
  ExprPtr where;
  std::vector<SelectItem> returning;
};
/// How the rows of a COPY are written.
struct CopyFormat {
  bool csv = false;
  char delimiter = '\t';
  std::string null = "\\N";
  bool header = false;
  char quote = '"';
  char escape = '"';
};
/// COPY table FROM STDIN.
struct Copy {
  ObjectName table;
  std::vector<NameAt> columns;  // empty: all
  CopyFormat format;
};
struct Flush {};
struct WaitForSource {
  ObjectName source;
};
/// WAIT: until no job is being created any more.
struct WaitForJobs {};
enum class ShowKind {
  Tables,
  Sources,
  MaterializedViews,
  Views,
  Sinks,
  InternalTables,
  Indexes,
  Databases,
  Schemas,
  Jobs,
  Functions,
  Parameters,
  Cluster,
  All,
  Variable,
  Columns,
  Create,
  Subscriptions,
  Cursors,
};
struct Show {
  ShowKind kind = ShowKind::Tables;
  ObjectName name;                                 // Columns, Create: the relation; Variable: its name; lists: the schema, if given
  RelationKind create_kind = RelationKind::Table;  // Create
  std::optional<std::string> like;                 // lists
};
struct SetVariable {
  std::string name;
  std::optional<std::string> value;  // absent: DEFAULT
  bool local = false;
};
struct ResetVariable {
  std::string name;       // empty: ALL
  bool discards = false;  // DISCARD ALL: prepared statements go too
};
struct Deallocate {
  std::optional<std::string> name;  // absent: ALL
};
enum class TransactionKind { Begin, Commit, Rollback };
struct Transaction {
  TransactionKind kind = TransactionKind::Begin;
  bool read_only = false;
};
struct Statement;
struct Explain {
  std::unique_ptr<Statement> statement;
  bool verbose = false;
};

/// One statement of a SQL text. Movable, not copyable.
struct Statement {
  std::variant<Query, CreateRelation, CreateMaterializedView, CreateSink, CreateDatabase, Drop, Alter, CancelJobs, Insert, Update, Delete,
               Copy, Flush, WaitForSource, WaitForJobs, Show, SetVariable, ResetVariable, Deallocate, Transaction, Explain,
               CreateSubscription, DeclareCursor, FetchCursor, CloseCursor>
      body;
  std::string text;         // without the semicolon and the white space around
  uint32_t position = 0;    // of its first character in the whole text
  uint32_t parameters = 0;  // the highest $n
};

}  // namespace penstock::frontend::ast
