#include "meta/store/memory_meta_store.h"

namespace penstock::meta {

void Txn::append(Txn other) {
  writes.insert(writes.end(), std::make_move_iterator(other.writes.begin()), std::make_move_iterator(other.writes.end()));
}

void MemoryMetaStore::Disk::fail_commits(Status status) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

uint64_t MemoryMetaStore::Disk::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

Result<std::vector<uint64_t>> MemoryMetaStore::leaders() {
  const std::lock_guard lock(disk_->mutex_);
  return disk_->leaders_;
}

Result<LeaderTerm> MemoryMetaStore::lead(uint64_t id) {
  const std::lock_guard lock(disk_->mutex_);
  disk_->leaders_.insert(disk_->leaders_.begin(), id);
  ++disk_->leader_.value;
  return disk_->leader_;
}

Status MemoryMetaStore::commit(LeaderTerm term, const Txn& txn) {
  const std::lock_guard lock(disk_->mutex_);
  if (term != disk_->leader_) return error(Code::Stale, "leader term {} has ended: meta of term {} leads now", term, disk_->leader_);
  if (disk_->failure_.has_error()) return disk_->failure_;
  for (const Txn::Write& write : txn.writes) {
    if (write.value) {
      disk_->rows_.insert_or_assign(write.key, *write.value);
    } else {
      disk_->rows_.erase(write.key);
    }
  }
  ++disk_->commits_;
  return ok();
}

Result<MetaStore::Rows> MemoryMetaStore::scan(std::string_view prefix) {
  const std::lock_guard lock(disk_->mutex_);
  Rows rows;
  for (auto row = disk_->rows_.lower_bound(prefix); row != disk_->rows_.end() && row->first.starts_with(prefix); ++row) {
    rows.emplace_back(row->first, row->second);
  }
  return rows;
}

Result<std::optional<std::string>> MemoryMetaStore::get(std::string_view key) {
  const std::lock_guard lock(disk_->mutex_);
  const auto row = disk_->rows_.find(key);
  if (row == disk_->rows_.end()) return std::optional<std::string>{};
  return std::optional<std::string>{row->second};
}

}  // namespace penstock::meta
