#pragma once

#include "common/error.h"
#include "meta/model/meta_model.h"

namespace penstock::meta::catalog {

struct RebuildPlan {
  Txn txn;
  bool from_empty = false;  // it is to be created again; otherwise it goes on with what it has, once the graph is built anew
};

/// A quarantined job comes back. Its upstreams have moved on without it, so a view or sink begins from empty tables with a new backfill,
/// under new numbers; a table has missed nothing, since DML on it was refused, and goes on as it is. A view that reads it stays quarantined
/// until it is resumed itself.
/// Errors: `Stale` while something it reads is quarantined, or is being created.
[[nodiscard]] Result<RebuildPlan> plan_rebuild(const MetaModel& model, JobId job);

}  // namespace penstock::meta::catalog
