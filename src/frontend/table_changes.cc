#include "frontend/table_changes.h"

#include <numeric>

#include "data/key_codec.h"

namespace penstock::frontend {

using data::DataChunk;
using data::Op;
using data::Row;

TableChanges::TableChanges(pb::CatalogObject table) : table_(std::move(table)) {
  for (const pb::Column& column : table_.columns()) {
    types_.emplace_back(static_cast<data::TypeKind>(column.type().kind()), static_cast<int16_t>(column.type().precision()),
                        static_cast<int16_t>(column.type().scale()));
  }
  for (const pb::SortKey& column : table_.table().pk()) key_.push_back(column.column());
  if (key_.size() == 1 && table_.columns(static_cast<int>(key_[0])).hidden()) generated_key_ = key_[0];
}

std::vector<std::string> TableChanges::keys_of(const DataChunk& rows) const {
  std::vector<uint32_t> all(rows.rows());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<std::string> keys(rows.rows());
  data::encode_keys(rows, all, key_, std::vector<data::SortOrder>(key_.size()), keys);
  return keys;
}

void TableChanges::insert(const DataChunk& rows) {
  for (size_t i = 0; i < rows.rows(); ++i) {
    Row row = rows.row(i);
    if (generated_key_) row[*generated_key_] = next_generated_--;
    std::vector<data::DataType> key_types;
    Row key;
    for (const uint32_t column : key_) {
      key.push_back(row[column]);
      key_types.push_back(types_[column]);
    }
    std::string bytes;
    data::encode_key(key, key_types, std::vector<data::SortOrder>(key_.size()), bytes);
    rows_[bytes].after = std::move(row);
  }
}

void TableChanges::update(const DataChunk& both) {
  const size_t width = types_.size();
  std::vector<uint32_t> old_columns(width), new_columns(width);
  std::iota(old_columns.begin(), old_columns.end(), 0U);
  std::iota(new_columns.begin(), new_columns.end(), static_cast<uint32_t>(width));
  const DataChunk before = both.project(old_columns), after = both.project(new_columns);
  const std::vector<std::string> keys = keys_of(before);
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto [at, added] = rows_.try_emplace(keys[i]);
    if (added) at->second.before = before.row(i);
    at->second.after = after.row(i);
  }
  has_read_ |= !keys.empty();
}

void TableChanges::remove(const DataChunk& rows) {
  const std::vector<std::string> keys = keys_of(rows);
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto [at, added] = rows_.try_emplace(keys[i]);
    if (added) at->second.before = rows.row(i);
    at->second.after.reset();
    if (at->second.before) continue;
    if (generated_key_) {
      rows_.erase(at);  // it exists nowhere else
    } else {
      at->second.before = rows.row(i);  // the table may hold one of this key that the block has not read: the key is what counts
    }
  }
  has_read_ |= !keys.empty();
}

DataChunk TableChanges::unchanged(const DataChunk& stored) const {
  const std::vector<std::string> keys = keys_of(stored);
  std::vector<uint32_t> kept;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    if (!rows_.contains(keys[i])) kept.push_back(i);
  }
  return kept.size() == keys.size() ? stored : stored.gather(kept);
}

DataChunk TableChanges::own_rows() const {
  data::StreamChunkBuilder builder(types_);
  for (const auto& [key, change] : rows_) {
    if (change.after) builder.append(Op::Insert, *change.after);
  }
  return builder.finish().data();
}

data::StreamChunk TableChanges::changelog() const {
  data::StreamChunkBuilder builder(types_, rows_.size() * 2);
  for (const auto& [key, change] : rows_) {
    if (!change.before || !change.after) continue;
    builder.append(Op::UpdateDelete, *change.before);
    builder.append(Op::UpdateInsert, *change.after);
  }
  for (const auto& [key, change] : rows_) {
    if (change.before && change.after) continue;
    if (change.after) {
      Row row = *change.after;
      if (generated_key_) row[*generated_key_] = {};
      builder.append(Op::Insert, row);
    } else {
      builder.append(Op::Delete, *change.before);
    }
  }
  return builder.finish();
}

}  // namespace penstock::frontend
