#include "storage/rocksdb/dead_tables.h"

#include "storage/rocksdb/rocksdb_key.h"

namespace penstock::storage {

namespace {

class DeadTableFilter final : public rocksdb::CompactionFilter {
 public:
  explicit DeadTableFilter(std::shared_ptr<const std::set<TableId>> tables) : tables_(std::move(tables)) {}
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*, bool*) const override {
    const TableId table = table_of({key.data(), key.size()});
    if (table != last_) {
      last_ = table;
      last_is_dead_ = tables_->contains(table);
    }
    return last_is_dead_;
  }
  const char* Name() const override { return "penstock.DeadTableFilter"; }

 private:
  const std::shared_ptr<const std::set<TableId>> tables_;  // shared with the factory of that moment
  mutable TableId last_{0};                                // a compaction is one thread's, and its keys ascend
  mutable bool last_is_dead_ = false;
};

}  // namespace

void DeadTables::add(std::span<const TableId> tables) {
  MutexLock lock(mutex_);
  auto more = std::make_shared<Tables>(*tables_);
  more->insert(tables.begin(), tables.end());
  tables_ = std::move(more);
}

std::unique_ptr<rocksdb::CompactionFilter> DeadTables::CreateCompactionFilter(const rocksdb::CompactionFilter::Context&) {
  MutexLock lock(mutex_);
  if (tables_->empty()) return nullptr;
  return std::make_unique<DeadTableFilter>(tables_);
}

}  // namespace penstock::storage
