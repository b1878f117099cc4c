#include "storage/state_table.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "storage/key_range.h"
#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

// Large enough that handing it over costs nothing a row, small enough that segments are written while the epoch runs.
constexpr size_t kBatchBytes = 256 * 1024;
// Of a chunk: enough for the columnar encoders, and rows of megabytes do not make a batch of gigabytes.
constexpr size_t kRowsAtOnce = 1024;

}  // namespace

StateTable::StateTable(TableSchema schema, VNodeBitmap vnodes, std::unique_ptr<LocalStateStore> local)
    : schema_(std::move(schema)), codec_(schema_.types, schema_.added), vnodes_(std::move(vnodes)), local_(std::move(local)) {
  for (const uint32_t column : schema_.pk) pk_types_.push_back(schema_.types[column]);
  for (const uint32_t column : schema_.dist_key) {
    const auto found = std::ranges::find(schema_.pk, column);
    dist_in_pk_.push_back(static_cast<uint32_t>(found - schema_.pk.begin()));
  }
}

Result<StateTable> StateTable::open(StateStore& store, PartialGraphId graph, TableSchema schema, VNodeBitmap vnodes) {
  const auto refuse = [&](std::string_view why) { return error(Code::Protocol, "table {} ({}): {}", schema.id, schema.name, why); };
  if (schema.orders.size() != schema.pk.size()) return refuse("one sort order is needed for each key column");
  if (schema.added.size() > schema.types.size()) return refuse("more columns were added than there are");
  for (const uint32_t column : schema.pk) {
    if (column >= schema.types.size()) return refuse("a key column does not exist");
  }
  for (const uint32_t column : schema.dist_key) {
    if (std::ranges::find(schema.pk, column) == schema.pk.end()) return refuse("the distribution key must be part of the primary key");
  }
  PENSTOCK_TRY(auto local, store.open_table({schema.id, graph, vnodes, schema.name}));
  return StateTable(std::move(schema), std::move(vnodes), std::move(local));
}

Status StateTable::init(EpochPair epoch) { return local_->init(epoch); }

// ---- keys -------------------------------------------------------------------------------------------------------------------------------

void StateTable::keys_of(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> pk_columns,
                         std::vector<std::string>& out) const {
  PENSTOCK_CHECK(pk_columns.size() == schema_.pk.size(), "table {}: {} key columns", schema_.id, pk_columns.size());
  std::vector<uint32_t> dist;
  for (const uint32_t position : dist_in_pk_) dist.push_back(pk_columns[position]);
  const std::vector<VNode> vnodes = data::vnodes_of(chunk, dist, schema_.vnode_count);
  std::vector<std::string> keys(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) append_vnode(keys[i], vnodes[rows[i]]);
  data::encode_keys(chunk, rows, pk_columns, schema_.orders, keys);
  if (out.empty()) {
    out = std::move(keys);
  } else {
    out.insert(out.end(), std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
  }
}

VNode StateTable::vnode_of(const data::Row& pk) const {
  if (dist_in_pk_.empty()) return 0;
  std::vector<data::Column> columns;
  std::vector<uint32_t> keys;
  for (const uint32_t position : dist_in_pk_) {
    PENSTOCK_CHECK(position < pk.size(), "table {}: a key prefix of {} columns lacks the distribution key", schema_.id, pk.size());
    keys.push_back(static_cast<uint32_t>(columns.size()));
    columns.push_back(data::Column::constant(pk_types_[position], pk[position], 1));
  }
  return data::vnodes_of(data::DataChunk(std::move(columns), 1), keys, schema_.vnode_count)[0];
}

std::string StateTable::key_of(const data::Row& pk) const {
  PENSTOCK_CHECK(pk.size() == schema_.pk.size(), "table {}: a key of {} columns", schema_.id, pk.size());
  return prefix_of(pk);
}

std::string StateTable::prefix_of(const data::Row& prefix) const {
  std::string key;
  append_vnode(key, vnode_of(prefix));
  const std::span types(pk_types_);
  const std::span orders(schema_.orders);
  data::encode_key(prefix, types.first(prefix.size()), orders.first(prefix.size()), key);
  return key;
}

void StateTable::encode_key_of_row(const data::Row& row, std::string& out) const {
  data::Row pk;
  for (const uint32_t column : schema_.pk) pk.push_back(row[column]);
  out.append(key_of(pk));
}

// ---- writes -----------------------------------------------------------------------------------------------------------------------------

void StateTable::insert(const data::Row& row) { put(row); }

void StateTable::put(const data::Row& row) {
  PENSTOCK_CHECK(row.size() == schema_.types.size(), "table {}: a row of {} columns", schema_.id, row.size());
  std::string key, value;
  encode_key_of_row(row, key);
  codec_.encode(row, value);
  put_encoded(key, value);
}

void StateTable::erase(const data::Row& row) {
  std::string key;
  encode_key_of_row(row, key);
  erase_encoded(key);
}

void StateTable::update(const data::Row& old_row, const data::Row& new_row) {
  std::string old_key, new_key;
  encode_key_of_row(old_row, old_key);
  encode_key_of_row(new_row, new_key);
  if (old_key != new_key) erase_encoded(old_key);
  put(new_row);
}

void StateTable::put_encoded(std::string_view key, std::string_view value) {
  check_write(key);
  buffer_.put(key, value);
  flush_if_large();
}

void StateTable::erase_encoded(std::string_view key) {
  check_write(key);
  buffer_.erase(key);
  flush_if_large();
}

void StateTable::check_write(std::string_view key) {
  PENSTOCK_CHECK(!awaiting_post_yield_, "table {} ({}): written between commit and post_yield", schema_.id, schema_.name);
  const VNode vnode = vnode_of_key(key);
  check_vnodes({&vnode, 1});
}

void StateTable::write_chunk(const data::StreamChunk& chunk) {
  write_chunk(chunk, data::vnodes_of(chunk.data(), schema_.dist_key, schema_.vnode_count));
}

void StateTable::write_chunk(const data::StreamChunk& chunk, std::span<const VNode> vnodes) {
  PENSTOCK_CHECK(chunk.width() == schema_.types.size(), "table {}: a chunk of {} columns", schema_.id, chunk.width());
  PENSTOCK_CHECK(!awaiting_post_yield_, "table {} ({}): written between commit and post_yield", schema_.id, schema_.name);
  std::vector<uint32_t> rows;
  rows.reserve(chunk.rows());
  for (uint32_t row = 0; row < chunk.rows(); ++row) {
    if (chunk.is_visible(row)) rows.push_back(row);
  }
  for (std::span<const uint32_t> left(rows); !left.empty();) {
    const auto some = left.first(std::min(left.size(), kRowsAtOnce));
    write_rows(chunk, some, vnodes);
    flush_if_large();
    left = left.subspan(some.size());
  }
}

// Keys, then values, straight into the buffer; entries tell which belong together.
void StateTable::write_rows(const data::StreamChunk& chunk, std::span<const uint32_t> rows, std::span<const VNode> chunk_vnodes) {
  std::vector<uint32_t> kept;
  std::vector<VNode> vnodes;
  for (const uint32_t row : rows) {
    vnodes.push_back(chunk_vnodes[row]);
    if (is_insert(chunk.op(row))) kept.push_back(row);
  }
  check_vnodes(vnodes);
  data::EncodedRows keys, values;
  keys.bytes = std::move(buffer_.bytes);
  data::encode_keys_into(chunk.data(), rows, schema_.pk, schema_.orders, keys, {.bytes = {}, .vnodes = vnodes});
  values.bytes = std::move(keys.bytes);
  codec_.encode_into(chunk.data(), kept, values);
  buffer_.bytes = std::move(values.bytes);

  size_t value = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t key_offset = keys.offsets[i], key_size = keys.offsets[i + 1] - key_offset;
    const data::Op op = chunk.op(rows[i]);
    if (is_insert(op)) {
      buffer_.entries.push_back({key_offset, key_size, values.offsets[value], values.offsets[value + 1] - values.offsets[value]});
      ++value;
      continue;
    }
    // An update that keeps its key is one row: the new one.
    const bool replaced = op == data::Op::UpdateDelete && i + 1 < rows.size() && chunk.op(rows[i + 1]) == data::Op::UpdateInsert &&
                          same_bytes(key_offset, key_size, keys.offsets[i + 1], keys.offsets[i + 2] - keys.offsets[i + 1]);
    if (!replaced) buffer_.entries.push_back({key_offset, key_size, key_offset, WriteBatch::kTombstone});
  }
}

bool StateTable::same_bytes(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) const {
  return a_size == b_size && std::memcmp(buffer_.bytes.data() + a, buffer_.bytes.data() + b, a_size) == 0;
}

void StateTable::check_vnodes(std::span<const VNode> vnodes) {
  for (const VNode vnode : vnodes) {
    if (vnodes_.contains(vnode) || failure_) continue;
    failure_ = error(Code::Internal, "table {} ({}): a row of vnode {}, but this actor has {}", schema_.id, schema_.name, vnode,
                     vnodes_.to_string());
  }
}

void StateTable::flush_if_large() {
  if (buffer_.bytes.size() < kBatchBytes) return;
  const size_t rows = buffer_.entries.size();
  if (Status flushed = flush(); flushed.has_error() && !failure_) failure_ = flushed.error();
  // A table that fills one batch mostly fills the next.
  buffer_.bytes.reserve(kBatchBytes + kBatchBytes / 8);
  buffer_.entries.reserve(rows + rows / 8);
}

Status StateTable::flush() {
  if (failure_) return *failure_;
  if (buffer_.empty()) return ok();
  WriteBatch batch;
  std::swap(batch, buffer_);
  return local_->append(std::move(batch));
}

// ---- reads ------------------------------------------------------------------------------------------------------------------------------

Result<std::vector<std::optional<std::string>>> StateTable::multi_get(std::span<const std::string> keys) {
  PENSTOCK_TRY(flush());
  return local_->multi_get(keys);
}

Result<std::optional<data::Row>> StateTable::get(const data::Row& pk) {
  PENSTOCK_TRY(flush());
  PENSTOCK_TRY(auto value, local_->get(key_of(pk)));
  if (!value) return std::nullopt;
  PENSTOCK_TRY(data::Row row, decode(*value));
  return std::optional(std::move(row));
}

Result<std::vector<data::Row>> StateTable::scan_prefix(std::string_view prefix, size_t limit) {
  PENSTOCK_TRY(auto rows, scan(prefix_range(prefix)));
  std::vector<data::Row> out;
  while (limit == 0 || out.size() < limit) {
    PENSTOCK_TRY(const bool more, rows->next());
    if (!more) break;
    PENSTOCK_TRY(data::Row row, decode(rows->value()));
    out.push_back(std::move(row));
  }
  return out;
}

Result<std::unique_ptr<RowIterator>> StateTable::scan(const Range& range) {
  PENSTOCK_TRY(flush());
  return local_->scan(range);
}

Result<data::Row> StateTable::decode(std::string_view value) const {
  auto row = codec_.decode(value);
  if (row.has_error()) return row.error().with_context(fmt::format("table {} ({})", schema_.id, schema_.name));
  return row;
}

// ---- barrier ----------------------------------------------------------------------------------------------------------------------------

Result<StateTable::CommitToken> StateTable::commit(EpochPair epoch) {
  PENSTOCK_CHECK(!awaiting_post_yield_, "table {} ({}): commit before the post_yield of the last one", schema_.id, schema_.name);
  PENSTOCK_TRY(flush());
  PENSTOCK_TRY(local_->seal_current_epoch(epoch));
  awaiting_post_yield_ = true;
  return CommitToken(*this);
}

Status StateTable::CommitToken::post_yield(const VNodeBitmap* new_vnodes) && {
  StateTable& table = *std::exchange(table_, nullptr);
  table.awaiting_post_yield_ = false;
  if (new_vnodes == nullptr) return ok();
  PENSTOCK_TRY(table.local_->update_vnode_bitmap(*new_vnodes));
  table.vnodes_ = *new_vnodes;
  return ok();
}

}  // namespace penstock::storage
