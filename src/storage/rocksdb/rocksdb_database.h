#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/statistics.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "storage/rocksdb/dead_tables.h"
#include "storage/rocksdb/rocksdb_base.h"

namespace penstock::storage {

/// The open database and what belongs to it; closed when the last snapshot is gone.
class RocksDbBase::Database {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Database>> open(const std::string& folder, const RocksDbOptions& options);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  [[nodiscard]] rocksdb::DB& db() { return *db_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string new_file_path();
  [[nodiscard]] DeadTables& dead() { return *dead_; }
  [[nodiscard]] rocksdb::Statistics& statistics() { return *statistics_; }
  [[nodiscard]] const rocksdb::Options& writer_options() const { return writer_options_; }
  /// Bytes and level-0 files as of the last install or compaction.
  [[nodiscard]] uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t level0_files() const { return level0_files_.load(std::memory_order_relaxed); }
  void measure();
  /// After a full disk RocksDB stops its background work until it is told to go on.
  Status resume_if_stopped();

 private:
  class Listener;

  explicit Database(std::string folder) : folder_(std::move(folder)) {}
  void set_options(const RocksDbOptions& options);
  Status remove_leftovers();
  Status leave_sequence_0();

  const std::string folder_;
  std::shared_ptr<DeadTables> dead_ = std::make_shared<DeadTables>();  // shared with RocksDB's options
  std::shared_ptr<rocksdb::Statistics> statistics_;                    // likewise
  rocksdb::Options options_;
  rocksdb::Options writer_options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<uint64_t> next_file_{1};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> level0_files_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace penstock::storage
