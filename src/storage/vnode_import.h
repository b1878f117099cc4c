#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/vnode.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// Vnodes of tables that this node becomes the owner of: the rows that come take the place of whatever it still has of them, for it may
/// have owned them before. Rows of its own that do not come become deletes, so afterwards it holds exactly what came, whatever was flushed,
/// dropped or left over here.
///
/// One caller at a time; blocks. Dropped before `finish`: as if it had not been.
class VnodeImport {
 public:
  /// `tables` ascending. The graph must be open in this term with `epoch` committed.
  [[nodiscard]] static Result<std::unique_ptr<VnodeImport>> begin(StateStore& store, GraphTerm graph, Epoch epoch,
                                                                  std::vector<TableId> tables, VNodeBitmap vnodes);
  /// What has changed since rows came by an import that was finished: rows may be without value, and go above the others. This node's own
  /// are not looked at.
  [[nodiscard]] static Result<std::unique_ptr<VnodeImport>> begin_changes(StateStore& store, GraphTerm graph, Epoch epoch,
                                                                          std::vector<TableId> tables, VNodeBitmap vnodes);

  /// Rows, with values unless they are changes, ascending by table and key over all calls. Errors: `Protocol` for a row out of order, of a
  /// table or vnode that was not asked for, or without value; those of the store.
  Status add(TableId table, const WriteBatch& rows);
  /// The files, durable: see SegmentImport.
  [[nodiscard]] Result<std::vector<SegmentInfo>> finish();

  /// Rows that came, and deletes: of rows of this node that had to go, or that came.
  [[nodiscard]] uint64_t rows() const { return rows_; }
  [[nodiscard]] uint64_t stale_rows() const { return stale_rows_; }

 private:
  VnodeImport(std::vector<TableId> tables, VNodeBitmap vnodes) : tables_(std::move(tables)), vnodes_(std::move(vnodes)) {}
  [[nodiscard]] static Result<std::unique_ptr<VnodeImport>> make(StateStore& store, GraphTerm graph, Epoch epoch,
                                                                 std::vector<TableId> tables, VNodeBitmap vnodes);

  Status check_row(TableId table, std::string_view key, bool has_value) const;
  /// Moves to the next row of this node's own; false at the end.
  Status next_own();
  Status write(TableId table, std::string_view key, std::optional<std::string_view> value);
  Status flush();

  bool changes_ = false;
  const std::vector<TableId> tables_;
  const VNodeBitmap vnodes_;
  std::vector<Range> ranges_;  // of vnodes_, in one piece each
  std::unique_ptr<SegmentImport> import_;

  // What this node has of them, row by row.
  size_t own_table_ = 0;  // position in tables_; at its end: no more
  size_t own_range_ = 0;
  std::vector<std::unique_ptr<SnapshotReader>> readers_;  // by position in tables_; all from the beginning on, for it may take long
  std::unique_ptr<RowIterator> own_;
  bool own_valid_ = false;

  std::optional<std::pair<TableId, std::string>> last_;
  TableId batch_table_;
  WriteBatch batch_;
  uint64_t rows_ = 0;
  uint64_t stale_rows_ = 0;
};

/// The vnodes as ranges of keys without table id, one for each run of neighbours.
[[nodiscard]] std::vector<Range> vnode_ranges(const VNodeBitmap& vnodes);

}  // namespace penstock::storage
