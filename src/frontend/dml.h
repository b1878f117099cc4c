#pragma once

#include "frontend/catalog_view.h"
#include "frontend/frontend_node.h"

namespace penstock::frontend {

/// Whether the database takes rows. Errors: `DiskFull`, saying which node's disk.
[[nodiscard]] Status check_disk(const MetaView& view, DatabaseId database);

/// Sends the rows of one statement to one actor of the table and waits until they are committed (or, with `accepted_is_enough`, until they
/// are queued). Answers the epoch that holds them.
/// Errors: `DiskFull` (a disk that the database needs is below its reserve: nothing was sent), `Unavailable` (no node takes rows for the
/// table, for two seconds), `SerializationFailure` (a recovery dropped the rows: not applied), `OutcomeUnknown` (no answer came),
/// `Cancelled` (while waiting for the commit: the rows may still be committed).
[[nodiscard]] Result<Epoch> write_rows(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table,
                                       const data::StreamChunk& rows, bool accepted_is_enough, const CancelFlag& cancel);

}  // namespace penstock::frontend
