#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "storage/state_store.h"

/// The sorted, coalesced past under the epoch log: RocksDB, or an ordered map for tests and simulation. It is fed seldom and in large
/// pieces, each of them atomic and durable. Keys are without table id, as everywhere.
namespace penstock::storage {

/// What the base held at one moment. Thread-safe; keeps that moment alive.
class SortedSnapshot {
 public:
  virtual ~SortedSnapshot() = default;
  [[nodiscard]] virtual Result<std::optional<std::string>> get(TableId table, std::string_view key) const = 0;
  [[nodiscard]] virtual Result<std::vector<std::optional<std::string>>> multi_get(TableId table,
                                                                                  std::span<const std::string_view> keys) const = 0;
  /// The iterator keeps nothing alive: the snapshot must.
  [[nodiscard]] virtual Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) const = 0;
};
using SortedSnapshotPtr = std::shared_ptr<const SortedSnapshot>;  // shared by the versions and readers of that moment

/// Rows on their way into the base. Tables come in ascending order, and keys within a table. Dropped without `commit`: as if it had not
/// been.
class SortedInstall {
 public:
  virtual ~SortedInstall() = default;
  virtual Status put(TableId table, std::string_view key, std::string_view value) = 0;
  virtual Status erase(TableId table, std::string_view key) = 0;
  /// All rows that the table has now; in place of rows of it.
  virtual Status drop(TableId table) = 0;
  /// All of it is there and durable, or nothing. Errors: `DiskFull` and others; nothing happened, or (after a crash in it) all of it.
  virtual Status commit() = 0;
};

/// Thread-safe; one install at a time.
class SortedBase {
 public:
  virtual ~SortedBase() = default;
  [[nodiscard]] virtual SortedSnapshotPtr snapshot() = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<SortedInstall>> begin_install() = 0;
  /// Compaction is behind: install later. Cheap.
  [[nodiscard]] virtual bool busy() const = 0;
  [[nodiscard]] virtual Result<bool> has_rows(TableId table) = 0;
  /// On disk, about. Cheap.
  [[nodiscard]] virtual uint64_t bytes() const = 0;
  /// The same by table, of those that have rows. Reads the disk.
  [[nodiscard]] virtual std::map<TableId, uint64_t> table_sizes() const { return {}; }
  /// Ids that meta declared dead: their rows need not be kept by compaction. They are dropped by an install besides.
  virtual void forget(std::span<const TableId> tables) = 0;
  /// For `ctl` and metrics: one "name value" a line.
  [[nodiscard]] virtual std::string statistics() const = 0;
};

}  // namespace penstock::storage
