#pragma once

#include "common/error.h"
#include "meta/model/meta_model.h"
#include "proto/meta_service.pb.h"

/// Tables and views that change their shape: pure, as all of `catalog`.
namespace penstock::meta::catalog {

/// One more column at the end of a table, in the catalog and in the plan of its job, under the same numbers: rows that are stored stay as
/// they are. The plan's version grows, so what runs is built anew. Views that read the table name the columns that they read, and go on.
/// Errors: `UndefinedObject`; `WrongObjectType` for what is no table; `DuplicateColumn`; `Stale` while it is being created;
/// `SerializationFailure` if it got another column meanwhile.
[[nodiscard]] Result<Txn> plan_add_column(const MetaModel& model, const pb::AddColumnRequest& request);

}  // namespace penstock::meta::catalog
