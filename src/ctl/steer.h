#pragma once

#include "ctl/views.h"

namespace penstock::ctl {

/// What `penstock ctl` changes. Each prints one line, or JSON, once it is done.

/// Makes a checkpoint of the database (`options.database`, "dev" unless said) and waits for its commit. Errors: `UndefinedDatabase`.
[[nodiscard]] Status flush(MetaCaller& meta, const ViewOptions& options);

/// Holds the sources and backfills of a database, or only of `options.job`, until they are resumed; survives restarts.
[[nodiscard]] Status pause(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status resume(MetaCaller& meta, const ViewOptions& options);

}  // namespace penstock::ctl
