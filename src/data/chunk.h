#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/vnode.h"
#include "data/column.h"

namespace penstock::data {

constexpr size_t kChunkRows = 4096;

/// Columns of one length: what batch operators exchange. Cheap to copy.
class DataChunk {
 public:
  DataChunk() = default;
  DataChunk(std::vector<Column> columns, size_t rows) : columns_(std::move(columns)), rows_(rows) {}
  [[nodiscard]] size_t rows() const { return rows_; }
  [[nodiscard]] size_t width() const { return columns_.size(); }
  [[nodiscard]] const Column& column(size_t i) const { return columns_[i]; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] DataChunk gather(std::span<const uint32_t> indices) const;
  /// Rows [begin, begin + count), sharing the buffers.
  [[nodiscard]] DataChunk slice(size_t begin, size_t count) const;
  [[nodiscard]] DataChunk project(std::span<const uint32_t> columns) const;
  [[nodiscard]] std::vector<DataType> types() const;
  [[nodiscard]] Row row(size_t i) const;
  [[nodiscard]] size_t memory_bytes() const;

 private:
  std::vector<Column> columns_;
  size_t rows_ = 0;
};

/// What a row of a changelog does. UpdateDelete is followed at once by its UpdateInsert in the same chunk.
enum class Op : uint8_t { Insert = 1, Delete = 2, UpdateDelete = 3, UpdateInsert = 4 };
[[nodiscard]] constexpr bool is_insert(Op op) { return op == Op::Insert || op == Op::UpdateInsert; }

/// A piece of a changelog: columns, one Op a row, and which rows are visible. Immutable; copying shares.
class StreamChunk {
 public:
  StreamChunk() = default;
  /// No `ops`: all are Insert (the append-only fast path). No `visibility`: all rows are visible.
  StreamChunk(DataChunk data, std::shared_ptr<const std::vector<Op>> ops = nullptr, std::shared_ptr<const Bitmap> visibility = nullptr)
      : data_(std::move(data)), ops_(std::move(ops)), visibility_(std::move(visibility)) {}

  [[nodiscard]] size_t rows() const { return data_.rows(); }
  [[nodiscard]] size_t width() const { return data_.width(); }
  [[nodiscard]] size_t visible_rows() const { return visibility_ ? visibility_->count() : data_.rows(); }
  [[nodiscard]] const Column& column(size_t i) const { return data_.column(i); }
  [[nodiscard]] const DataChunk& data() const { return data_; }
  [[nodiscard]] Op op(size_t row) const { return ops_ ? (*ops_)[row] : Op::Insert; }
  /// Null when every row is an Insert.
  [[nodiscard]] const std::shared_ptr<const std::vector<Op>>& ops() const { return ops_; }
  [[nodiscard]] bool insert_only() const { return ops_ == nullptr; }
  /// Null when every row is visible.
  [[nodiscard]] const std::shared_ptr<const Bitmap>& visibility() const { return visibility_; }
  [[nodiscard]] bool is_visible(size_t row) const { return !visibility_ || visibility_->get(row); }

  [[nodiscard]] StreamChunk with_visibility(std::shared_ptr<const Bitmap> visibility) const { return {data_, ops_, std::move(visibility)}; }
  [[nodiscard]] StreamChunk with_columns(std::vector<Column> columns) const {
    return {DataChunk(std::move(columns), rows()), ops_, visibility_};
  }
  [[nodiscard]] StreamChunk project(std::span<const uint32_t> columns) const { return {data_.project(columns), ops_, visibility_}; }
  /// Only the visible rows, none of them invisible; itself if all are visible. An update pair of which one half is left becomes a Delete
  /// or an Insert; so it is in `gather`.
  [[nodiscard]] StreamChunk compact() const;
  /// Rows `indices`; visibility is applied by the caller's choice of indices.
  [[nodiscard]] StreamChunk gather(std::span<const uint32_t> indices) const;
  [[nodiscard]] size_t memory_bytes() const;

 private:
  DataChunk data_;
  std::shared_ptr<const std::vector<Op>> ops_;  // shared by the chunks made from one
  std::shared_ptr<const Bitmap> visibility_;    // likewise
};

/// One 64-bit hash a row over `keys`, a column at a time. Equal values hash alike whatever their encoding; NULLs hash alike. Stable
/// for ever: vnodes on disk depend on it (golden tests).
void hash_rows(const DataChunk& chunk, std::span<const uint32_t> keys, std::vector<uint64_t>& out);
/// hash_rows modulo `vnode_count`; with no keys all rows are vnode 0 (a singleton).
[[nodiscard]] std::vector<VNode> vnodes_of(const DataChunk& chunk, std::span<const uint32_t> keys,
                                           uint32_t vnode_count = kDefaultVNodeCount);

/// The rows of all `chunks`, one after the other; at least one chunk, all of the same types.
[[nodiscard]] StreamChunk concat(std::span<const StreamChunk> chunks);

/// Builds a stream chunk row by row; keeps `ops` away while all are Insert.
class StreamChunkBuilder {
 public:
  StreamChunkBuilder(std::vector<DataType> types, size_t capacity = kChunkRows);
  void append(Op op, const Row& row);
  void append_from(Op op, const DataChunk& chunk, size_t row);
  /// Rows `indices` of `chunk` with their ops, a column at a time; text is shared, not copied.
  void append_rows(const StreamChunk& chunk, std::span<const uint32_t> indices);
  [[nodiscard]] size_t rows() const { return ops_.size(); }
  [[nodiscard]] bool empty() const { return ops_.empty(); }
  /// The builder is empty afterwards.
  [[nodiscard]] StreamChunk finish();

 private:
  void push_op(Op op);

  std::vector<DataType> types_;
  size_t capacity_;
  std::vector<Op> ops_;
  bool insert_only_ = true;
  std::vector<AnyColumnBuilder> columns_;
};

/// Wire form for exchange and reads: whole columns, drawn in `chunk_codec.cc`. Decoding checks every byte and never trusts a length.
void encode_chunk(const StreamChunk& chunk, std::string& out);
[[nodiscard]] Result<StreamChunk> decode_chunk(std::string_view bytes);

/// Text tables for tests and logs. First line: types; a row a line: op (+ - U- U+), values by spaces, `.` is NULL, quotes for what holds
/// spaces, is empty or is a bare `.` (in quotes \" \\ and \n), a trailing `D` marks an invisible row. Indentation and empty lines are
/// nothing. A table that cannot be read ends the process: it is a mistake in a test.
///
///     I64 T
///     +  1 a
///     U- 2 .
///     U+ 2 "x y"
///
/// Types: B I16 I32 I64 F32 F64 N T(ext) D(ate) TS IV. `to_table` gives the same form with single spaces, a line feed after each line.
[[nodiscard]] StreamChunk chunk_from_table(std::string_view table);
[[nodiscard]] std::string to_table(const StreamChunk& chunk);

}  // namespace penstock::data
