#include "data/column.h"

#include <algorithm>
#include <variant>

#include "data/copy.h"

namespace penstock::data {
namespace {

constexpr size_t kFirstArenaBlock = 4 << 10;
constexpr size_t kLargestArenaBlock = 1 << 20;

// A reader of a column that gives T, whatever is stored.
template <typename T>
void append_value(ColumnBuilder<T>& builder, const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    builder.append(value.view());
  } else {
    builder.append(value);
  }
}

}  // namespace

template <typename T>
ColumnBuilder<T>::ColumnBuilder(DataType type, size_t capacity) : type_(type), capacity_(std::max<size_t>(capacity, 1)) {
  PENSTOCK_CHECK(is_physical<T>(type.kind), "{} is stored as another type", type.to_string());
}

template <typename T>
void ColumnBuilder<T>::grow(size_t needed) {
  const size_t allocated = std::max({needed, capacity_, allocated_ * 2});
  auto values = make_values<T>(allocated);
  std::copy_n(values_.get(), size_, values.get());
  values_ = std::move(values);
  allocated_ = allocated;
  if (validity_) validity_->resize(allocated, true);
}

template <typename T>
void ColumnBuilder<T>::start_validity() {
  validity_ = std::make_shared<Bitmap>(allocated_, true);
}

template <typename T>
Text ColumnBuilder<T>::copy_text(std::string_view text) {
  if (arena_size_ - arena_used_ < text.size()) {
    arena_total_ += arena_used_;
    const size_t wanted = arena_ ? arena_size_ * 2 : arena_hint_;
    arena_size_ = std::max(text.size(), std::clamp(wanted, kFirstArenaBlock, kLargestArenaBlock));
    arena_ = std::make_shared_for_overwrite<char[]>(arena_size_);
    arena_used_ = 0;
    owners_.emplace_back(arena_, arena_.get());
  }
  char* const copy = arena_.get() + arena_used_;
  copy_short(copy, text.data(), text.size());
  arena_used_ += text.size();
  return Text(std::string_view(copy, text.size()));
}

template <typename T>
T* ColumnBuilder<T>::append_uninitialized(size_t n) {
  if (size_ + n > allocated_) grow(size_ + n);
  T* const out = values_.get() + size_;
  size_ += n;
  return out;
}

template <typename T>
void ColumnBuilder<T>::append_rows(const Column& column, std::span<const uint32_t> indices) {
  const size_t before = size_;
  T* const out = append_uninitialized(indices.size());
  const T* const in = column.values<T>();
  const size_t stride = column.stride();
  for (size_t i = 0; i < indices.size(); ++i) out[i] = in[indices[i] * stride];
  if constexpr (std::is_same_v<T, Text>) {
    for (const BufferPtr& owner : column.owners()) add_owner(owner);
  }
  if (column.validity() == nullptr) return;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!column.is_null(indices[i])) continue;
    if (!validity_) start_validity();
    validity_->set(before + i, false);
  }
}

template <typename T>
void ColumnBuilder<T>::add_owner(BufferPtr owner) {
  // Neighbouring rows mostly come from the same buffer.
  if (owners_.empty() || owners_.back() != owner) owners_.push_back(std::move(owner));
}

template <typename T>
Column ColumnBuilder<T>::finish() {
  if (validity_) validity_->resize(size_, true);
  std::shared_ptr<const T[]> values;
  if (size_ * 2 >= allocated_) {
    values = values_ ? std::move(values_) : make_values<T>(0);
    values_ = nullptr;
    allocated_ = 0;
  } else {  // a few rows must not keep a large array alive; it serves the next column
    auto exact = make_values<T>(size_);
    std::copy_n(values_.get(), size_, exact.get());
    values = std::move(exact);
  }
  Column column(type_, size_, std::move(values), std::move(validity_), std::move(owners_));
  size_ = 0;
  validity_ = nullptr;
  owners_.clear();
  // Columns of one builder are much alike: the next one's text mostly fits one block.
  arena_hint_ = arena_total_ + arena_used_ + arena_used_ / 8;
  arena_ = nullptr;
  arena_used_ = arena_size_ = arena_total_ = 0;
  return column;
}

template class ColumnBuilder<bool>;
template class ColumnBuilder<int16_t>;
template class ColumnBuilder<int32_t>;
template class ColumnBuilder<int64_t>;
template class ColumnBuilder<float>;
template class ColumnBuilder<double>;
template class ColumnBuilder<Numeric>;
template class ColumnBuilder<Text>;
template class ColumnBuilder<Interval>;

struct AnyColumnBuilder::Impl {
  using Typed =
      std::variant<ColumnBuilder<bool>, ColumnBuilder<int16_t>, ColumnBuilder<int32_t>, ColumnBuilder<int64_t>, ColumnBuilder<float>,
                   ColumnBuilder<double>, ColumnBuilder<Numeric>, ColumnBuilder<Text>, ColumnBuilder<Interval>>;
  DataType type;
  Typed typed;

  template <typename T>
  Impl(DataType t, size_t capacity, std::type_identity<T>) : type(t), typed(std::in_place_type<ColumnBuilder<T>>, t, capacity) {}
};

AnyColumnBuilder::AnyColumnBuilder(DataType type, size_t capacity) : kind_(type.kind) {
  impl_ = with_physical(type.kind, [&](auto t) { return std::make_unique<Impl>(type, capacity, t); });
  typed_ = std::visit([](auto& builder) -> void* { return &builder; }, impl_->typed);
}
AnyColumnBuilder::~AnyColumnBuilder() = default;
AnyColumnBuilder::AnyColumnBuilder(AnyColumnBuilder&&) noexcept = default;
AnyColumnBuilder& AnyColumnBuilder::operator=(AnyColumnBuilder&&) noexcept = default;

DataType AnyColumnBuilder::type() const { return impl_->type; }

void AnyColumnBuilder::append_null() {
  std::visit([](auto& builder) { builder.append_null(); }, impl_->typed);
}

void AnyColumnBuilder::append(const Datum& value) {
  if (is_null(value)) return append_null();
  with_physical(kind_, [&]<typename T>(std::type_identity<T>) {
    using Held = std::conditional_t<std::is_same_v<T, Text>, std::string, T>;
    const auto* const held = std::get_if<Held>(&value);
    PENSTOCK_CHECK(held != nullptr, "a datum of alternative {} in a column of type {}", value.index(), impl_->type.to_string());
    as<T>().append(*held);
  });
}

void AnyColumnBuilder::check_source(const Column& column) const {
  PENSTOCK_CHECK(column.type().kind == kind_ || same_physical(column.type().kind, kind_), "{} in a column of type {}",
                 column.type().to_string(), impl_->type.to_string());
}

void AnyColumnBuilder::append_from(const Column& column, size_t row) {
  check_source(column);
  if (column.is_null(row)) return append_null();
  with_physical(kind_, [&]<typename T>(std::type_identity<T>) { append_value(as<T>(), column.value<T>(row)); });
}

void AnyColumnBuilder::append_rows(const Column& column, std::span<const uint32_t> indices) {
  check_source(column);
  with_physical(kind_, [&]<typename T>(std::type_identity<T>) { as<T>().append_rows(column, indices); });
}

size_t AnyColumnBuilder::size() const {
  return std::visit([](const auto& builder) { return builder.size(); }, impl_->typed);
}

Column AnyColumnBuilder::finish() {
  return std::visit([](auto& builder) { return builder.finish(); }, impl_->typed);
}

}  // namespace penstock::data
