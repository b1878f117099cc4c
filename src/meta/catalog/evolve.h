#pragma once

#include "common/error.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/meta_model.h"
#include "proto/meta_service.pb.h"

/// Tables and views that change their shape: pure, as all of `catalog`.
namespace penstock::meta::catalog {

/// One more column at the end of a table, in the catalog and in the plan of its job, under the same numbers: rows that are stored stay as
/// they are. The plan's version grows, so what runs is built anew. Views that read the table name the columns that they read, and go on.
/// Errors: `UndefinedObject`; `WrongObjectType` for what is no table; `DuplicateColumn`; `Stale` while it is being created;
/// `SerializationFailure` if it got another column meanwhile.
[[nodiscard]] Result<Txn> plan_add_column(const MetaModel& model, const pb::AddColumnRequest& request);

/// What is being created to take the place of `view`; null if nothing is.
[[nodiscard]] const pb::CatalogObject* replacement_of(const MetaModel& model, ObjectId view);

/// Whether `object`, which `replaces` a view, may be created. Errors: `SerializationFailure` if the view is gone; `WrongObjectType`;
/// `Stale` while it is being created; `ObjectInUse` if it is being replaced already; `DependentObjects` naming what reads it.
[[nodiscard]] Status check_replacement(const MetaModel& model, const pb::CatalogObject& object);

/// `created`, which `replaces` a view and is complete, takes its name, and the view goes; all with the commit that makes it complete.
/// Returns the jobs that go.
[[nodiscard]] std::map<DatabaseId, std::vector<JobId>> plan_take_over(const MetaModel& model, pb::CatalogObject& created, Txn& txn);

}  // namespace penstock::meta::catalog
