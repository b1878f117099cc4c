#pragma once

#include <compare>
#include <span>
#include <vector>

#include "data/chunk.h"
#include "data/sort_order.h"

namespace penstock::data {

/// Rows against rows, column by column. `columns_a[i]` is compared with `columns_b[i]`, whose physical type must be the same.

/// NULL equals NULL (IS NOT DISTINCT FROM), as group and state keys need it.
[[nodiscard]] bool rows_equal(const DataChunk& a, size_t row_a, std::span<const uint32_t> columns_a, const DataChunk& b, size_t row_b,
                              std::span<const uint32_t> columns_b);
/// For many pairs, a column at a time: equal[i] becomes 0 where row rows_a[i] of `a` differs from row rows_b[i] of `b`.
void clear_unequal(const Column& a, std::span<const uint32_t> rows_a, const Column& b, std::span<const uint32_t> rows_b,
                   std::span<uint8_t> equal);

/// In the order of the encoded keys: Postgres' order of each type, NULLs where `orders[i]` puts them.
[[nodiscard]] std::strong_ordering compare_rows(const DataChunk& a, size_t row_a, std::span<const uint32_t> columns_a, const DataChunk& b,
                                                size_t row_b, std::span<const uint32_t> columns_b, std::span<const SortOrder> orders);
/// The rows of `chunk` in that order; equal rows keep their order.
[[nodiscard]] std::vector<uint32_t> sorted_rows(const DataChunk& chunk, std::span<const uint32_t> columns,
                                                std::span<const SortOrder> orders);

}  // namespace penstock::data
