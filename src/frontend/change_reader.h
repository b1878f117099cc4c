#pragma once

#include "frontend/catalog_view.h"
#include "frontend/subscription_cursor.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {

/// What the reads of one statement need; outlives them.
struct ReadContext {
  runtime::Runtime& runtime;
  runtime::Executor& loop;  // serial; takes in what nodes send
  rpc::Transport& transport;
  const CatalogView& catalog;
  const CancelFlag& cancel;
};

/// The log of a subscription, read from the nodes that own the vnodes of its table. `subscription` and `table` as the catalog has them now.
/// Errors: as a table scan's.
class ChangeReader : public ChangeSource {
 public:
  ChangeReader(const ReadContext& context, const pb::CatalogObject& subscription, const pb::CatalogObject& table);
  [[nodiscard]] Result<std::optional<LoggedChanges>> changes(Epoch after, Epoch until, Epoch as_of, size_t most) override;

 private:
  const ReadContext& context_;
  const pb::CatalogObject& table_;
  const std::shared_ptr<const pb::TableDesc> log_;  // shared with the scans
};

/// Columns of `table` that a cursor shows.
[[nodiscard]] SubscriptionCursor::Shape shape_of(const pb::CatalogObject& table);

/// Those columns of the rows of `table` as of `epoch`. Outlives `context`, but not its runtime, loop, transport and cancel flag.
[[nodiscard]] batch::OperatorPtr read_snapshot(const ReadContext& context, const pb::CatalogObject& table, PartialGraphId graph,
                                               Epoch epoch);

}  // namespace penstock::frontend
