#include "storage/epoch_log/log_reader.h"

#include <algorithm>

#include "storage/epoch_log/merge_iterator.h"
#include "storage/epoch_log/sort_stably.h"

namespace penstock::storage {

Status LogReader::sort() {
  if (sorted_) return ok();
  std::vector<SortedRun::Ptr> runs;
  for (const LogSegmentPtr& segment : layers_.version->segments) {
    PENSTOCK_TRY(auto run, segment->sorted(table_));
    if (run) runs.push_back(std::move(run));
  }
  // A staged segment may reach beyond the epoch when it covers several barriers.
  std::vector<ChunkPtr> above;
  for (const LogSegmentPtr& segment : layers_.staged) {
    PENSTOCK_TRY(auto chunks, segment->rows(table_));
    std::ranges::copy_if(chunks, std::back_inserter(above), [this](const ChunkPtr& chunk) { return chunk->epoch <= epoch_; });
  }
  above.insert(above.end(), layers_.chunks.begin(), layers_.chunks.end());
  sort_stably(above, [](const ChunkPtr& chunk) { return chunk->epoch; });
  if (!above.empty()) runs.push_back(SortedRun::build(std::move(above)));
  runs_ = std::move(runs);
  sorted_ = true;
  return ok();
}

Result<std::optional<std::string>> LogReader::get(std::string_view key) {
  PENSTOCK_TRY(sort());
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (const auto at = (*run)->find(key)) {
      const auto value = (*run)->value(*at);
      return value ? std::optional(std::string(*value)) : std::nullopt;
    }
  }
  return layers_.version->base->get(table_, key);
}

Result<std::unique_ptr<RowIterator>> LogReader::scan(const Range& range) {
  PENSTOCK_TRY(sort());
  return MergeIterator::open(runs_, layers_.version->base, table_, range, {});
}

}  // namespace penstock::storage
