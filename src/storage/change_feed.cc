#include "storage/change_feed.h"

#include <algorithm>

namespace penstock::storage {

bool in_ranges(std::span<const Range> ranges, std::string_view key) {
  return std::ranges::any_of(ranges, [key](const Range& range) { return key >= range.begin && (range.end.empty() || key < range.end); });
}

Result<std::unique_ptr<ChangeFeed>> StateStore::follow(PartialGraphId graph, std::span<const TableId> tables) {
  return ComparingFeed::begin(*this, graph, tables);
}

Result<std::unique_ptr<ChangeFeed>> ComparingFeed::begin(StateStore& store, PartialGraphId graph, std::span<const TableId> tables) {
  std::unique_ptr<ComparingFeed> feed(new ComparingFeed(store, graph, store.committed_epoch(graph)));
  for (const TableId table : tables) {
    PENSTOCK_TRY(feed->before_[table], store.read_committed(graph, table, feed->begun_));
  }
  return std::unique_ptr<ChangeFeed>(std::move(feed));
}

Result<std::unique_ptr<RowIterator>> ComparingFeed::scan(TableId table, const Range& range) {
  const auto found = before_.find(table);
  if (found == before_.end()) return error(Code::Protocol, "table {} is not followed", table);
  return found->second->scan(range);
}

Result<WriteBatch> ComparingFeed::changes(TableId table, std::span<const Range> ranges, Epoch until) {
  PENSTOCK_TRY(const auto after, store_.read_committed(graph_, table, until));
  WriteBatch out;
  for (const Range& range : ranges) {
    PENSTOCK_TRY(const auto was, scan(table, range));
    PENSTOCK_TRY(const auto is, after->scan(range));
    PENSTOCK_TRY(bool old_row, was->next());
    PENSTOCK_TRY(bool new_row, is->next());
    while (old_row || new_row) {
      const bool gone = old_row && (!new_row || was->key() < is->key());
      const bool came = new_row && (!old_row || is->key() < was->key());
      if (gone) {
        out.erase(was->key());
      } else if (came || was->value() != is->value()) {
        out.put(is->key(), is->value());
      }
      if (!came) {
        PENSTOCK_TRY(old_row, was->next());
      }
      if (!gone) {
        PENSTOCK_TRY(new_row, is->next());
      }
    }
  }
  return out;
}

}  // namespace penstock::storage
