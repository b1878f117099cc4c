#pragma once

#include <compare>
#include <cstdint>

namespace penstock::data {

/// As Postgres: months, days and microseconds are kept apart, but compared as if a month had 30 days and a day 24 hours, so
/// that '1 month' = '30 days'. Equal intervals may therefore differ in their fields; hash and order by `comparable()`.
struct Interval {
  int32_t months = 0;
  int32_t days = 0;
  int64_t micros = 0;

  [[nodiscard]] constexpr __int128 comparable() const { return (static_cast<__int128>(months) * 30 + days) * 86'400'000'000LL + micros; }
  friend constexpr bool operator==(const Interval& a, const Interval& b) { return a.comparable() == b.comparable(); }
  friend constexpr std::strong_ordering operator<=>(const Interval& a, const Interval& b) {
    const auto x = a.comparable(), y = b.comparable();
    return x < y ? std::strong_ordering::less : x > y ? std::strong_ordering::greater : std::strong_ordering::equal;
  }
};
static_assert(sizeof(Interval) == 16);

}  // namespace penstock::data
