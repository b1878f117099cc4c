#include "storage/rocksdb/rocksdb_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <filesystem>

#include "common/log.h"
#include "storage/rocksdb/rocksdb_error.h"
#include "storage/rocksdb/rocksdb_key.h"

namespace penstock::storage {

class RocksDbBase::Database::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(Database& database) : database_(database) {}
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override { database_.measure(); }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    log::error("storage", "RocksDB in {}: {}", database_.folder(), status->ToString());
    database_.stopped_.store(true);
  }

 private:
  Database& database_;
};

Result<std::shared_ptr<RocksDbBase::Database>> RocksDbBase::Database::open(const std::string& folder, const RocksDbOptions& options) {
  auto database = std::shared_ptr<Database>(new Database(folder));
  database->set_options(options);
  PENSTOCK_TRY(database->remove_leftovers());
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(database->options_, folder + "/sorted", &db);
  if (opened.IsIOError() && opened.ToString().find("lock") != std::string::npos) {
    return error(Code::ObjectInUse, "data folder {} is in use by another process ({})", folder, opened.ToString());
  }
  PENSTOCK_TRY(to_status(opened, fmt::format("cannot open RocksDB in {}/sorted", folder)));
  database->db_.reset(db);
  PENSTOCK_TRY(database->leave_sequence_0());
  database->measure();
  return database;
}

// RocksDB's sequence numbers grow with writes, of which there are none, or with installs while a snapshot is held. A snapshot at number 0
// must not be: compaction takes 0 for "no snapshot" and throws away rows that such a snapshot sees, the newest ones included. So the first
// write of a database, before any snapshot, is a row outside of all tables.
Status RocksDbBase::Database::leave_sequence_0() {
  if (db_->GetLatestSequenceNumber() > 0) return ok();
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const std::string what = fmt::format("cannot write to RocksDB in {}/sorted", folder_);
  PENSTOCK_TRY(to_status(db_->Put(options, rocksdb::Slice(kOutsideOfTables.data(), kOutsideOfTables.size()), "1"), what));
  return to_status(db_->Flush(rocksdb::FlushOptions()), what);
}

RocksDbBase::Database::~Database() {
  if (!db_) return;
  if (const rocksdb::Status closed = db_->Close(); !closed.ok())
    log::warn("storage", "closing RocksDB in {}: {}", folder_, closed.ToString());
}

void RocksDbBase::Database::set_options(const RocksDbOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.block_size = 16 << 10;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;

  rocksdb::Options& o = options_;
  o.create_if_missing = true;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kPrefixBytes));
  o.compaction_filter_factory = dead_;
  // Nothing is ever written to the memtable or the WAL.
  o.write_buffer_size = 64 << 10;
  o.compression = rocksdb::kLZ4Compression;
  o.bottommost_compression = rocksdb::kZSTD;
  o.bottommost_compression_opts.level = 1;
  o.bottommost_compression_opts.enabled = true;
  o.level_compaction_dynamic_level_bytes = true;
  o.level0_file_num_compaction_trigger = 4;
  o.level0_slowdown_writes_trigger = 1000;
  o.level0_stop_writes_trigger = 1000;
  o.target_file_size_base = 64ULL << 20;
  o.max_bytes_for_level_base = 256ULL << 20;
  o.max_background_jobs = options.compaction_threads + 1;
  o.max_subcompactions = 1;
  o.rate_limiter.reset(rocksdb::NewGenericRateLimiter(static_cast<int64_t>(options.compaction_bytes_per_second)));
  o.bytes_per_sync = 1 << 20;
  o.skip_stats_update_on_db_open = true;
  o.skip_checking_sst_file_sizes_on_db_open = true;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.info_log_level = rocksdb::WARN_LEVEL;
  o.max_log_file_size = 4 << 20;
  o.keep_log_file_num = 2;
  statistics_ = rocksdb::CreateDBStatistics();
  statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  o.statistics = statistics_;
  o.listeners.push_back(std::make_shared<Listener>(*this));

  writer_options_ = options_;
  writer_options_.bottommost_compression = rocksdb::kDisableCompressionOption;  // files that come in are not the bottom
  writer_options_.listeners.clear();
}

Status RocksDbBase::Database::remove_leftovers() {
  const std::filesystem::path incoming = folder_ + "/incoming";
  std::error_code failed;
  std::filesystem::remove_all(incoming, failed);
  if (!failed) std::filesystem::create_directories(incoming, failed);
  if (failed) return error(Code::Io, "cannot clear {}: {}", incoming.string(), failed.message());
  return ok();
}

std::string RocksDbBase::Database::new_file_path() { return fmt::format("{}/incoming/{}.sst", folder_, next_file_.fetch_add(1)); }

void RocksDbBase::Database::measure() {
  if (!db_) return;
  uint64_t value = 0;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kLiveSstFilesSize, &value)) bytes_.store(value, std::memory_order_relaxed);
  std::string files;
  if (db_->GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &files)) level0_files_.store(std::stoull(files));
}

Status RocksDbBase::Database::resume_if_stopped() {
  if (!stopped_.load()) return ok();
  PENSTOCK_TRY(to_status(db_->Resume(), fmt::format("RocksDB in {} cannot go on after an error", folder_)));
  stopped_.store(false);
  log::info("storage", "RocksDB in {} goes on", folder_);
  return ok();
}

}  // namespace penstock::storage
