#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/bitmap.h"
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
      : type_(type), constant_(constant), size_(size), values_(std::shared_ptr<const void>(values, values.get())), validity_(std::move(validity)) {
    if (!owners.empty()) owners_ = std::make_shared<const std::vector<BufferPtr>>(std::move(owners));
  }
  /// One value for all rows.
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
  /// Bytes this column keeps alive, text included once per column.
  [[nodiscard]] size_t memory_bytes() const;

 private:
  DataType type_;
  bool constant_ = false;
  size_t size_ = 0;
  std::shared_ptr<const void> values_;                          // shared by chunks that pass through operators
  std::shared_ptr<const Bitmap> validity_;                      // likewise
  std::shared_ptr<const std::vector<BufferPtr>> owners_;        // likewise
};

/// All columns must have one type; at least one column.
[[nodiscard]] Column concat(std::span<const Column> columns);

/// Builds one column value by value. `T` is the physical type. Text is copied into the builder's own arena by `append(string_view)`;
/// `append_view` keeps the view and needs an owner (`add_owner`).
template <typename T>
class ColumnBuilder {
 public:
  ColumnBuilder(DataType type, size_t capacity);
  void append(const T& value);
  void append_null();
  void append_view(Text text)
    requires std::is_same_v<T, Text>;
  void append(std::string_view text)
    requires std::is_same_v<T, Text>;
  void add_owner(BufferPtr owner);
  [[nodiscard]] size_t size() const { return size_; }
  /// The builder is empty afterwards and may be used again.
  [[nodiscard]] Column finish();

 private:
  void grow();
  DataType type_;
  size_t size_ = 0;
  size_t capacity_;
  std::shared_ptr<T[]> values_;
  std::shared_ptr<Bitmap> validity_;  // made at the first NULL
  std::vector<BufferPtr> owners_;
  std::shared_ptr<char[]> arena_;     // current block of copied text
  size_t arena_used_ = 0;
  size_t arena_size_ = 0;
};

/// Builds a column of a type known only at run time, a `Datum` or a value of another column at a time.
class AnyColumnBuilder {
 public:
  AnyColumnBuilder(DataType type, size_t capacity);
  ~AnyColumnBuilder();
  AnyColumnBuilder(AnyColumnBuilder&&) noexcept;
  void append(const Datum& value);
  /// Text is copied.
  void append_from(const Column& column, size_t row);
  void append_null();
  [[nodiscard]] size_t size() const;
  [[nodiscard]] Column finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::data
