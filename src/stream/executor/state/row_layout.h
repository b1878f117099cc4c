#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "data/chunk.h"
#include "stream/executor/state/text_arena.h"

namespace penstock::stream {

/// How the values of several columns lie together in a row of fixed size, for states that are found row by row:
///
///     NULL bits, one u64 for 64 columns | values of 8 and more bytes | of 4 | of 2 | of 1 | zeros up to a multiple of 8
///
/// A NULL's value is zero bytes. As a key, floats are -0 as 0 and one NaN for all, so equal keys are mostly equal bytes; as a plain row
/// every value comes back as it was. Text is its 16-byte view; `own_text` moves long ones into an arena. Columns are packed and unpacked
/// one after the other, all rows of one at a time.
class RowLayout {
 public:
  enum class Use : uint8_t { Key, Row };
  RowLayout(std::vector<data::DataType> types, Use use);

  [[nodiscard]] size_t size() const { return size_; }  // bytes, a multiple of 8
  [[nodiscard]] const std::vector<data::DataType>& types() const { return types_; }
  [[nodiscard]] bool has_text() const { return !text_offsets_.empty(); }

  /// Rows `rows` of `chunk`, whose columns have these types, one after the other to `to`. Long texts are still the chunk's.
  void pack(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::byte* to) const;
  /// The same, each to its own place.
  void pack(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<std::byte* const> to) const;
  void own_text(std::byte* row, TextArena& arena) const;
  void prefetch_text(const std::byte* row) const;
  void release_text(const std::byte* row, TextArena& arena) const;

  /// Whether two keys are the same: NULL is NULL, 1.0 is 1.00, one month is 30 days.
  [[nodiscard]] bool equal(const std::byte* a, const std::byte* b) const;
  /// The same for some columns only.
  [[nodiscard]] bool equal_in(std::span<const uint32_t> columns, const std::byte* a, const std::byte* b) const;

  /// Column `column` of packed rows; a null pointer gives NULL. `texts` keeps long texts alive.
  [[nodiscard]] data::Column unpack(size_t column, std::span<const std::byte* const> rows, const data::BufferPtr& texts) const;

 private:
  struct Field {
    uint32_t offset;
    uint32_t null_word;
    uint64_t null_bit;
  };
  template <typename Place>
  void pack_with(const data::DataChunk& chunk, std::span<const uint32_t> rows, Place place) const;
  [[nodiscard]] bool equal_column(size_t column, const std::byte* a, const std::byte* b) const;

  std::vector<data::DataType> types_;
  bool key_;
  std::vector<Field> fields_;  // one a column
  std::vector<uint32_t> text_offsets_;
  size_t null_words_ = 0;
  size_t size_ = 0;
  bool equal_is_bytes_ = true;  // false: equal values may have other bytes
};

}  // namespace penstock::stream
