#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// Reserved for the store's own rows; no table has it.
constexpr TableId kMarksTable{0};

/// Which segments are in the base: one row each in the reserved table, installed together with the segment's rows, so that neither is there
/// without the other. A mark goes with the first install after meta struck its segment off. Thread-safe.
///
///     key  "h"                        value  u64 BE: the highest sequence number that was ever flushed
///     key  "m" | sequence u64 BE      value  empty
class FlushMarks {
 public:
  /// Reads the base. Errors: `Corruption`.
  Status load(SortedBase& base);

  [[nodiscard]] bool contains(uint64_t sequence) const;
  [[nodiscard]] uint64_t highest() const;
  /// Those flushed and not struck off.
  [[nodiscard]] std::set<uint64_t> all() const;
  void strike_off(std::span<const uint64_t> sequences);
  /// Strikes off all that are not in `live`.
  void retain(const std::set<uint64_t>& live);
  [[nodiscard]] bool has_struck_off() const;

  /// What an install of `flushed` must write, and what is known once it is committed.
  struct Change {
    std::set<uint64_t> flushed;
    std::set<uint64_t> erased;
    uint64_t highest = 0;
  };
  [[nodiscard]] Change change_for(std::set<uint64_t> flushed) const;
  static Status write(const Change& change, SortedInstall& install);
  void installed(const Change& change);

 private:
  mutable Mutex mutex_;
  std::set<uint64_t> marks_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> struck_off_ ABSL_GUARDED_BY(mutex_);
  uint64_t highest_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace penstock::storage
