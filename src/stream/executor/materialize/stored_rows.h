#pragma once

#include "stream/executor/state/keyed_state.h"

namespace penstock::stream {

/// Whole rows by primary key, as payloads of a KeyedState. An entry has a row if it is kStored.
///
///     place in the chunk at hand (u32) | 0 | the row, all columns
class StoredRows final : public KeyedState::Codec {
 public:
  explicit StoredRows(std::vector<data::DataType> types) : layout_(std::move(types), RowLayout::Use::Row) {}

  [[nodiscard]] size_t size() const { return kHead + layout_.size(); }
  [[nodiscard]] static uint32_t& place(std::byte* payload) { return *reinterpret_cast<uint32_t*>(payload); }

  void init(std::byte* /*payload*/) const override {}
  void destroy(std::byte* payload) const override;
  Status decode(const data::Row& row, std::byte* payload) const override;

  /// All columns; a null payload gives NULLs.
  [[nodiscard]] std::vector<data::Column> columns(std::span<const std::byte* const> payloads) const;
  /// Row rows[i] of `chunk` becomes the row of payloads[i].
  void store(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<std::byte* const> payloads) const;

  /// Copies the texts that live together if most of those kept are dead.
  void compact_texts(KeyTable& entries) const;
  [[nodiscard]] size_t text_bytes() const { return texts_.live_bytes(); }

 private:
  static constexpr size_t kHead = 8;

  const RowLayout layout_;
  mutable TextArena texts_;  // of the rows, which only their owner touches
};

}  // namespace penstock::stream
