#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/state_store.h"

namespace penstock::storage {

/// Rows that were collected before.
class RowsIterator final : public RowIterator {
 public:
  explicit RowsIterator(std::vector<std::pair<std::string, std::string>> rows) : rows_(std::move(rows)) {}
  Result<bool> next() override { return ++at_ <= rows_.size(); }
  std::string_view key() const override { return rows_[at_ - 1].first; }
  std::string_view value() const override { return rows_[at_ - 1].second; }

 private:
  const std::vector<std::pair<std::string, std::string>> rows_;
  size_t at_ = 0;  // one past the current row
};

}  // namespace penstock::storage
