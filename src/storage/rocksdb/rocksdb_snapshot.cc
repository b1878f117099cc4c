#include "storage/rocksdb/rocksdb_snapshot.h"

#include "storage/rocksdb/rocksdb_error.h"
#include "storage/rocksdb/rocksdb_key.h"

namespace penstock::storage {

Result<std::optional<std::string>> RocksDbBase::Snapshot::get(TableId table, std::string_view key) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string value;
  const rocksdb::Status status = database_->db().Get(options, full_key(table, key), &value);
  if (status.IsNotFound()) return std::nullopt;
  PENSTOCK_TRY(to_status(status, fmt::format("read of table {}", table)));
  return std::optional(std::move(value));
}

Result<std::vector<std::optional<std::string>>> RocksDbBase::Snapshot::multi_get(TableId table,
                                                                                 std::span<const std::string_view> keys) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string bytes;
  std::vector<size_t> ends;
  for (const std::string_view key : keys) {
    append_table(bytes, table);
    bytes.append(key);
    ends.push_back(bytes.size());
  }
  std::vector<rocksdb::Slice> slices;
  size_t begin = 0;
  for (const size_t end : ends) {
    slices.emplace_back(bytes.data() + begin, end - begin);
    begin = end;
  }
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rocksdb::DB& db = database_->db();
  db.MultiGet(options, db.DefaultColumnFamily(), keys.size(), slices.data(), values.data(), statuses.data());
  std::vector<std::optional<std::string>> out(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    PENSTOCK_TRY(to_status(statuses[i], fmt::format("read of table {}", table)));
    out[i] = values[i].ToString();
  }
  return out;
}

Result<std::unique_ptr<RowIterator>> RocksDbBase::Snapshot::scan(TableId table, const Range& range) const {
  return std::unique_ptr<RowIterator>(std::make_unique<Scan>(database_->db(), snapshot_, table, range));
}

RocksDbBase::Scan::Scan(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, TableId table, const Range& range)
    : begin_(full_key(table, range.begin)), end_(range.end.empty() ? table_end(table) : full_key(table, range.end)), end_slice_(end_) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
  // Within one vnode the prefix filter may rule files out.
  const bool one_vnode =
      begin_.size() >= kPrefixBytes && end_.size() >= kPrefixBytes && begin_.compare(0, kPrefixBytes, end_, 0, kPrefixBytes) == 0;
  options.prefix_same_as_start = one_vnode;
  options.total_order_seek = !one_vnode;
  iterator_.reset(db.NewIterator(options));
}

Result<bool> RocksDbBase::Scan::next() {
  if (std::exchange(started_, true)) {
    iterator_->Next();
  } else if (!end_.empty() && begin_ >= end_) {
    return false;
  } else {
    iterator_->Seek(begin_);
  }
  if (iterator_->Valid()) return true;
  PENSTOCK_TRY(to_status(iterator_->status(), fmt::format("scan of table {}", table_of(begin_))));
  return false;
}

std::string_view RocksDbBase::Scan::key() const {
  const rocksdb::Slice key = iterator_->key();
  return {key.data() + kTableIdBytes, key.size() - kTableIdBytes};
}

}  // namespace penstock::storage
