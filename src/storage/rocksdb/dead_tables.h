#pragma once

#include <rocksdb/compaction_filter.h>

#include <memory>
#include <set>
#include <span>

#include "common/ids.h"
#include "common/mutex.h"

namespace penstock::storage {

/// Lets compaction leave out the rows of tables that meta declared dead, and of no others. Thread-safe.
class DeadTables final : public rocksdb::CompactionFilterFactory {
 public:
  void add(std::span<const TableId> tables);

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(const rocksdb::CompactionFilter::Context&) override;
  const char* Name() const override { return "penstock.DeadTables"; }

 private:
  using Tables = std::set<TableId>;
  Mutex mutex_;
  std::shared_ptr<const Tables> tables_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Tables>();  // shared with running compactions
};

}  // namespace penstock::storage
