#include "storage/vnode_import.h"

#include <algorithm>

#include "storage/key_range.h"
#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

constexpr size_t kImportBatch = 256 * 1024;

}  // namespace

std::vector<Range> vnode_ranges(const VNodeBitmap& vnodes) {
  std::vector<Range> out;
  const std::vector<VNode> list = vnodes.list();
  for (size_t i = 0; i < list.size();) {
    size_t last = i;
    while (last + 1 < list.size() && list[last + 1] == list[last] + 1) ++last;
    Range range;
    append_vnode(range.begin, list[i]);
    if (list[last] != UINT16_MAX) append_vnode(range.end, static_cast<VNode>(list[last] + 1));
    out.push_back(std::move(range));
    i = last + 1;
  }
  return out;
}

Result<std::unique_ptr<VnodeImport>> VnodeImport::make(StateStore& store, GraphTerm graph, Epoch epoch, std::vector<TableId> tables,
                                                       VNodeBitmap vnodes) {
  if (!std::ranges::is_sorted(tables, std::less_equal{})) return error(Code::Protocol, "tables of an import must ascend");
  std::unique_ptr<VnodeImport> out(new VnodeImport(std::move(tables), std::move(vnodes)));
  PENSTOCK_TRY(out->import_, store.begin_import(graph, epoch));
  return out;
}

Result<std::unique_ptr<VnodeImport>> VnodeImport::begin(StateStore& store, GraphTerm graph, Epoch epoch, std::vector<TableId> tables,
                                                        VNodeBitmap vnodes) {
  PENSTOCK_TRY(auto out, make(store, graph, epoch, std::move(tables), std::move(vnodes)));
  out->ranges_ = vnode_ranges(out->vnodes_);
  for (const TableId table : out->tables_) {
    PENSTOCK_TRY(out->readers_.emplace_back(), store.read_committed(graph.graph, table, epoch));
  }
  PENSTOCK_TRY(out->next_own());
  return out;
}

Result<std::unique_ptr<VnodeImport>> VnodeImport::begin_changes(StateStore& store, GraphTerm graph, Epoch epoch,
                                                                std::vector<TableId> tables, VNodeBitmap vnodes) {
  PENSTOCK_TRY(auto out, make(store, graph, epoch, std::move(tables), std::move(vnodes)));
  out->changes_ = true;
  return out;
}

Status VnodeImport::next_own() {
  own_valid_ = false;
  for (; own_table_ < tables_.size(); readers_[own_table_].reset(), ++own_table_, own_range_ = 0) {
    for (; own_range_ < ranges_.size(); ++own_range_, own_.reset()) {
      if (!own_) {
        PENSTOCK_TRY(own_, readers_[own_table_]->scan(ranges_[own_range_]));
      }
      PENSTOCK_TRY(own_valid_, own_->next());
      if (own_valid_) return ok();
    }
  }
  return ok();
}

Status VnodeImport::check_row(TableId table, std::string_view key, bool has_value) const {
  const auto refuse = [&](std::string_view why) { return error(Code::Protocol, "import of table {}: a row {}", table, why); };
  if (!has_value && !changes_) return refuse("without value");
  if (key.size() < 2 || !vnodes_.contains(vnode_of_key(key))) return refuse("of a vnode that was not asked for");
  if (!std::ranges::binary_search(tables_, table)) return refuse("of a table that was not asked for");
  if (last_ && (table < last_->first || (table == last_->first && key <= last_->second))) return refuse("that is out of order");
  return ok();
}

Status VnodeImport::add(TableId table, const WriteBatch& rows) {
  for (size_t i = 0; i < rows.entries.size(); ++i) {
    const std::string_view key = rows.key(i);
    const auto value = rows.value(i);
    PENSTOCK_TRY(check_row(table, key, value.has_value()));
    while (own_valid_ && (tables_[own_table_] < table || (tables_[own_table_] == table && own_->key() < key))) {
      PENSTOCK_TRY(write(tables_[own_table_], own_->key(), std::nullopt));
      PENSTOCK_TRY(next_own());
    }
    if (own_valid_ && tables_[own_table_] == table && own_->key() == key) {
      PENSTOCK_TRY(next_own());
    }
    PENSTOCK_TRY(write(table, key, value));
    if (last_ && last_->first == table) {
      last_->second.assign(key);
    } else {
      last_.emplace(table, key);
    }
  }
  return ok();
}

Status VnodeImport::write(TableId table, std::string_view key, std::optional<std::string_view> value) {
  if (table != batch_table_ || batch_.bytes.size() >= kImportBatch) {
    PENSTOCK_TRY(flush());
    batch_table_ = table;
  }
  if (value) {
    batch_.put(key, *value);
    ++rows_;
  } else {
    batch_.erase(key);
    ++stale_rows_;
  }
  return ok();
}

Status VnodeImport::flush() {
  if (batch_.empty()) return ok();
  return import_->add(batch_table_, std::exchange(batch_, {}));
}

Result<std::vector<SegmentInfo>> VnodeImport::finish() {
  while (own_valid_) {
    PENSTOCK_TRY(write(tables_[own_table_], own_->key(), std::nullopt));
    PENSTOCK_TRY(next_own());
  }
  PENSTOCK_TRY(flush());
  return import_->finish();
}

}  // namespace penstock::storage
