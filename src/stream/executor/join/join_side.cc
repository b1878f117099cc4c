#include "stream/executor/join/join_side.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "stream/executor/chunk_rows.h"
#include "stream/executor/state/keyed_state.h"

namespace penstock::stream {

using data::DataChunk;
using data::StreamChunk;

namespace {

std::vector<data::DataType> key_types(const storage::TableSchema& schema, std::span<const uint32_t> key) {
  std::vector<data::DataType> types;
  for (const uint32_t column : key) types.push_back(schema.types[column]);
  return types;
}

std::vector<uint32_t> beyond(const storage::TableSchema& schema, size_t key_width) {
  return {schema.pk.begin() + static_cast<ptrdiff_t>(key_width), schema.pk.end()};
}

}  // namespace

JoinSide::JoinSide(storage::StateTable table, std::vector<uint32_t> key)
    : table_(std::move(table)),
      key_(std::move(key)),
      identity_(beyond(table_.schema(), key_.size())),
      layout_(table_.schema().types, RowLayout::Use::Row),
      entries_(key_types(table_.schema(), key_), sizeof(RowRun)),
      rows_(sizeof(RowStore::Head) + layout_.size() + 8) {}

JoinSide::~JoinSide() {
  entries_.rows().for_each([this](uint32_t id) { run_of(id).clear(); });
}

uint32_t& JoinSide::degree(uint32_t row) const {
  return *reinterpret_cast<uint32_t*>(rows_.at(row) + sizeof(RowStore::Head) + layout_.size());
}

void JoinSide::resolve(const DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids) {
  if (complete_) return entries_.find(keys, rows, ids);
  entries_.find_or_insert(keys, rows, ids, created_);
  for (const uint32_t i : created_) {
    entries_.flags(ids[i]) |= kUnread;
    unread_.push_back(ids[i]);
  }
}

Status JoinSide::read() {
  if (!touched_) {
    PENSTOCK_TRY(read_first());
  }
  if (complete_) return ok();
  for (const uint32_t id : unread_) {
    PENSTOCK_TRY(read_run(id, read_rows_));
  }
  return ok();
}

// Either the whole table, or nothing: a part could end in the middle of a run.
Status JoinSide::read_first() {
  touched_ = true;
  for (const storage::Range& range : owned_ranges(table_)) {
    PENSTOCK_TRY(auto rows, table_.scan(range));
    while (true) {
      PENSTOCK_TRY(const bool more, rows->next());
      if (!more) break;
      if (read_rows_.size() == kFirstReadRows) {
        read_rows_.clear();
        return ok();
      }
      PENSTOCK_TRY(auto row, table_.decode(rows->value()));
      read_rows_.push_back(std::move(row));
    }
  }
  complete_ = true;
  return ok();
}

Status JoinSide::read_run(uint32_t id, std::vector<data::Row>& rows) {
  data::Row key;
  for (size_t c = 0; c < key_.size(); ++c) key.push_back(entries_.key_column(c, {&id, 1}).datum(0));
  PENSTOCK_TRY(auto run, table_.scan_prefix(table_.prefix_of(key)));
  std::ranges::move(run, std::back_inserter(rows));
  return ok();
}

Status JoinSide::install() {
  for (size_t begin = 0; begin < read_rows_.size(); begin += data::kChunkRows) {
    install_rows(std::span(read_rows_).subspan(begin, std::min(data::kChunkRows, read_rows_.size() - begin)));
  }
  read_rows_.clear();
  for (const uint32_t id : unread_) {
    entries_.flags(id) &= ~static_cast<uint32_t>(kUnread);
    if (run_of(id).size() == 0) set_counted(id);
  }
  unread_.clear();
  return ok();
}

void JoinSide::install_rows(std::span<const data::Row> rows) {
  std::vector<data::Column> columns;
  for (size_t c = 0; c < width(); ++c) {
    data::AnyColumnBuilder builder(layout_.types()[c], rows.size());
    for (const data::Row& row : rows) builder.append(row[c]);
    columns.push_back(builder.finish());
  }
  const DataChunk chunk(std::move(columns), rows.size());
  entries_.find_or_insert(chunk.project(key_), all_rows(rows.size()), ids_, created_);
  pack(chunk, all_rows(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    add(ids_[i], static_cast<uint32_t>(hashes_[i]), packed_.data() + i * layout_.size(), 0);
  }
}

Status JoinSide::apply(const StreamChunk& chunk, std::span<const uint32_t> rows, std::span<const uint32_t> degrees) {
  if (rows.empty()) return ok();
  if (texts_.wasteful()) compact_texts();
  const DataChunk keys = chunk.data().project(key_);
  if (complete_) {
    entries_.find_or_insert(keys, rows, ids_, created_);
    for (const uint32_t i : created_) set_counted(ids_[i]);
  } else {
    entries_.find(keys, rows, ids_);
  }
  pack(chunk.data(), rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (ids_[i] == kNone) continue;
    const auto tag = static_cast<uint32_t>(hashes_[rows[i]]);
    const std::byte* const packed = packed_.data() + i * layout_.size();
    if (data::is_insert(chunk.op(rows[i]))) {
      add(ids_[i], tag, packed, degrees.empty() ? 0 : degrees[i]);
    } else if (!remove(ids_[i], tag, packed)) {
      return error(Code::Internal, "{}: a row is taken back that is not there", table_.schema().name);
    }
  }
  data::Bitmap written(chunk.rows(), false);
  for (const uint32_t row : rows) written.set(row, true);
  table_.write_chunk(*keep_rows(chunk, std::move(written)));
  return ok();
}

// Hashes are of what identifies a row under its key.
void JoinSide::pack(const DataChunk& chunk, std::span<const uint32_t> rows) {
  data::hash_rows(chunk, identity_, hashes_);
  packed_.resize(rows.size() * layout_.size());
  layout_.pack(chunk, rows, packed_.data());
}

void JoinSide::add(uint32_t id, uint32_t tag, const std::byte* packed, uint32_t degree_of_row) {
  const uint32_t row = rows_.allocate();
  std::byte* const bytes = rows_.at(row) + sizeof(RowStore::Head);
  std::memcpy(bytes, packed, layout_.size());
  if (layout_.has_text()) layout_.own_text(bytes, texts_);
  degree(row) = degree_of_row;
  RowRun& run = run_of(id);
  run_bytes_ -= run.owned_bytes();
  run.add({tag, row});
  run_bytes_ += run.owned_bytes();
}

bool JoinSide::remove(uint32_t id, uint32_t tag, const std::byte* packed) {
  return run_of(id).remove(tag, [&](uint32_t candidate) {
    if (!layout_.equal_in(identity_, row(candidate), packed)) return false;
    release_row(candidate);
    return true;
  });
}

void JoinSide::release_row(uint32_t row_id) {
  if (layout_.has_text()) layout_.release_text(row(row_id), texts_);
  rows_.release(row_id);
}

void JoinSide::clear_run(uint32_t id) {
  RowRun& run = run_of(id);
  for (const RowRun::Entry& entry : run.entries()) release_row(entry.row);
  run_bytes_ -= run.owned_bytes();
  run.clear();
}

size_t JoinSide::evict(size_t bytes) {
  const size_t before = memory_bytes();
  (void)entries_.evict(bytes, [this, before, bytes](uint32_t id) {
    if ((entries_.flags(id) & kUnread) != 0 || before - std::min(before, memory_bytes()) >= bytes) return false;
    complete_ = false;
    clear_run(id);
    return true;
  });
  if (texts_.wasteful()) compact_texts();
  const size_t after = memory_bytes();
  return before > after ? before - after : 0;
}

void JoinSide::compact_texts() {
  TextArena fresh;
  rows_.for_each([&](uint32_t id) { layout_.own_text(rows_.at(id) + sizeof(RowStore::Head), fresh); });
  texts_ = std::move(fresh);
}

}  // namespace penstock::stream
