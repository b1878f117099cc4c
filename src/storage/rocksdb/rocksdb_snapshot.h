#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/check.h"
#include "storage/rocksdb/rocksdb_database.h"

namespace penstock::storage {

class RocksDbBase::Snapshot final : public SortedSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<Database> database) : database_(std::move(database)), snapshot_(database_->db().GetSnapshot()) {
    PENSTOCK_CHECK(snapshot_->GetSequenceNumber() > 0, "see Database::leave_sequence_0");
  }
  ~Snapshot() override { database_->db().ReleaseSnapshot(snapshot_); }

  [[nodiscard]] Result<std::optional<std::string>> get(TableId table, std::string_view key) const override;
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> multi_get(TableId table,
                                                                          std::span<const std::string_view> keys) const override;
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) const override;

 private:
  const std::shared_ptr<Database> database_;  // shared: readers may outlive the base
  const rocksdb::Snapshot* const snapshot_;
};

/// Rows of one table in a range. Keeps the strings that RocksDB's iterator only refers to.
class RocksDbBase::Scan final : public RowIterator {
 public:
  Scan(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, TableId table, const Range& range);

  Result<bool> next() override;
  std::string_view key() const override;
  std::string_view value() const override { return {iterator_->value().data(), iterator_->value().size()}; }

 private:
  const std::string begin_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool started_ = false;
};

}  // namespace penstock::storage
