#pragma once

#include <cstdint>

#include "data/column.h"

namespace penstock::expr {

/// Between boolean columns (a byte a row) and bitmaps.

/// Rows where the boolean column is true (NULL is not).
[[nodiscard]] data::Bitmap true_rows(const data::Column& column);
/// Rows where the boolean column is false.
[[nodiscard]] data::Bitmap false_rows(const data::Column& column);
/// Rows that are NULL, of any column.
[[nodiscard]] data::Bitmap null_rows(const data::Column& column);

/// A boolean column, true where `values` is set. `validity` may be null.
[[nodiscard]] data::Column boolean_column(const data::Bitmap& values, std::shared_ptr<const data::Bitmap> validity);
/// In place: a = a and not b.
void remove_rows(data::Bitmap& a, const data::Bitmap& b);
/// Null if every bit is set.
[[nodiscard]] std::shared_ptr<const data::Bitmap> unless_all(data::Bitmap bits);

}  // namespace penstock::expr
