#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/epoch_log/base_tables.h"
#include "storage/epoch_log/batch_index.h"
#include "storage/epoch_log/graph_log.h"

namespace penstock::storage {

/// One table of one actor over the epoch log. Writes stay in a chunk of its own until the chunk is large enough or the epoch is sealed;
/// what it reads from memory is indexed privately and only when it reads, so that actors never wait for each other.
class LogTable final : public LocalStateStore {
 public:
  LogTable(LogCore& core, BaseTables& tables, std::shared_ptr<GraphLog> graph, uint64_t incarnation, TableOptions options);

  Status init(EpochPair epoch) override;
  Status append(WriteBatch batch) override;
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) override;
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys) override;
  [[nodiscard]] Result<std::unique_ptr<RowIterator>> scan(const Range& range) override;
  [[nodiscard]] bool may_block() const override;
  Status seal_current_epoch(EpochPair next) override;
  Status update_vnode_bitmap(const VNodeBitmap& vnodes) override;

 private:
  /// Finds out what reads will need, so that `may_block` can tell.
  Status prepare();
  Status check_usable() const;
  [[nodiscard]] std::string what() const { return fmt::format("table {} ({})", options_.table, options_.name); }
  void add_rows(WriteBatch batch);
  Status publish();
  /// Makes index_ and base_ what a read of this moment needs.
  Status look();
  void forget_view();

  LogCore& core_;
  BaseTables& tables_;
  const std::shared_ptr<GraphLog> graph_;  // shared with the store, which may remove the graph first
  const uint64_t incarnation_;
  TableOptions options_;
  Epoch epoch_;                     // running; 0: not initialised
  std::shared_ptr<Chunk> growing_;  // shared with index_; published when it is large or the epoch ends

  std::shared_ptr<BatchIndex> index_;  // null: no view. Shared with nobody else but made anew as a whole
  SortedSnapshotPtr base_;             // null when the base has no rows of the table
  uint64_t layout_ = 0;                // of the view
  bool unread_ = false;                // without a view: adopted rows lie on disk
  size_t written_rows_ = 0;            // since the graph was opened, not in a view
};

}  // namespace penstock::storage
