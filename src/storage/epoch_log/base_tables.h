#pragma once

#include <map>
#include <set>
#include <span>

#include "common/mutex.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// What is known of tables beside their rows: whether the base has any, and which meta has dropped. Thread-safe.
class BaseTables {
 public:
  /// Whether the base may have rows of `table`. Once true it stays true, and it is true before a flush that made it so is seen by anyone.
  /// The first question about a table reads the base.
  [[nodiscard]] Result<bool> may_have(SortedBase& base, TableId table) {
    {
      MutexLock lock(mutex_);
      if (const auto found = known_.find(table); found != known_.end()) return found->second;
    }
    PENSTOCK_TRY(const bool has, base.has_rows(table));
    MutexLock lock(mutex_);
    return known_.emplace(table, has).first->second;
  }
  /// The same without reading: true when it is not known.
  [[nodiscard]] bool may_have_without_asking(TableId table) const {
    MutexLock lock(mutex_);
    const auto found = known_.find(table);
    return found == known_.end() || found->second;
  }
  void note_rows(TableId table) {
    MutexLock lock(mutex_);
    known_[table] = true;
  }

  /// The rows go with the next install.
  void drop(std::span<const TableId> tables) {
    MutexLock lock(mutex_);
    for (const TableId table : tables) {
      if (dropped_.insert(table).second) pending_.insert(table);
    }
  }
  [[nodiscard]] bool is_dropped(TableId table) const {
    MutexLock lock(mutex_);
    return dropped_.contains(table);
  }
  [[nodiscard]] std::set<TableId> pending_drops() const {
    MutexLock lock(mutex_);
    return pending_;
  }
  void drops_installed(const std::set<TableId>& tables) {
    MutexLock lock(mutex_);
    for (const TableId table : tables) pending_.erase(table);
  }

 private:
  mutable Mutex mutex_;
  std::map<TableId, bool> known_ ABSL_GUARDED_BY(mutex_);
  std::set<TableId> dropped_ ABSL_GUARDED_BY(mutex_);  // ids are never used again
  std::set<TableId> pending_ ABSL_GUARDED_BY(mutex_);  // of them, those whose rows are still in the base
};

}  // namespace penstock::storage
