#include "data/column.h"

#include <algorithm>
#include <cstring>

namespace penstock::data {
namespace {

// One value of each type can be copied as so many bytes.
template <size_t Size>
struct Pod {
  unsigned char bytes[Size];
};

template <size_t Size>
void gather_pods(const void* from, std::span<const uint32_t> indices, void* to) {
  const auto* const in = static_cast<const Pod<Size>*>(from);
  auto* const out = static_cast<Pod<Size>*>(to);
  for (size_t i = 0; i < indices.size(); ++i) out[i] = in[indices[i]];
}

std::shared_ptr<const Bitmap> unless_all(Bitmap bitmap) {
  if (bitmap.all()) return nullptr;
  return std::make_shared<const Bitmap>(std::move(bitmap));
}

size_t long_text_bytes(const Text* texts, size_t n) {
  size_t bytes = 0;
  for (size_t i = 0; i < n; ++i) bytes += texts[i].is_inline() ? 0 : texts[i].size();
  return bytes;
}

template <typename T>
Column constant_of(DataType type, const T* value, size_t size, std::vector<BufferPtr> owners = {}) {
  auto values = make_values<T>(1);
  values[0] = value != nullptr ? *value : T{};
  auto validity = value != nullptr ? nullptr : std::make_shared<const Bitmap>(1, false);
  return Column(type, size, std::shared_ptr<const T[]>(std::move(values)), std::move(validity), std::move(owners), true);
}

Column constant_text(DataType type, const std::string& text, size_t size) {
  auto copy = std::make_shared_for_overwrite<char[]>(text.size());
  std::copy(text.begin(), text.end(), copy.get());
  const Text view(std::string_view(copy.get(), text.size()));
  std::vector<BufferPtr> owners;
  if (!view.is_inline()) owners.emplace_back(copy, copy.get());
  return constant_of(type, &view, size, std::move(owners));
}

}  // namespace

Column Column::constant(DataType type, const Datum& value, size_t size) {
  return with_physical(type.kind, [&]<typename T>(std::type_identity<T>) {
    if (data::is_null(value)) return constant_of<T>(type, nullptr, size);
    using Held = std::conditional_t<std::is_same_v<T, Text>, std::string, T>;
    const auto* const held = std::get_if<Held>(&value);
    PENSTOCK_CHECK(held != nullptr, "constant of type {} from a datum of alternative {}", type.to_string(), value.index());
    if constexpr (std::is_same_v<T, Text>) {
      return constant_text(type, *held, size);
    } else {
      return constant_of<T>(type, held, size);
    }
  });
}

Column Column::with_values(size_t size, std::shared_ptr<const void> values, std::shared_ptr<const Bitmap> validity) const {
  Column out = *this;
  out.constant_ = false;
  out.size_ = size;
  out.values_ = std::move(values);
  out.validity_ = std::move(validity);
  return out;
}

Column Column::views_into(const Column& source, DataType type, size_t size, std::shared_ptr<const Text[]> values,
                          std::shared_ptr<const Bitmap> validity) {
  const Text* const array = values.get();
  Column out = source.with_values(size, std::shared_ptr<const void>(std::move(values), array), std::move(validity));
  out.type_ = type;
  return out;
}

const std::vector<BufferPtr>& Column::owners() const {
  static const std::vector<BufferPtr> kNone;
  return owners_ ? *owners_ : kNone;
}

Datum Column::datum(size_t row) const {
  PENSTOCK_CHECK(row < size_, "row {} of {}", row, size_);
  if (is_null(row)) return {};
  return with_physical(type_.kind, [&]<typename T>(std::type_identity<T>) -> Datum {
    if constexpr (std::is_same_v<T, Text>) {
      return std::string(value<T>(row).view());
    } else {
      return value<T>(row);
    }
  });
}

template <typename T>
Column Column::gather_as(std::span<const uint32_t> indices) const {
  auto out = make_values<T>(indices.size());
  gather_pods<sizeof(T)>(values_.get(), indices, out.get());
  auto validity = validity_ ? unless_all(validity_->gather(indices)) : nullptr;
  T* const array = out.get();
  return with_values(indices.size(), std::shared_ptr<const void>(std::move(out), array), std::move(validity));
}

Column Column::gather(std::span<const uint32_t> indices) const {
  if (constant_) {
    Column out = *this;
    out.size_ = indices.size();
    return out;
  }
  return with_physical(type_.kind, [&]<typename T>(std::type_identity<T>) { return gather_as<T>(indices); });
}

Column Column::slice(size_t begin, size_t count) const {
  PENSTOCK_CHECK(begin + count <= size_, "rows {}+{} of {}", begin, count, size_);
  if (constant_) {
    Column out = *this;
    out.size_ = count;
    return out;
  }
  const auto* const first = static_cast<const char*>(values_.get()) + begin * physical_size(type_.kind);
  auto validity = validity_ ? unless_all(validity_->slice(begin, count)) : nullptr;
  return with_values(count, std::shared_ptr<const void>(values_, first), std::move(validity));
}

Column Column::flatten() const {
  if (!constant_) return *this;
  return with_physical(type_.kind, [&]<typename T>(std::type_identity<T>) {
    auto out = make_values<T>(size_);
    std::fill_n(out.get(), size_, values<T>()[0]);
    const bool null = size_ > 0 && is_null(0);
    T* const array = out.get();
    return with_values(size_, std::shared_ptr<const void>(std::move(out), array),
                       null ? std::make_shared<const Bitmap>(size_, false) : nullptr);
  });
}

Column Column::with_type(DataType type) const {
  PENSTOCK_CHECK(same_physical(type.kind, type_.kind), "{} is not stored as {}", type_.to_string(), type.to_string());
  Column out = *this;
  out.type_ = type;
  return out;
}

size_t Column::memory_bytes() const {
  if (!values_) return 0;
  size_t bytes = stored() * physical_size(type_.kind);
  if (validity_) bytes += validity_->words().size() * sizeof(uint64_t);
  if (type_.kind == TypeKind::Varchar) bytes += long_text_bytes(values<Text>(), stored());
  return bytes;
}

namespace {

std::vector<BufferPtr> owners_of_all(std::span<const Column> columns) {
  std::vector<BufferPtr> owners;
  for (const Column& column : columns) owners.insert(owners.end(), column.owners().begin(), column.owners().end());
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  return owners;
}

std::shared_ptr<const Bitmap> validity_of_all(std::span<const Column> columns, size_t rows) {
  if (std::all_of(columns.begin(), columns.end(), [](const Column& c) { return c.validity() == nullptr; })) return nullptr;
  Bitmap validity(rows, true);
  size_t at = 0;
  for (const Column& column : columns) {
    for (size_t i = 0; column.validity() != nullptr && i < column.size(); ++i) {
      if (column.is_null(i)) validity.set(at + i, false);
    }
    at += column.size();
  }
  return unless_all(std::move(validity));
}

}  // namespace

Column concat(std::span<const Column> columns) {
  PENSTOCK_CHECK(!columns.empty(), "concat of nothing");
  if (columns.size() == 1) return columns[0];
  size_t rows = 0;
  for (const Column& column : columns) {
    PENSTOCK_CHECK(column.type() == columns[0].type(), "{} after {}", column.type().to_string(), columns[0].type().to_string());
    rows += column.size();
  }
  return with_physical(columns[0].type().kind, [&]<typename T>(std::type_identity<T>) {
    auto out = make_values<T>(rows);
    T* to = out.get();
    for (const Column& column : columns) {
      if (column.is_constant()) {
        std::fill_n(to, column.size(), column.values<T>()[0]);
      } else if (column.size() > 0) {
        std::copy_n(column.values<T>(), column.size(), to);
      }
      to += column.size();
    }
    return Column(columns[0].type(), rows, std::shared_ptr<const T[]>(std::move(out)), validity_of_all(columns, rows),
                  owners_of_all(columns));
  });
}

}  // namespace penstock::data
