#include "storage/memory/memory_base.h"

#include "common/check.h"

namespace penstock::storage {

namespace {

class MapIterator final : public RowIterator {
 public:
  using Map = std::map<std::string, std::string>;
  MapIterator(Map::const_iterator begin, Map::const_iterator end) : at_(begin), end_(end) {}
  Result<bool> next() override {
    if (std::exchange(started_, true)) ++at_;
    return at_ != end_;
  }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }

 private:
  Map::const_iterator at_;
  const Map::const_iterator end_;
  bool started_ = false;
};

}  // namespace

class MemoryBase::Snapshot final : public SortedSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<const Rows> rows) : rows_(std::move(rows)) {}

  Result<std::optional<std::string>> get(TableId table, std::string_view key) const override {
    const auto& of_table = rows_of(table);
    const auto found = of_table.find(std::string(key));
    return found == of_table.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::vector<std::optional<std::string>>> multi_get(TableId table, std::span<const std::string_view> keys) const override {
    std::vector<std::optional<std::string>> out;
    for (const std::string_view key : keys) {
      PENSTOCK_TRY(auto value, get(table, key));
      out.push_back(std::move(value));
    }
    return out;
  }
  Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) const override {
    const auto& of_table = rows_of(table);
    const auto begin = of_table.lower_bound(range.begin);
    auto end = range.end.empty() ? of_table.end() : of_table.lower_bound(range.end);
    if (!range.end.empty() && range.end <= range.begin) end = begin;
    return std::unique_ptr<RowIterator>(std::make_unique<MapIterator>(begin, end));
  }

 private:
  const std::map<std::string, std::string>& rows_of(TableId table) const {
    static const std::map<std::string, std::string> kNone;
    const auto found = rows_->find(table);
    return found == rows_->end() ? kNone : found->second;
  }

  const std::shared_ptr<const Rows> rows_;  // shared with the disk of that moment
};

class MemoryBase::Install final : public SortedInstall {
 public:
  explicit Install(MemoryBase& base) : base_(base), rows_(std::make_shared<Rows>(*base.disk_->rows)) {}

  Status put(TableId table, std::string_view key, std::string_view value) override {
    check_order(table, key);
    (*rows_)[table][std::string(key)] = value;
    return ok();
  }
  Status erase(TableId table, std::string_view key) override {
    check_order(table, key);
    (*rows_)[table].erase(std::string(key));
    return ok();
  }
  Status drop(TableId table) override {
    check_order(table, {});
    rows_->erase(table);
    return ok();
  }
  Status commit() override {
    MutexLock lock(base_.mutex_);
    if (base_.fault_) {
      PENSTOCK_TRY(base_.fault_());
    }
    base_.disk_->rows = std::move(rows_);
    ++base_.installs_;
    return ok();
  }

 private:
  void check_order(TableId table, std::string_view key) {
    PENSTOCK_CHECK(!last_ || std::pair(table, std::string(key)) > *last_, "rows of an install must ascend");
    last_.emplace(table, key);
  }

  MemoryBase& base_;
  std::shared_ptr<Rows> rows_;
  std::optional<std::pair<TableId, std::string>> last_;
};

SortedSnapshotPtr MemoryBase::snapshot() {
  MutexLock lock(mutex_);
  return std::make_shared<Snapshot>(disk_->rows);
}

Result<std::unique_ptr<SortedInstall>> MemoryBase::begin_install() {
  return std::unique_ptr<SortedInstall>(std::make_unique<Install>(*this));
}

Result<bool> MemoryBase::has_rows(TableId table) {
  MutexLock lock(mutex_);
  const auto found = disk_->rows->find(table);
  return found != disk_->rows->end() && !found->second.empty();
}

uint64_t MemoryBase::bytes() const {
  MutexLock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [table, rows] : *disk_->rows) {
    for (const auto& [key, value] : rows) bytes += key.size() + value.size();
  }
  return bytes;
}

void MemoryBase::forget(std::span<const TableId> tables) {
  MutexLock lock(mutex_);
  forgotten_.insert(tables.begin(), tables.end());
}

std::string MemoryBase::statistics() const {
  MutexLock lock(mutex_);
  return fmt::format("installs {}\n", installs_);
}

void MemoryBase::set_fault(Fault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

std::set<TableId> MemoryBase::forgotten() const {
  MutexLock lock(mutex_);
  return forgotten_;
}

}  // namespace penstock::storage
