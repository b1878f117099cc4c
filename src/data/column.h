#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/bitmap.h"
#include "data/buffer.h"
#include "data/datum.h"
#include "data/physical.h"
#include "data/types.h"

namespace penstock::data {

/// Bytes that columns share: fixed-width arrays, or the text behind long `Text` views. Immutable once shared.
using BufferPtr = std::shared_ptr<const void>;

/// An immutable column of `size()` values. Copying shares the buffers (two pointers, no bytes).
///
///  - `values<T>()`: the array of physical values, T as `with_physical` says; entries of NULL rows are defined but mean nothing.
///  - `validity()`: null when no value is NULL, so that kernels have a fast path; bit set = not NULL.
///  - *constant*: one stored value (or NULL) stands for all rows: `values<T>()[0]`. Use `stride()` (0 or 1), or branch on it.
///  - text: views into buffers that the column keeps alive; filter, gather and concat copy views, never text.
class Column {
 public:
  Column() = default;

  /// `values` holds `size` Ts (1 if constant); `owners` keep alive what `Text` views point into.
  template <typename T>
  Column(DataType type, size_t size, std::shared_ptr<const T[]> values, std::shared_ptr<const Bitmap> validity,
         std::vector<BufferPtr> owners = {}, bool constant = false)
      : type_(type), constant_(constant), size_(size), values_(untyped(std::move(values))), validity_(std::move(validity)) {
    if (!owners.empty()) owners_ = std::make_shared<const std::vector<BufferPtr>>(std::move(owners));
  }
  /// A column whose `values` are views into the text of `source`: keeps alive what `source` does.
  [[nodiscard]] static Column views_into(const Column& source, DataType type, size_t size, std::shared_ptr<const Text[]> values,
                                         std::shared_ptr<const Bitmap> validity);
  /// One value for all rows. `value` must hold the physical type of `type`, or be NULL.
  [[nodiscard]] static Column constant(DataType type, const Datum& value, size_t size);

  [[nodiscard]] DataType type() const { return type_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool is_constant() const { return constant_; }
  [[nodiscard]] size_t stride() const { return constant_ ? 0 : 1; }
  template <typename T>
  [[nodiscard]] const T* values() const {
    return static_cast<const T*>(values_.get());
  }
  template <typename T>
  [[nodiscard]] const T& value(size_t row) const {
    return values<T>()[row * stride()];
  }
  /// Null when nothing is NULL. One bit a row (one bit in all if constant).
  [[nodiscard]] const Bitmap* validity() const { return validity_.get(); }
  [[nodiscard]] const std::shared_ptr<const Bitmap>& shared_validity() const { return validity_; }
  [[nodiscard]] bool is_null(size_t row) const { return validity_ != nullptr && !validity_->get(row * stride()); }
  [[nodiscard]] const std::vector<BufferPtr>& owners() const;

  /// For tests, errors and results: a value that owns itself.
  [[nodiscard]] Datum datum(size_t row) const;
  /// The rows `indices`, in that order (repeats allowed).
  [[nodiscard]] Column gather(std::span<const uint32_t> indices) const;
  /// Rows [begin, begin + count).
  [[nodiscard]] Column slice(size_t begin, size_t count) const;
  /// Not constant any more: one stored value a row.
  [[nodiscard]] Column flatten() const;
  /// The same values under another logical type of the same physical type (Int32 as Date).
  [[nodiscard]] Column with_type(DataType type) const;
  /// Bytes of the values, and of the text that long views point at (buffers may hold more than is pointed at; that is not counted).
  [[nodiscard]] size_t memory_bytes() const;

 private:
  friend Column concat(std::span<const Column> columns);
  template <typename T>
  [[nodiscard]] static std::shared_ptr<const void> untyped(std::shared_ptr<const T[]> values) {
    const T* const array = values.get();
    return {std::move(values), array};
  }
  [[nodiscard]] size_t stored() const { return constant_ ? 1 : size_; }
  template <typename T>
  [[nodiscard]] Column gather_as(std::span<const uint32_t> indices) const;
  [[nodiscard]] Column with_values(size_t size, std::shared_ptr<const void> values, std::shared_ptr<const Bitmap> validity) const;

  DataType type_;
  bool constant_ = false;
  size_t size_ = 0;
  std::shared_ptr<const void> values_;                    // shared by chunks that pass through operators
  std::shared_ptr<const Bitmap> validity_;                // likewise
  std::shared_ptr<const std::vector<BufferPtr>> owners_;  // likewise
};

/// All columns must have one type; at least one column.
[[nodiscard]] Column concat(std::span<const Column> columns);

/// Builds one column value by value. `T` is the physical type. Text is copied into the builder's own arena by `append(string_view)`;
/// `append_view` keeps the view and needs an owner (`add_owner`). Memory is taken with the first value, so an idle builder costs nothing.
template <typename T>
class ColumnBuilder {
 public:
  ColumnBuilder(DataType type, size_t capacity);
  void append(const T& value)
    requires(!std::is_same_v<T, Text>)
  {
    push(value);
  }
  void append_null() {
    push(T{});
    if (!validity_) start_validity();
    validity_->set(size_ - 1, false);
  }
  void append_view(Text text)
    requires std::is_same_v<T, Text>
  {
    push(text);
  }
  void append(std::string_view text)
    requires std::is_same_v<T, Text>
  {
    push(text.size() <= Text::kInline ? Text(text) : copy_text(text));
  }
  /// The rows `indices` of `column`, which must hold Ts. Text is not copied: the buffers are shared.
  void append_rows(const Column& column, std::span<const uint32_t> indices);
  /// `n` more values, not NULL, for the caller to write before the next call.
  [[nodiscard]] T* append_uninitialized(size_t n);
  void add_owner(BufferPtr owner);
  [[nodiscard]] size_t size() const { return size_; }
  /// The builder is empty afterwards and may be used again.
  [[nodiscard]] Column finish();

 private:
  void push(const T& value) {
    if (size_ == allocated_) [[unlikely]]
      grow(size_ + 1);
    values_[size_++] = value;
  }
  void grow(size_t needed);
  void start_validity();
  [[nodiscard]] Text copy_text(std::string_view text);

  DataType type_;
  size_t capacity_;  // of the first allocation
  size_t size_ = 0;
  size_t allocated_ = 0;              // values_, and bits of validity_ if there is one; bits from size_ on are set
  std::shared_ptr<T[]> values_;       // becomes the column's
  std::shared_ptr<Bitmap> validity_;  // likewise; made at the first NULL
  std::vector<BufferPtr> owners_;
  std::shared_ptr<char[]> arena_;  // current block of copied text; becomes one of the column's owners
  size_t arena_used_ = 0;
  size_t arena_size_ = 0;
  size_t arena_total_ = 0;  // used in the blocks before
  size_t arena_hint_ = 0;   // size of the first block
};

/// Builds a column of a type known only at run time, a `Datum` or a value of another column at a time.
class AnyColumnBuilder {
 public:
  AnyColumnBuilder(DataType type, size_t capacity);
  ~AnyColumnBuilder();
  AnyColumnBuilder(AnyColumnBuilder&&) noexcept;
  AnyColumnBuilder& operator=(AnyColumnBuilder&&) noexcept;
  [[nodiscard]] DataType type() const;
  /// NULL, or a value of the physical type.
  void append(const Datum& value);
  /// Text is copied. The columns' physical types must be the same.
  void append_from(const Column& column, size_t row);
  /// Rows `indices`, text shared: for many rows of few columns.
  void append_rows(const Column& column, std::span<const uint32_t> indices);
  void append_null();
  [[nodiscard]] size_t size() const;
  [[nodiscard]] Column finish();
  /// The typed builder behind it, for loops that know the type; T must be the physical type.
  template <typename T>
  [[nodiscard]] ColumnBuilder<T>& as() {
    PENSTOCK_CHECK(is_physical<T>(kind_), "a column of kind {} is built as another type", static_cast<int>(kind_));
    return *static_cast<ColumnBuilder<T>*>(typed_);
  }

 private:
  void check_source(const Column& column) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
  void* typed_;  // the ColumnBuilder<T> inside impl_
  TypeKind kind_;
};

}  // namespace penstock::data
