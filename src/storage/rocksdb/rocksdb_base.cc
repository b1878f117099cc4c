#include "storage/rocksdb/rocksdb_base.h"

#include "storage/rocksdb/rocksdb_error.h"
#include "storage/rocksdb/rocksdb_install.h"
#include "storage/rocksdb/rocksdb_key.h"
#include "storage/rocksdb/rocksdb_snapshot.h"

namespace penstock::storage {

RocksDbBase::RocksDbBase(std::shared_ptr<Database> database, int busy_level0_files)
    : database_(std::move(database)), busy_level0_files_(busy_level0_files) {}

RocksDbBase::~RocksDbBase() = default;

Result<std::unique_ptr<RocksDbBase>> RocksDbBase::open(const std::string& folder, const RocksDbOptions& options) {
  PENSTOCK_TRY(auto database, Database::open(folder, options));
  return std::unique_ptr<RocksDbBase>(new RocksDbBase(std::move(database), options.busy_level0_files));
}

SortedSnapshotPtr RocksDbBase::snapshot() { return std::make_shared<Snapshot>(database_); }

Result<std::unique_ptr<SortedInstall>> RocksDbBase::begin_install() {
  PENSTOCK_TRY(database_->resume_if_stopped());
  return std::unique_ptr<SortedInstall>(std::make_unique<Install>(database_));
}

bool RocksDbBase::busy() const { return database_->level0_files() >= static_cast<uint64_t>(busy_level0_files_); }

Result<bool> RocksDbBase::has_rows(TableId table) {
  Scan scan(database_->db(), nullptr, table, {});
  return scan.next();
}

uint64_t RocksDbBase::bytes() const { return database_->bytes(); }

// From table to table by one seek each: nobody here knows which there are.
std::map<TableId, uint64_t> RocksDbBase::table_sizes() const {
  std::map<TableId, uint64_t> sizes;
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db().NewIterator(options));
  for (at->SeekToFirst(); at->Valid();) {
    const TableId table = table_of(at->key().ToStringView());
    const std::string begin = full_key(table, {}), end = table_end(table);
    const std::string limit = end.empty() ? std::string(kTableIdBytes + 1, '\xff') : end;
    const rocksdb::Range range(begin, limit);
    uint64_t bytes = 0;
    if (database_->db().GetApproximateSizes(&range, 1, &bytes).ok()) sizes[table] = bytes;
    if (end.empty()) break;
    at->Seek(end);
  }
  return sizes;
}

void RocksDbBase::forget(std::span<const TableId> tables) { database_->dead().add(tables); }

std::string RocksDbBase::statistics() const {
  using rocksdb::Tickers;
  static constexpr std::pair<Tickers, std::string_view> kTickers[] = {
      {Tickers::BLOCK_CACHE_HIT, "rocksdb_block_cache_hits"},
      {Tickers::BLOCK_CACHE_MISS, "rocksdb_block_cache_misses"},
      {Tickers::BLOOM_FILTER_USEFUL, "rocksdb_bloom_filter_useful"},
      {Tickers::BLOOM_FILTER_FULL_TRUE_POSITIVE, "rocksdb_bloom_filter_true_positives"},
      {Tickers::COMPACT_READ_BYTES, "rocksdb_compaction_read_bytes"},
      {Tickers::COMPACT_WRITE_BYTES, "rocksdb_compaction_written_bytes"},
      {Tickers::NUMBER_KEYS_READ, "rocksdb_keys_read"},
      {Tickers::NUMBER_DB_SEEK, "rocksdb_seeks"},
      {Tickers::NO_FILE_OPENS, "rocksdb_file_opens"},
  };
  std::string out = fmt::format("rocksdb_bytes {}\nrocksdb_level0_files {}\n", database_->bytes(), database_->level0_files());
  for (const auto& [ticker, name] : kTickers) out += fmt::format("{} {}\n", name, database_->statistics().getTickerCount(ticker));
  return out;
}

Status RocksDbBase::compact() {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  PENSTOCK_TRY(to_status(database_->db().CompactRange(options, nullptr, nullptr), fmt::format("compaction in {}", database_->folder())));
  database_->measure();
  return ok();
}

}  // namespace penstock::storage
