#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// The sorted base over an ordered map: the epoch log under test or in simulation. Durable is what `Disk` holds; drop the base and make
/// another over the same disk to crash. Thread-safe.
class MemoryBase final : public SortedBase {
 public:
  using Rows = std::map<TableId, std::map<std::string, std::string>>;
  struct Disk {
    std::shared_ptr<const Rows> rows = std::make_shared<Rows>();  // shared by snapshots
  };
  /// Asked at each commit of an install: what it answers is the commit's error, and nothing is installed.
  using Fault = std::function<Status()>;

  explicit MemoryBase(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  [[nodiscard]] SortedSnapshotPtr snapshot() override;
  [[nodiscard]] Result<std::unique_ptr<SortedInstall>> begin_install() override;
  [[nodiscard]] bool busy() const override { return busy_.load(); }
  [[nodiscard]] Result<bool> has_rows(TableId table) override;
  [[nodiscard]] uint64_t bytes() const override;
  void forget(std::span<const TableId> tables) override;
  [[nodiscard]] std::string statistics() const override;

  void set_fault(Fault fault);
  void set_busy(bool busy) { busy_.store(busy); }
  [[nodiscard]] std::set<TableId> forgotten() const;

 private:
  class Snapshot;
  class Install;

  const std::shared_ptr<Disk> disk_;  // shared with the base after a crash, never at the same time
  mutable Mutex mutex_;
  Fault fault_ ABSL_GUARDED_BY(mutex_);
  std::set<TableId> forgotten_ ABSL_GUARDED_BY(mutex_);
  uint64_t installs_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> busy_{false};
};

}  // namespace penstock::storage
