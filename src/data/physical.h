#pragma once

#include <type_traits>
#include <utility>

#include "common/check.h"
#include "data/interval.h"
#include "data/numeric.h"
#include "data/text.h"
#include "data/types.h"

namespace penstock::data {

/// Calls `f(std::type_identity<T>{})` with the physical type T of `kind`: bool for Boolean (one byte a row), int16_t, int32_t
/// (also Date: days since 1970-01-01), int64_t (also Timestamp: microseconds since 1970-01-01 00:00), float, double, Numeric,
/// Text, Interval. A new kind breaks the build here.
template <typename F>
decltype(auto) with_physical(TypeKind kind, F&& f) {
  switch (kind) {
    case TypeKind::Boolean:
      return std::forward<F>(f)(std::type_identity<bool>{});
    case TypeKind::Int16:
      return std::forward<F>(f)(std::type_identity<int16_t>{});
    case TypeKind::Int32:
    case TypeKind::Date:
      return std::forward<F>(f)(std::type_identity<int32_t>{});
    case TypeKind::Int64:
    case TypeKind::Timestamp:
      return std::forward<F>(f)(std::type_identity<int64_t>{});
    case TypeKind::Float32:
      return std::forward<F>(f)(std::type_identity<float>{});
    case TypeKind::Float64:
      return std::forward<F>(f)(std::type_identity<double>{});
    case TypeKind::Numeric:
      return std::forward<F>(f)(std::type_identity<Numeric>{});
    case TypeKind::Varchar:
      return std::forward<F>(f)(std::type_identity<Text>{});
    case TypeKind::Interval:
      return std::forward<F>(f)(std::type_identity<Interval>{});
  }
  PENSTOCK_CHECK(false, "type kind {}", static_cast<int>(kind));
}

/// Bytes of one value in a column.
[[nodiscard]] inline size_t physical_size(TypeKind kind) {
  return with_physical(kind, []<typename T>(std::type_identity<T>) { return sizeof(T); });
}
/// Whether columns of the two types hold values of one C++ type.
[[nodiscard]] inline bool same_physical(TypeKind a, TypeKind b) {
  return with_physical(a, [b]<typename A>(std::type_identity<A>) {
    return with_physical(b, []<typename B>(std::type_identity<B>) { return std::is_same_v<A, B>; });
  });
}
/// Whether columns of `kind` hold Ts.
template <typename T>
[[nodiscard]] bool is_physical(TypeKind kind) {
  return with_physical(kind, []<typename A>(std::type_identity<A>) { return std::is_same_v<A, T>; });
}

}  // namespace penstock::data
