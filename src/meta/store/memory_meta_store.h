#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "meta/store/meta_store.h"

namespace penstock::meta {

/// A MetaStore on a `Disk` in memory, which outlives the stores opened on it: what a restarted meta finds. For tests and simulation.
/// Two stores on one disk are two metas on one folder, which fencing must keep apart.
class MemoryMetaStore : public MetaStore {
 public:
  class Disk {
   public:
    explicit Disk(std::string cluster_id) : cluster_id_(std::move(cluster_id)) {}

    /// Commits fail with this until it is cleared with success; nothing of them is kept.
    void fail_commits(Status status);
    [[nodiscard]] uint64_t commits() const;

   private:
    friend class MemoryMetaStore;
    const std::string cluster_id_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> rows_;  // guarded by mutex_
    LeaderTerm leader_;                                     // guarded by mutex_
    std::vector<uint64_t> leaders_;                         // guarded by mutex_
    Status failure_ = ok();                                 // guarded by mutex_
    uint64_t commits_ = 0;                                  // guarded by mutex_
  };

  explicit MemoryMetaStore(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  [[nodiscard]] const std::string& cluster_id() const override { return disk_->cluster_id_; }
  [[nodiscard]] Result<LeaderTerm> lead(uint64_t id) override;
  [[nodiscard]] Result<std::vector<uint64_t>> leaders() override;
  Status commit(LeaderTerm term, const Txn& txn) override;
  [[nodiscard]] Result<Rows> scan(std::string_view prefix) override;
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) override;

 private:
  const std::shared_ptr<Disk> disk_;  // shared: outlives each meta that is started on it
};

}  // namespace penstock::meta
