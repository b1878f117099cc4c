#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "common/error.h"

namespace penstock::storage {

/// RocksDB's answer as ours; `what` says what was tried and where.
[[nodiscard]] inline Status to_status(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return ok();
  Code code = Code::Internal;
  if (status.IsNoSpace())
    code = Code::DiskFull;
  else if (status.IsCorruption())
    code = Code::Corruption;
  else if (status.IsIOError())
    code = Code::Io;
  else if (status.IsShutdownInProgress())
    code = Code::Closed;
  return error(code, "{}: {}", what, status.ToString());
}

}  // namespace penstock::storage
