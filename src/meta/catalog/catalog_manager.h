#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/error.h"
#include "meta/model/meta_model.h"
#include "meta/source/split_assignment.h"
#include "proto/meta_service.pb.h"

/// What catalog statements come to: transactions, built against the model when their turn to commit has come, so that each sees all before
/// it. Pure. A name is free again with the commit that drops its object; ids are never used again.
namespace penstock::meta::catalog {

constexpr DatabaseId kDefaultDatabase{1};

/// Rows every cluster begins with: database "dev". Empty if they are there.
[[nodiscard]] Txn bootstrap(const MetaModel& model);

using Listings = std::map<ObjectId, std::vector<ListedSplit>>;

struct CreatePlan {
  Txn txn;  // empty: it existed
  ObjectId object;
  DatabaseId database;
  bool existed = false;
  bool is_job = false;
};
/// `listings`: splits of each source that the job reads. Errors: `DuplicateTable`; `UndefinedDatabase`, `UndefinedObject`, `Stale` (what it
/// reads is being created itself); `InvalidDefinition` for a plan that makes no sense.
[[nodiscard]] Result<CreatePlan> plan_create(const MetaModel& model, const pb::CreateObjectRequest& request, const Listings& listings,
                                             int64_t unix_micros);

struct DropPlan {
  Txn txn;
  std::vector<ObjectId> dropped;  // dependents first
  std::map<DatabaseId, std::vector<JobId>> jobs;
};
/// The rows of one object and its job.
void erase_object(const MetaModel& model, ObjectId id, DropPlan& plan);
/// With it goes what is being created to take its place. Errors: `UndefinedObject`; `DependentObjects` naming them, unless `cascade`.
[[nodiscard]] Result<DropPlan> plan_drop(const MetaModel& model, ObjectId object, bool cascade);

/// Those of the jobs that are being created, as they are now.
[[nodiscard]] DropPlan plan_cancel(const MetaModel& model, const std::vector<ObjectId>& jobs);
/// The database and all that is in it. Errors: `UndefinedDatabase`; `DependentObjects` naming what is in it, unless `cascade`.
[[nodiscard]] Result<DropPlan> plan_drop_database(const MetaModel& model, DatabaseId database, bool cascade);

/// The job and all jobs that read it, left out of the graph from now on: a transaction that says so durably, before the others go on
/// without them. Empty if the job is gone or is quarantined already.
[[nodiscard]] Txn plan_quarantine(const MetaModel& model, JobId job, const std::string& reason);

struct CreateDatabasePlan {
  Txn txn;
  DatabaseId database;
};
/// Errors: `DuplicateObject`, `InvalidParameter`.
[[nodiscard]] Result<CreateDatabasePlan> plan_create_database(const MetaModel& model, const pb::CreateDatabaseRequest& request);

/// Everything visible, with its version.
[[nodiscard]] pb::Catalog snapshot(const MetaModel& model);

/// "materialized view flights_by_hour".
[[nodiscard]] std::string describe(const pb::CatalogObject& object);

}  // namespace penstock::meta::catalog
