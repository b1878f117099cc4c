#pragma once

#include "batch/operator.h"
#include "frontend/catalog_view.h"
#include "frontend/planner/batch_plan.h"
#include "frontend/table_changes.h"

namespace penstock::frontend {

/// What the operators of one SELECT run with; outlives them.
struct ExecutionContext {
  runtime::Runtime& runtime;
  runtime::Executor& loop;  // serial; takes in what nodes send
  rpc::Transport& transport;
  MetaClient& meta;
  const CatalogView& catalog;
  Epoch epoch;  // all tables are read as of this committed epoch
  const CancelFlag& cancel;
  bool lenient = false;                                   // rows that cannot be computed are NULL instead of an error
  const std::map<ObjectId, TableChanges>* own = nullptr;  // what the transaction block has changed: scans see it
};

/// Operators for `plan`. Errors: what building expressions says (`UndefinedFunction`, …).
[[nodiscard]] Result<batch::OperatorPtr> build_operators(const batch_plan::Plan& plan, const ExecutionContext& context);

}  // namespace penstock::frontend
