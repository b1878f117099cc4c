#include "data/chunk.h"

#include <algorithm>

namespace penstock::data {
namespace {

bool only_inserts(std::span<const Op> ops) {
  return std::all_of(ops.begin(), ops.end(), [](Op op) { return op == Op::Insert; });
}

std::shared_ptr<const std::vector<Op>> share_ops(std::vector<Op> ops) {
  if (only_inserts(ops)) return nullptr;
  return std::make_shared<const std::vector<Op>>(std::move(ops));
}

// The ops of rows `indices`; a half of an update pair whose other half is not beside it is a row of its own.
std::vector<Op> gather_ops(const std::vector<Op>& ops, std::span<const uint32_t> indices) {
  std::vector<Op> out(indices.size());
  for (size_t i = 0; i < indices.size(); ++i) out[i] = ops[indices[i]];
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == Op::UpdateDelete) {
      if (i + 1 < out.size() && out[i + 1] == Op::UpdateInsert && indices[i + 1] == indices[i] + 1) {
        ++i;
      } else {
        out[i] = Op::Delete;
      }
    } else if (out[i] == Op::UpdateInsert) {
      out[i] = Op::Insert;
    }
  }
  return out;
}

}  // namespace

DataChunk DataChunk::gather(std::span<const uint32_t> indices) const {
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (const Column& column : columns_) columns.push_back(column.gather(indices));
  return {std::move(columns), indices.size()};
}

DataChunk DataChunk::slice(size_t begin, size_t count) const {
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (const Column& column : columns_) columns.push_back(column.slice(begin, count));
  return {std::move(columns), count};
}

DataChunk DataChunk::project(std::span<const uint32_t> columns) const {
  std::vector<Column> out;
  out.reserve(columns.size());
  for (const uint32_t column : columns) out.push_back(columns_[column]);
  return {std::move(out), rows_};
}

Row DataChunk::row(size_t i) const {
  Row row;
  row.reserve(columns_.size());
  for (const Column& column : columns_) row.push_back(column.datum(i));
  return row;
}

size_t DataChunk::memory_bytes() const {
  size_t bytes = 0;
  for (const Column& column : columns_) bytes += column.memory_bytes();
  return bytes;
}

std::vector<DataType> DataChunk::types() const {
  std::vector<DataType> types;
  types.reserve(columns_.size());
  for (const Column& column : columns_) types.push_back(column.type());
  return types;
}

StreamChunk StreamChunk::compact() const {
  if (!visibility_) return *this;
  if (visibility_->all()) return with_visibility(nullptr);
  return gather(visibility_->indices());
}

StreamChunk StreamChunk::gather(std::span<const uint32_t> indices) const {
  return {data_.gather(indices), ops_ ? share_ops(gather_ops(*ops_, indices)) : nullptr};
}

size_t StreamChunk::memory_bytes() const {
  size_t bytes = data_.memory_bytes();
  if (ops_) bytes += ops_->size();
  if (visibility_) bytes += visibility_->words().size() * sizeof(uint64_t);
  return bytes;
}

namespace {

DataChunk concat_data(std::span<const StreamChunk> chunks, size_t rows) {
  std::vector<Column> columns;
  std::vector<Column> parts(chunks.size());
  for (size_t c = 0; c < chunks[0].width(); ++c) {
    for (size_t i = 0; i < chunks.size(); ++i) parts[i] = chunks[i].column(c);
    columns.push_back(concat(parts));
  }
  return {std::move(columns), rows};
}

}  // namespace

StreamChunk concat(std::span<const StreamChunk> chunks) {
  PENSTOCK_CHECK(!chunks.empty(), "concat of nothing");
  if (chunks.size() == 1) return chunks[0];
  size_t rows = 0;
  bool insert_only = true;
  bool all_visible = true;
  for (const StreamChunk& chunk : chunks) {
    PENSTOCK_CHECK(chunk.width() == chunks[0].width(), "{} columns after {}", chunk.width(), chunks[0].width());
    rows += chunk.rows();
    insert_only = insert_only && chunk.insert_only();
    all_visible = all_visible && !chunk.visibility();
  }
  std::vector<Op> ops(insert_only ? 0 : rows, Op::Insert);
  Bitmap visibility(all_visible ? 0 : rows, true);
  size_t at = 0;
  for (const StreamChunk& chunk : chunks) {
    if (chunk.ops()) std::copy(chunk.ops()->begin(), chunk.ops()->end(), ops.begin() + static_cast<ptrdiff_t>(at));
    for (size_t i = 0; chunk.visibility() && i < chunk.rows(); ++i) visibility.set(at + i, chunk.is_visible(i));
    at += chunk.rows();
  }
  return {concat_data(chunks, rows), insert_only ? nullptr : std::make_shared<const std::vector<Op>>(std::move(ops)),
          all_visible ? nullptr : std::make_shared<const Bitmap>(std::move(visibility))};
}

StreamChunkBuilder::StreamChunkBuilder(std::vector<DataType> types, size_t capacity) : types_(std::move(types)), capacity_(capacity) {
  for (const DataType type : types_) columns_.emplace_back(type, capacity_);
}

void StreamChunkBuilder::push_op(Op op) {
  if (ops_.capacity() == 0) ops_.reserve(capacity_);
  ops_.push_back(op);
  insert_only_ = insert_only_ && op == Op::Insert;
}

void StreamChunkBuilder::append(Op op, const Row& row) {
  PENSTOCK_CHECK(row.size() == columns_.size(), "a row of {} values in a chunk of {} columns", row.size(), columns_.size());
  push_op(op);
  for (size_t c = 0; c < columns_.size(); ++c) columns_[c].append(row[c]);
}

void StreamChunkBuilder::append_from(Op op, const DataChunk& chunk, size_t row) {
  PENSTOCK_CHECK(chunk.width() == columns_.size(), "a row of {} values in a chunk of {} columns", chunk.width(), columns_.size());
  push_op(op);
  for (size_t c = 0; c < columns_.size(); ++c) columns_[c].append_from(chunk.column(c), row);
}

void StreamChunkBuilder::append_rows(const StreamChunk& chunk, std::span<const uint32_t> indices) {
  PENSTOCK_CHECK(chunk.width() == columns_.size(), "rows of {} values in a chunk of {} columns", chunk.width(), columns_.size());
  if (chunk.ops()) {
    for (const Op op : gather_ops(*chunk.ops(), indices)) push_op(op);
  } else {
    ops_.insert(ops_.end(), indices.size(), Op::Insert);
  }
  for (size_t c = 0; c < columns_.size(); ++c) columns_[c].append_rows(chunk.column(c), indices);
}

StreamChunk StreamChunkBuilder::finish() {
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (AnyColumnBuilder& column : columns_) columns.push_back(column.finish());
  DataChunk data(std::move(columns), ops_.size());
  StreamChunk chunk(std::move(data), insert_only_ ? nullptr : std::make_shared<const std::vector<Op>>(ops_));
  ops_.clear();
  insert_only_ = true;
  return chunk;
}

}  // namespace penstock::data
