#include "storage/rocksdb/rocksdb_state_store.h"

#include "storage/rocksdb/rocksdb_base.h"

namespace penstock::storage {

Result<std::unique_ptr<LogStateStore>> open_rocksdb_state_store(runtime::Runtime& runtime, DataFolder& folder, NodeUuid node,
                                                                const RocksDbOptions& options) {
  PENSTOCK_TRY(auto base, RocksDbBase::open(folder.path(), options));
  return LogStateStore::open(runtime, folder, node, std::move(base), options.log);
}

}  // namespace penstock::storage
