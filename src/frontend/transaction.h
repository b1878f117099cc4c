#pragma once

#include <vector>

#include "frontend/catalog_view.h"
#include "frontend/frontend_node.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {

/// What a transaction changes of one table.
struct TableWrite {
  pb::CatalogObject table;
  data::StreamChunk rows;    // a changelog of all columns, the row id of new rows NULL
  bool read = false;         // the rows follow from what was read: they must not have changed since
  bool whole_table = false;  // nor any other row of the table
};

/// How a commit ended that did not fail.
struct Committed {
  bool conflict = false;  // what was read has changed since: nothing was applied
  Epoch epoch;            // that holds the rows
};

/// Makes the writes part of one epoch, all or none (docs/concepts.md, "Transactions"): an actor of each table holds its rows, then meta
/// names the transaction in a checkpoint. Returns when that is committed; with `named_is_enough` when it is named.
/// `read_epoch`: as of which the rows were read. Errors: `Unavailable` (no node takes rows for a table), `ConfigurationLimit` (too many
/// rows), `SerializationFailure` (a recovery dropped the rows): nothing was applied. `OutcomeUnknown`: meta did not answer. `Cancelled`
/// while waiting: the rows may still be committed.
[[nodiscard]] Result<Committed> commit_writes(const SessionServices& services, const CatalogView& catalog,
                                              const std::vector<TableWrite>& writes, Epoch read_epoch, bool named_is_enough,
                                              const CancelFlag& cancel);

/// Hashes of the rows' primary keys, as meta compares them; empty if there are too many to name. Rows that get their key only when they are
/// stored have none.
[[nodiscard]] std::vector<uint64_t> key_hashes(const pb::CatalogObject& table, const data::StreamChunk& rows);

/// "could not serialize access": what a statement or block that met a conflict says.
[[nodiscard]] Error serialization_failure();

}  // namespace penstock::frontend
