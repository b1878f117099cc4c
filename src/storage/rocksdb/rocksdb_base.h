#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "storage/rocksdb/rocksdb_options.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// The sorted base in RocksDB, without WAL and memtable: rows come only as SST files that are ingested, each install in one call, which is
/// one edit of RocksDB's manifest. Thread-safe; snapshots and iterators may outlive it.
class RocksDbBase final : public SortedBase {
 public:
  /// Opens or makes the database in `folder`/sorted; files of an install that a crash cut short are removed. Errors: `ObjectInUse` when
  /// another process has it, else as RocksDB says, with the folder.
  [[nodiscard]] static Result<std::unique_ptr<RocksDbBase>> open(const std::string& folder, const RocksDbOptions& options);
  ~RocksDbBase() override;

  [[nodiscard]] SortedSnapshotPtr snapshot() override;
  [[nodiscard]] Result<std::unique_ptr<SortedInstall>> begin_install() override;
  [[nodiscard]] bool busy() const override;
  [[nodiscard]] Result<bool> has_rows(TableId table) override;
  [[nodiscard]] uint64_t bytes() const override;
  [[nodiscard]] std::map<TableId, uint64_t> table_sizes() const override;
  void forget(std::span<const TableId> tables) override;
  [[nodiscard]] std::string statistics() const override;

  /// Compacts everything to the bottom level: for tests and `ctl`. Blocks.
  Status compact();

 private:
  class Database;
  class Snapshot;
  class Scan;
  class Install;

  RocksDbBase(std::shared_ptr<Database> database, int busy_level0_files);

  const std::shared_ptr<Database> database_;  // shared with snapshots, which readers may hold longer
  const int busy_level0_files_;
};

}  // namespace penstock::storage
