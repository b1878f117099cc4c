#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/epoch.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// One table with all versions of its rows that somebody may still read. Not thread-safe.
class MemoryTable {
 public:
  using Rows = std::vector<std::pair<std::string, std::string>>;

  void write(std::string_view key, Epoch epoch, std::optional<std::string> value);
  /// The newest version written at or before `epoch`; null if there is none. A tombstone is a version without value.
  [[nodiscard]] const std::optional<std::string>* version(std::string_view key, Epoch epoch) const;
  [[nodiscard]] std::optional<std::string> get(std::string_view key, Epoch epoch) const;
  /// Rows of `range` as of `epoch`, in key order.
  [[nodiscard]] Rows scan(const Range& range, Epoch epoch) const;

  /// Versions of `key` above `epoch` vanish.
  void forget_after(std::string_view key, Epoch epoch);
  /// Versions of `key` that nobody at or after `epoch` can see vanish.
  void forget_before(std::string_view key, Epoch epoch);
  [[nodiscard]] size_t rows() const { return rows_.size(); }

 private:
  struct Version {
    Epoch epoch;
    std::optional<std::string> value;
  };
  std::map<std::string, std::vector<Version>, std::less<>> rows_;  // versions by epoch, ascending
};

}  // namespace penstock::storage
