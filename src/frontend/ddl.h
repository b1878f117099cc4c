#pragma once

#include "frontend/meta_client.h"
#include "frontend/planner/planner.h"

/// Statements that are calls to meta and nothing else.
namespace penstock::frontend::ddl {

/// The session's line to meta, and its wish to stop.
struct Caller {
  MetaClient& meta;
  const CancelFlag& cancelled;
  std::function<Status()> go_on = {};  // asked now and then while a statement waits; its error ends it
};

/// The version of the catalog that says so. Errors: those of meta; `Cancelled`, when it may be done or not.
[[nodiscard]] Result<uint64_t> alter(const Alter& alter, Caller caller);
[[nodiscard]] Result<uint64_t> drop_database(const DropDatabase& drop, Caller caller);
/// Cancels those of the jobs that are being created, and names them.
[[nodiscard]] Result<std::vector<uint32_t>> cancel_jobs(const std::vector<uint32_t>& jobs, Caller caller);
/// Cancels what a CREATE with this token makes, whether the CREATE has reached meta yet or not. The catalog's version if it is too late: it
/// is created. Errors: meta does not answer, and nobody knows.
[[nodiscard]] Result<std::optional<uint64_t>> cancel_creation(uint64_t token, MetaClient& meta);
/// Waits until no job of the database is being created.
[[nodiscard]] Status wait_for_jobs(DatabaseId database, Caller caller);

}  // namespace penstock::frontend::ddl
