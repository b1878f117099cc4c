#pragma once

#include <memory>

#include "storage/epoch_log/log_state_store.h"
#include "storage/rocksdb/rocksdb_options.h"

namespace penstock::storage {

/// The state store of a compute: the epoch log over RocksDB, in `folder`, which must be on the operating system's files. `runtime` and
/// `folder` outlive it. Errors: `ObjectInUse`, `Corruption` and others, each with the folder.
[[nodiscard]] Result<std::unique_ptr<LogStateStore>> open_rocksdb_state_store(runtime::Runtime& runtime, DataFolder& folder, NodeUuid node,
                                                                              const RocksDbOptions& options = {});

}  // namespace penstock::storage
