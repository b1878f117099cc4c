#pragma once

#include "common/ids.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/meta_model.h"

/// Subscriptions and the log tables that they read. A job has one log table for all its subscriptions, from the first on until the last one
/// is dropped; its number is in the job's record, so that it goes where the job's other tables go, and in each subscription, for readers.
/// Pure.
namespace penstock::meta::catalog {

/// Subscriptions of the job, by id.
[[nodiscard]] std::vector<const pb::CatalogObject*> subscriptions_of(const MetaModel& model, ObjectId job);

/// Checks a new subscription and gives it a log table. Errors: `WrongObjectType` when it is not of one table or view; `InvalidParameter`.
[[nodiscard]] Status add_subscription(const MetaModel& model, pb::CatalogObject& subscription, Txn& txn);

/// Jobs whose last subscription is in `plan.dropped`, and which are not there themselves, have no log table any more.
void release_logs(const MetaModel& model, DropPlan& plan);

/// The job of `record` begins anew with nothing: so does the log of its changes, in table `next_table`, which moves on if there is one.
void renew_log(const MetaModel& model, pb::JobRecord& record, uint64_t& next_table, Txn& txn);

/// Those of `waiting` whose job is created have all changes after `committed`, which is durable with `txn`. `finished`: jobs that are
/// created with it. True if there are any.
bool note_logged(const MetaModel& model, const std::set<ObjectId>& waiting, const std::vector<JobId>& finished, Epoch committed, Txn& txn);

}  // namespace penstock::meta::catalog
