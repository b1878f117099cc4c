#include "data/compare.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penstock::data {
namespace {

// Postgres' order: NaN equals itself and is greater than all.
template <typename T>
std::strong_ordering compare_values(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return static_cast<int>(std::isnan(a)) <=> static_cast<int>(std::isnan(b));
    return a < b ? std::strong_ordering::less : a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
  } else {
    return a <=> b;
  }
}

template <typename T>
bool equal_values(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a == b || (std::isnan(a) && std::isnan(b));
  } else {
    return a == b;
  }
}

template <typename T>
bool equal_rows_of(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  if (a.is_null(row_a) || b.is_null(row_b)) return a.is_null(row_a) == b.is_null(row_b);
  return equal_values(a.value<T>(row_a), b.value<T>(row_b));
}

std::strong_ordering compare_cells(const Column& a, size_t row_a, const Column& b, size_t row_b, SortOrder order) {
  const bool null_a = a.is_null(row_a);
  const bool null_b = b.is_null(row_b);
  if (null_a || null_b) {
    if (null_a == null_b) return std::strong_ordering::equal;
    return null_a == order.nulls_first ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  const auto ascending =
      with_physical(a.type().kind, [&]<typename T>(std::type_identity<T>) { return compare_values(a.value<T>(row_a), b.value<T>(row_b)); });
  return order.descending ? 0 <=> ascending : ascending;
}

}  // namespace

bool rows_equal(const DataChunk& a, size_t row_a, std::span<const uint32_t> columns_a, const DataChunk& b, size_t row_b,
                std::span<const uint32_t> columns_b) {
  for (size_t i = 0; i < columns_a.size(); ++i) {
    const Column& x = a.column(columns_a[i]);
    const Column& y = b.column(columns_b[i]);
    const bool equal =
        with_physical(x.type().kind, [&]<typename T>(std::type_identity<T>) { return equal_rows_of<T>(x, row_a, y, row_b); });
    if (!equal) return false;
  }
  return true;
}

void clear_unequal(const Column& a, std::span<const uint32_t> rows_a, const Column& b, std::span<const uint32_t> rows_b,
                   std::span<uint8_t> equal) {
  PENSTOCK_CHECK(same_physical(a.type().kind, b.type().kind), "{} against {}", a.type().to_string(), b.type().to_string());
  with_physical(a.type().kind, [&]<typename T>(std::type_identity<T>) {
    if (a.validity() != nullptr || b.validity() != nullptr) {
      for (size_t i = 0; i < equal.size(); ++i) equal[i] &= static_cast<uint8_t>(equal_rows_of<T>(a, rows_a[i], b, rows_b[i]));
      return;
    }
    const T* const x = a.values<T>();
    const T* const y = b.values<T>();
    for (size_t i = 0; i < equal.size(); ++i) {
      equal[i] &= static_cast<uint8_t>(equal_values(x[rows_a[i] * a.stride()], y[rows_b[i] * b.stride()]));
    }
  });
}

std::strong_ordering compare_rows(const DataChunk& a, size_t row_a, std::span<const uint32_t> columns_a, const DataChunk& b, size_t row_b,
                                  std::span<const uint32_t> columns_b, std::span<const SortOrder> orders) {
  for (size_t i = 0; i < columns_a.size(); ++i) {
    const auto order = compare_cells(a.column(columns_a[i]), row_a, b.column(columns_b[i]), row_b, orders[i]);
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

std::vector<uint32_t> sorted_rows(const DataChunk& chunk, std::span<const uint32_t> columns, std::span<const SortOrder> orders) {
  std::vector<uint32_t> rows(chunk.rows());
  std::iota(rows.begin(), rows.end(), 0);
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    const auto order = compare_rows(chunk, a, columns, chunk, b, columns, orders);
    return order != 0 ? order < 0 : a < b;
  });
  return rows;
}

}  // namespace penstock::data
