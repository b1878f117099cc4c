#include "stream/executor/state/key_table.h"

#include <bit>
#include <cstring>

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

namespace {

// vnodes are the low bits of a hash, so within an actor those repeat: the tag is made of all bits.
uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash * 0x9E37'79B9'7F4A'7C15ULL >> 32); }

}  // namespace

KeyTable::KeyTable(std::vector<data::DataType> key_types, size_t payload_bytes)
    : layout_(std::move(key_types), RowLayout::Use::Key),
      all_columns_([this] {
        const auto all = all_rows(layout_.types().size());
        return std::vector<uint32_t>(all.begin(), all.end());
      }()),
      payload_offset_(sizeof(RowStore::Head) + layout_.size()),
      rows_(payload_offset_ + (payload_bytes + 7) / 8 * 8) {
  rehash(kFirstSlots);
}

void KeyTable::find_or_insert(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids,
                              std::vector<uint32_t>& created) {
  created.clear();
  if (texts_.wasteful()) compact_texts();
  prepare(keys, rows);
  look_up_all<true>(rows.size(), ids, &created);
}

void KeyTable::find(const data::DataChunk& keys, std::span<const uint32_t> rows, std::vector<uint32_t>& ids) {
  prepare(keys, rows);
  look_up_all<false>(rows.size(), ids, nullptr);
}

void KeyTable::prepare(const data::DataChunk& keys, std::span<const uint32_t> rows) {
  data::hash_rows(keys, all_columns_, hashes_);
  tags_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) tags_[i] = tag_of(hashes_[rows[i]]);
  packed_.resize(rows.size() * layout_.size());
  if (!packed_.empty()) layout_.pack(keys, rows, packed_.data());
}

template <bool kInsert>
void KeyTable::look_up_all(size_t count, std::vector<uint32_t>& ids, std::vector<uint32_t>* created) {
  ids.resize(count);
  switch (layout_.size() / 8) {
    case 2:
      return look_up<2, kInsert>(count, ids, created);
    case 3:
      return look_up<3, kInsert>(count, ids, created);
    case 4:
      return look_up<4, kInsert>(count, ids, created);
    case 5:
      return look_up<5, kInsert>(count, ids, created);
    default:
      return look_up<0, kInsert>(count, ids, created);
  }
}

template <int kWords>
bool KeyTable::same_key(uint32_t id, const std::byte* other) const {
  const std::byte* const own = key(id);
  if constexpr (kWords > 0) {
    uint64_t different = 0;
    for (int word = 0; word < kWords; ++word) {
      uint64_t a = 0, b = 0;
      std::memcpy(&a, own + word * 8, 8);
      std::memcpy(&b, other + word * 8, 8);
      different |= a ^ b;
    }
    if (different == 0) return true;
  }
  return layout_.equal(own, other);
}

template <int kWords, bool kInsert>
void KeyTable::look_up(size_t count, std::vector<uint32_t>& ids, std::vector<uint32_t>* created) {
  for (size_t begin = 0; begin < count; begin += kBatch) {
    const size_t end = std::min(begin + kBatch, count);
    if (kInsert) reserve(size() + kBatch);
    const size_t mask = slots_.size() - 1;
    for (size_t i = begin; i < end; ++i) __builtin_prefetch(&slots_[home(tags_[i])]);
    for (size_t i = begin; i < end; ++i) {
      const Slot slot = slots_[home(tags_[i])];
      if (slot.id == kNone) continue;
      const std::byte* const row = rows_.at(slot.id);
      __builtin_prefetch(row);
      __builtin_prefetch(row + 64);
    }
    for (size_t i = begin; layout_.has_text() && i < end; ++i) {
      const Slot slot = slots_[home(tags_[i])];
      if (slot.id != kNone && slot.tag == tags_[i]) layout_.prefetch_text(key(slot.id));
    }
    for (size_t i = begin; i < end; ++i) {
      const uint32_t tag = tags_[i];
      const std::byte* const key = packed_.data() + i * layout_.size();
      size_t at = home(tag);
      while (slots_[at].id != kNone && (slots_[at].tag != tag || !same_key<kWords>(slots_[at].id, key))) at = (at + 1) & mask;
      uint32_t id = slots_[at].id;
      if (kInsert && id == kNone) {
        id = insert(tag, key);
        slots_[at] = {tag, id};
        created->push_back(static_cast<uint32_t>(i));
      }
      if (id != kNone) rows_.touch(id);
      ids[i] = id;
    }
  }
}

uint32_t KeyTable::insert(uint32_t tag, const std::byte* key) {
  const uint32_t id = rows_.allocate();
  std::byte* const row = rows_.at(id);
  rows_.head(id).tag = tag;
  if (layout_.size() > 0) std::memcpy(row + sizeof(RowStore::Head), key, layout_.size());
  layout_.own_text(row + sizeof(RowStore::Head), texts_);
  std::memset(row + payload_offset_, 0, rows_.row_bytes() - payload_offset_);
  return id;
}

void KeyTable::erase(uint32_t id) {
  const size_t mask = slots_.size() - 1;
  size_t hole = home(rows_.head(id).tag);
  while (slots_[hole].id != id) hole = (hole + 1) & mask;
  layout_.release_text(key(id), texts_);
  rows_.release(id);
  for (size_t next = (hole + 1) & mask; slots_[next].id != kNone; next = (next + 1) & mask) {
    // An entry may fill the hole unless its home lies after it (both counted around the end).
    if (((next - home(slots_[next].tag)) & mask) < ((next - hole) & mask)) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole].id = kNone;
}

void KeyTable::reserve(size_t entries) {
  size_t slots = slots_.size();
  while (entries * 8 > slots * 5) slots *= 2;
  if (slots != slots_.size()) rehash(slots);
}

void KeyTable::rehash(size_t slots) {
  std::vector<Slot> old(slots, Slot{0, kNone});
  old.swap(slots_);
  shift_ = 32 - static_cast<uint32_t>(std::countr_zero(slots));
  const size_t mask = slots - 1;
  for (const Slot slot : old) {
    if (slot.id == kNone) continue;
    size_t at = home(slot.tag);
    while (slots_[at].id != kNone) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void KeyTable::compact_texts() {
  TextArena fresh;
  rows_.for_each([&](uint32_t id) { layout_.own_text(rows_.at(id) + sizeof(RowStore::Head), fresh); });
  texts_ = std::move(fresh);
}

data::Column KeyTable::key_column(size_t column, std::span<const uint32_t> ids) const {
  std::vector<const std::byte*> keys(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) keys[i] = key(ids[i]);
  return layout_.unpack(column, keys, texts_.handle());
}

}  // namespace penstock::stream
