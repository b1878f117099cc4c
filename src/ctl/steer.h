#pragma once

#include "ctl/views.h"

namespace penstock::ctl {

/// What `penstock ctl` changes. Each prints one line, or JSON, once it is done, and says on standard error for what it waits until then.
/// Errors: `Cancelled` if the user does not wait for the end; it is done all the same.

/// Makes a checkpoint of the database (`options.database`, "dev" unless said) and waits for its commit. Errors: `UndefinedDatabase`.
[[nodiscard]] Status flush(MetaCaller& meta, const ViewOptions& options);

/// Holds the sources and backfills of a database, or only of `options.job`, until they are resumed; survives restarts.
[[nodiscard]] Status pause(MetaCaller& meta, const ViewOptions& options);
[[nodiscard]] Status resume(MetaCaller& meta, const ViewOptions& options);

/// `parallelism`: how many actors each fragment of `options.job` has; "adaptive": as many as the computes have cores.
[[nodiscard]] Status rescale(MetaCaller& meta, const ViewOptions& options, const std::string& parallelism);

/// No actor is placed on the node (`options.node`) any more, and those it has move away with their state. `undo`: it takes actors again.
[[nodiscard]] Status drain(MetaCaller& meta, const ViewOptions& options, bool undo);

}  // namespace penstock::ctl
