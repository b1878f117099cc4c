#include "stream/executor/state/row_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace penstock::stream {

using data::Column;
using data::Text;

namespace {

template <typename T>
constexpr bool kSeveralForms = std::is_same_v<T, Text> || std::is_same_v<T, data::Numeric> || std::is_same_v<T, data::Interval>;

template <typename T>
T normal_form(const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (value == 0) return 0;
    if (std::isnan(value)) return std::numeric_limits<T>::quiet_NaN();
  }
  return value;
}

// NULLs are zero bytes on both sides.
template <typename T>
bool equal_values(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return a == b || (std::isnan(a) && std::isnan(b));
  return a == b;
}

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

uint64_t load_word(const std::byte* row, size_t word) { return load<uint64_t>(row + word * 8); }

}  // namespace

RowLayout::RowLayout(std::vector<data::DataType> types, Use use)
    : types_(std::move(types)), key_(use == Use::Key), null_words_((types_.size() + 63) / 64) {
  fields_.resize(types_.size());
  size_ = null_words_ * 8;
  for (const size_t width : {8, 4, 2, 1}) {
    for (size_t i = 0; i < types_.size(); ++i) {
      data::with_physical(types_[i].kind, [&]<typename T>(std::type_identity<T>) {
        if (std::min<size_t>(sizeof(T), 8) != width) return;
        fields_[i] = {static_cast<uint32_t>(size_), static_cast<uint32_t>(i / 64), uint64_t{1} << (i % 64)};
        if constexpr (std::is_same_v<T, Text>) text_offsets_.push_back(static_cast<uint32_t>(size_));
        if constexpr (kSeveralForms<T>) equal_is_bytes_ = false;
        size_ += sizeof(T);
      });
    }
  }
  size_ = (size_ + 7) / 8 * 8;
}

template <typename Place>
void RowLayout::pack_with(const data::DataChunk& chunk, std::span<const uint32_t> rows, Place place) const {
  for (size_t c = 0; c < types_.size(); ++c) {
    const Column& column = chunk.column(c);
    const Field field = fields_[c];
    data::with_physical(types_[c].kind, [&]<typename T>(std::type_identity<T>) {
      const T* const values = column.values<T>();
      const size_t stride = column.stride();
      const bool nullable = column.validity() != nullptr;
      for (size_t i = 0; i < rows.size(); ++i) {
        std::byte* const row = place(i);
        if (nullable && column.is_null(rows[i])) {
          const uint64_t nulls = load_word(row, field.null_word) | field.null_bit;
          std::memcpy(row + size_t{field.null_word} * 8, &nulls, 8);
          continue;
        }
        const T value = key_ ? normal_form(values[rows[i] * stride]) : values[rows[i] * stride];
        std::memcpy(row + field.offset, &value, sizeof(T));
      }
    });
  }
}

void RowLayout::pack(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::byte* to) const {
  std::memset(to, 0, rows.size() * size_);
  pack_with(chunk, rows, [&](size_t i) { return to + i * size_; });
}

void RowLayout::pack(const data::DataChunk& chunk, std::span<const uint32_t> rows, std::span<std::byte* const> to) const {
  for (std::byte* const row : to) std::memset(row, 0, size_);
  pack_with(chunk, rows, [&](size_t i) { return to[i]; });
}

void RowLayout::own_text(std::byte* row, TextArena& arena) const {
  for (const uint32_t offset : text_offsets_) {
    const auto text = load<Text>(row + offset);
    if (text.is_inline()) continue;
    const Text owned = arena.store(text);
    std::memcpy(row + offset, &owned, sizeof(owned));
  }
}

void RowLayout::prefetch_text(const std::byte* row) const {
  for (const uint32_t offset : text_offsets_) {
    const auto text = load<Text>(row + offset);
    if (!text.is_inline()) __builtin_prefetch(text.data());
  }
}

void RowLayout::release_text(const std::byte* row, TextArena& arena) const {
  for (const uint32_t offset : text_offsets_) arena.release(load<Text>(row + offset));
}

bool RowLayout::equal(const std::byte* a, const std::byte* b) const {
  if (size_ == 0 || std::memcmp(a, b, size_) == 0) return true;
  if (equal_is_bytes_) return false;
  for (size_t c = 0; c < types_.size(); ++c) {
    if (!equal_column(c, a, b)) return false;
  }
  return true;
}

bool RowLayout::equal_in(std::span<const uint32_t> columns, const std::byte* a, const std::byte* b) const {
  return std::ranges::all_of(columns, [&](uint32_t column) { return equal_column(column, a, b); });
}

bool RowLayout::equal_column(size_t column, const std::byte* a, const std::byte* b) const {
  const Field field = fields_[column];
  if (((load_word(a, field.null_word) ^ load_word(b, field.null_word)) & field.null_bit) != 0) return false;
  return data::with_physical(types_[column].kind, [&]<typename T>(std::type_identity<T>) {
    return equal_values(load<T>(a + field.offset), load<T>(b + field.offset));
  });
}

Column RowLayout::unpack(size_t column, std::span<const std::byte* const> rows, const data::BufferPtr& texts) const {
  const Field field = fields_[column];
  return data::with_physical(types_[column].kind, [&]<typename T>(std::type_identity<T>) {
    auto values = data::make_values<T>(rows.size());
    std::shared_ptr<data::Bitmap> valid;
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool null = rows[i] == nullptr || (load_word(rows[i], field.null_word) & field.null_bit) != 0;
      if (!null) {
        std::memcpy(&values[i], rows[i] + field.offset, sizeof(T));
        continue;
      }
      values[i] = T{};
      if (valid == nullptr) valid = std::make_shared<data::Bitmap>(rows.size(), true);
      valid->set(i, false);
    }
    std::vector<data::BufferPtr> owners;
    if (std::is_same_v<T, Text>) owners.push_back(texts);
    return Column(types_[column], rows.size(), std::shared_ptr<const T[]>(std::move(values)), std::move(valid), std::move(owners));
  });
}

}  // namespace penstock::stream
