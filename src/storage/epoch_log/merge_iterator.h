#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/vnode.h"
#include "storage/epoch_log/sorted_run.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// Rows of a range over layers: of a key the newest layer's row counts, deletes are left out.
class MergeIterator final : public RowIterator {
 public:
  /// `runs` from oldest to newest, all newer than the base. `base` may be null. `own`: only rows of these vnodes (size 0: all).
  [[nodiscard]] static Result<std::unique_ptr<RowIterator>> open(const std::vector<SortedRun::Ptr>& runs, SortedSnapshotPtr base,
                                                                 TableId table, const Range& range, VNodeBitmap own);

  Result<bool> next() override;
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }

 private:
  struct Source {
    const SortedRun* run;
    size_t at;
    size_t end;
    std::string_view key;  // of row `at`
  };
  explicit MergeIterator(VNodeBitmap own) : own_(std::move(own)) {}

  void find_front();
  Status advance_base();
  /// The front's row is in key_ and value_; false if it is a delete.
  Result<bool> take_front();

  const VNodeBitmap own_;
  std::vector<SortedRun::Ptr> pinned_;  // shared: key_ and value_ point into them
  std::vector<Source> sources_;         // newest first; those at their end are removed
  size_t front_ = 0;                    // the newest of those with the smallest key
  SortedSnapshotPtr snapshot_;          // shared: the base iterator reads it
  std::unique_ptr<RowIterator> base_;   // null at its end
  bool base_is_current_ = false;        // key_ and value_ point into it: advance it before the next row
  std::string_view key_, value_;
};

}  // namespace penstock::storage
