#pragma once

#include <span>
#include <vector>

#include "stream/executor/state/row_layout.h"
#include "stream/executor/state/row_store.h"

namespace penstock::stream {

/// A hash table from keys of several columns to payloads of fixed size, made for whole chunks: hashes as a column pass, slots and rows
/// prefetched in batches, then one tight loop of comparisons. Open addressing with linear probing and backward-shift deletion; a slot is
/// 8 bytes (32 bits of the hash, number of the row) and knows its home without its row, so growing touches no row.
/// (Prefetching in batches: Chen et al., "Improving Hash Join Performance through Prefetching", ICDE 2004.)
///
/// An entry is a row of a RowStore: head | key | payload. Numbers and addresses of entries stay until they are erased. Equal keys are equal
/// as SQL groups: NULL is NULL, 1.0 is 1.00; the first form that came is kept. Long texts of keys are owned by the table.
class KeyTable {
 public:
  static constexpr uint32_t kNone = RowStore::kNone;

  /// `payload_bytes`: any; payloads are aligned to 8 and begin as zero bytes.
  KeyTable(std::vector<data::DataType> key_types, size_t payload_bytes);

  /// The entry of each row: ids[i] for rows[i] of `keys`. Where there was none it is made, and i goes to `created` (once a key).
  void find_or_insert(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids,
                      std::vector<uint32_t>& created);
  /// kNone where there is none.
  void find(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids);
  /// The payload is the caller's to take down first.
  void erase(uint32_t id);

  [[nodiscard]] std::byte* payload(uint32_t id) const { return rows_.at(id) + payload_offset_; }
  [[nodiscard]] const std::byte* key(uint32_t id) const { return rows_.at(id) + sizeof(RowStore::Head); }
  /// The user's bits; kLive stays.
  [[nodiscard]] uint32_t& flags(uint32_t id) const { return rows_.head(id).flags; }
  [[nodiscard]] const RowLayout& key_layout() const { return layout_; }
  [[nodiscard]] RowStore& rows() { return rows_; }
  [[nodiscard]] size_t size() const { return rows_.live(); }
  [[nodiscard]] data::Column key_column(size_t column, std::span<const uint32_t> ids) const;

  [[nodiscard]] size_t memory_bytes() const { return slots_.size() * sizeof(Slot) + rows_.live_bytes() + texts_.live_bytes(); }
  /// Bytes that erasing one entry gives back, roughly.
  [[nodiscard]] size_t entry_bytes() const { return rows_.row_bytes() + 2 * sizeof(Slot); }

  /// Second chance by block: erases entries for which `may_go(id)` is true, in blocks that were not used since the last round, until about
  /// `bytes` are free or it has been round twice. `may_go` takes the payload down.
  template <typename F>
  size_t evict(size_t bytes, F&& may_go);

 private:
  struct Slot {
    uint32_t tag;
    uint32_t id;
  };
  static constexpr size_t kBatch = 256;
  static constexpr size_t kFirstSlots = 64;

  void prepare(const data::DataChunk& keys, std::span<const uint32_t> rows);
  template <int kWords, bool kInsert>
  void look_up(size_t count, std::vector<uint32_t>& ids, std::vector<uint32_t>* created);
  template <bool kInsert>
  void look_up_all(size_t count, std::vector<uint32_t>& ids, std::vector<uint32_t>* created);
  template <int kWords>
  [[nodiscard]] bool same_key(uint32_t id, const std::byte* key) const;
  [[nodiscard]] uint32_t insert(uint32_t tag, const std::byte* key);
  void reserve(size_t entries);
  void rehash(size_t slots);
  void compact_texts();
  [[nodiscard]] size_t home(uint32_t tag) const { return tag >> shift_; }

  const RowLayout layout_;
  const std::vector<uint32_t> all_columns_;
  const size_t payload_offset_;
  RowStore rows_;
  TextArena texts_;
  std::vector<Slot> slots_;
  uint32_t shift_ = 32;
  size_t hand_ = 0;  // of the clock: the next block

  // Scratch of one call, kept for its memory.
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> tags_;
  std::vector<std::byte> packed_;
};

template <typename F>
size_t KeyTable::evict(size_t bytes, F&& may_go) {
  size_t freed = 0;
  for (size_t visits = 2 * rows_.block_count(); visits > 0 && freed < bytes; --visits) {
    if (hand_ >= rows_.block_count()) hand_ = 0;
    const size_t block = hand_++;
    if (rows_.take_touched(block)) continue;
    rows_.for_each_in_block(block, [&](uint32_t id) {
      if (!may_go(id)) return;
      erase(id);
      freed += entry_bytes();
    });
  }
  if (slots_.size() > kFirstSlots && size() * 8 < slots_.size()) rehash(slots_.size() / 4);
  if (texts_.wasteful()) compact_texts();
  return freed;
}

}  // namespace penstock::stream
