#include "storage/epoch_log/log_feed.h"

#include "storage/change_feed.h"
#include "storage/epoch_log/log_reader.h"

namespace penstock::storage {

// A reader keeps its table's rows sorted, so there is one for the table at hand only.
Result<std::unique_ptr<RowIterator>> LogFeed::scan(TableId table, const Range& range) {
  if (!reader_ || table_ != table) reader_ = std::make_unique<LogReader>(table, version_->epoch, version_);
  table_ = table;
  return reader_->scan(range);
}

Result<WriteBatch> LogFeed::changes(TableId table, std::span<const Range> ranges, Epoch until) {
  PENSTOCK_TRY(const auto segments, trail_->until(until));
  std::vector<ChunkPtr> chunks;
  for (const LogSegmentPtr& segment : segments) {
    PENSTOCK_TRY(const auto rows, segment->rows(table));
    chunks.insert(chunks.end(), rows.begin(), rows.end());
  }
  WriteBatch out;
  if (chunks.empty()) return out;
  const SortedRun::Ptr newest = SortedRun::build(std::move(chunks));
  for (size_t i = 0; i < newest->size(); ++i) {
    if (!in_ranges(ranges, newest->key(i))) continue;
    if (const auto value = newest->value(i)) {
      out.put(newest->key(i), *value);
    } else {
      out.erase(newest->key(i));
    }
  }
  return out;
}

}  // namespace penstock::storage
