#include "stream/executor/state/keyed_state.h"

#include <algorithm>

#include "common/check.h"
#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

using data::Column;
using data::DataChunk;

namespace {

std::vector<data::DataType> types_of(const storage::TableSchema& schema, std::span<const uint32_t> columns) {
  std::vector<data::DataType> types;
  for (const uint32_t column : columns) types.push_back(schema.types[column]);
  return types;
}

std::string vnode_prefix(uint32_t vnode) { return {static_cast<char>(vnode >> 8 & 0xff), static_cast<char>(vnode & 0xff)}; }

}  // namespace

std::vector<storage::Range> owned_ranges(const storage::StateTable& table) {
  if (table.schema().dist_key.empty()) return {{vnode_prefix(0), vnode_prefix(1)}};
  std::vector<storage::Range> ranges;
  const auto vnodes = table.vnodes().list();
  for (size_t i = 0; i < vnodes.size();) {
    size_t last = i;
    while (last + 1 < vnodes.size() && vnodes[last + 1] == vnodes[last] + 1) ++last;
    ranges.push_back({vnode_prefix(vnodes[i]), vnode_prefix(vnodes[last] + 1U)});
    i = last + 1;
  }
  return ranges;
}

KeyedState::KeyedState(std::vector<uint32_t> key_columns, storage::StateTable table, size_t payload_bytes, const Codec& codec)
    : table_(std::move(table)),
      table_key_columns_(std::move(key_columns)),
      codec_(codec),
      entries_(types_of(table_.schema(), table_key_columns_), payload_bytes) {
  for (const uint32_t column : table_.schema().pk) {
    const auto place = std::ranges::find(table_key_columns_, column);
    PENSTOCK_CHECK(place != table_key_columns_.end(), "pk column {} of table {} is no key", column, table_.schema().name);
    pk_of_keys_.push_back(static_cast<uint32_t>(place - table_key_columns_.begin()));
  }
}

KeyedState::~KeyedState() {
  entries_.rows().for_each([this](uint32_t id) { codec_.destroy(payload(id)); });
}

void KeyedState::resolve(const DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids) {
  entries_.find_or_insert(keys, rows, ids, created_);
  for (const uint32_t i : created_) codec_.init(payload(ids[i]));
  if (complete_ || created_.empty()) return;
  std::vector<uint32_t> unread_rows;
  for (const uint32_t i : created_) {
    flags(ids[i]) |= kUnread;
    unread_.push_back(ids[i]);
    unread_rows.push_back(rows[i]);
  }
  table_.keys_of(keys, unread_rows, pk_of_keys_, unread_keys_);
}

Status KeyedState::read() {
  if (!touched_) {
    PENSTOCK_TRY(read_first());
  }
  if (complete_) return ok();
  PENSTOCK_TRY(found_, table_.multi_get(unread_keys_));
  return ok();
}

Status KeyedState::read_first() {
  touched_ = true;
  for (const storage::Range& range : owned_ranges(table_)) {
    PENSTOCK_TRY(auto rows, table_.scan(range));
    while (true) {
      PENSTOCK_TRY(const bool more, rows->next());
      if (!more) break;
      if (first_rows_.size() == kFirstReadRows) return ok();
      PENSTOCK_TRY(auto row, table_.decode(rows->value()));
      first_rows_.push_back(std::move(row));
    }
  }
  complete_ = true;
  return ok();
}

Status KeyedState::install() {
  if (!first_rows_.empty()) {
    PENSTOCK_TRY(install_first());
  }
  for (size_t i = 0; i < unread_.size(); ++i) {
    const uint32_t id = unread_[i];
    const bool waits = (flags(id) & kUnread) != 0;
    flags(id) &= ~kUnread;
    if (!waits || found_.empty() || !found_[i]) continue;
    PENSTOCK_TRY(const auto row, table_.decode(*found_[i]));
    PENSTOCK_TRY(decode_into(id, row));
  }
  unread_.clear();
  unread_keys_.clear();
  found_.clear();
  return ok();
}

Status KeyedState::install_first() {
  std::vector<Column> columns;
  for (const uint32_t column : table_key_columns_) {
    data::AnyColumnBuilder builder(table_.schema().types[column], first_rows_.size());
    for (const data::Row& row : first_rows_) builder.append(row[column]);
    columns.push_back(builder.finish());
  }
  const DataChunk keys(std::move(columns), first_rows_.size());
  std::vector<uint32_t> ids;
  entries_.find_or_insert(keys, all_rows(keys.rows()), ids, created_);
  for (const uint32_t i : created_) {
    codec_.init(payload(ids[i]));
    flags(ids[i]) |= kUnread;
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if ((flags(ids[i]) & kUnread) != 0) {
      PENSTOCK_TRY(decode_into(ids[i], first_rows_[i]));
    }
    flags(ids[i]) &= ~kUnread;
  }
  first_rows_.clear();
  first_rows_.shrink_to_fit();
  return ok();
}

Status KeyedState::decode_into(uint32_t id, const data::Row& row) {
  flags(id) |= kStored;
  return in_context(codec_.decode(row, payload(id)), table_.schema().name);
}

std::vector<Column> KeyedState::key_columns(std::span<const uint32_t> ids) const {
  std::vector<Column> columns;
  for (size_t i = 0; i < table_key_columns_.size(); ++i) columns.push_back(entries_.key_column(i, ids));
  return columns;
}

data::Row KeyedState::key_row(uint32_t id) const {
  data::Row row;
  for (const Column& column : key_columns({&id, 1})) row.push_back(column.datum(0));
  return row;
}

void KeyedState::write(std::span<const uint32_t> ids, std::vector<Column> columns, std::span<const uint8_t> alive) {
  std::vector<uint32_t> rows;
  std::vector<data::Op> ops;
  for (size_t i = 0; i < ids.size(); ++i) {
    flags(ids[i]) &= ~static_cast<uint32_t>(kDirty);
    const bool stored = (flags(ids[i]) & kStored) != 0;
    if (alive[i] != 0 || stored) {
      rows.push_back(static_cast<uint32_t>(i));
      ops.push_back(alive[i] != 0 ? data::Op::Insert : data::Op::Delete);
    }
    if (alive[i] != 0) flags(ids[i]) |= kStored;
  }
  if (!rows.empty()) {
    DataChunk chunk(std::move(columns), ids.size());
    if (rows.size() != ids.size()) chunk = chunk.gather(rows);
    table_.write_chunk({std::move(chunk), std::make_shared<const std::vector<data::Op>>(std::move(ops))});
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (alive[i] == 0) forget(ids[i]);
  }
}

void KeyedState::forget(uint32_t id) {
  codec_.destroy(payload(id));
  entries_.erase(id);
}

size_t KeyedState::evict(size_t bytes) {
  const size_t freed = entries_.evict(bytes, [this](uint32_t id) {
    if ((flags(id) & (kDirty | kUnread)) != 0) return false;
    if ((flags(id) & kStored) != 0) complete_ = false;
    codec_.destroy(payload(id));
    return true;
  });
  return freed;
}

}  // namespace penstock::stream
