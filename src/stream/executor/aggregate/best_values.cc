#include "stream/executor/aggregate/best_values.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace penstock::stream {

using data::Datum;

namespace {

template <typename T>
int three_way(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {  // NaN is the greatest and equals itself
    if (std::isnan(a) || std::isnan(b)) return static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

int compare_values(const Datum& a, const Datum& b) {
  PENSTOCK_CHECK(a.index() == b.index() && !data::is_null(a), "values of two types were compared");
  return std::visit(
      [&b]<typename T>(const T& value) {
        if constexpr (std::is_same_v<T, std::monostate>) {
          return 0;
        } else {
          return three_way(value, std::get<T>(b));
        }
      },
      a);
}

size_t BestValues::place_of(const Datum& value) const {
  const int sign = largest_ ? -1 : 1;
  const auto place =
      std::ranges::lower_bound(values_, value, [sign](const Datum& a, const Datum& b) { return sign * compare_values(a, b) < 0; });
  return static_cast<size_t>(place - values_.begin());
}

void BestValues::came(Datum value) {
  const size_t place = place_of(value);
  if (place == values_.size() && (!complete_ || values_.size() == kKept)) {
    complete_ = false;  // it is kept in the table only
    return;
  }
  values_.insert(values_.begin() + static_cast<ptrdiff_t>(place), std::move(value));
  if (values_.size() > kKept) {
    values_.pop_back();
    complete_ = false;
  }
}

void BestValues::went(const Datum& value) {
  const size_t place = place_of(value);
  if (place < values_.size() && compare_values(values_[place], value) == 0) values_.erase(values_.begin() + static_cast<ptrdiff_t>(place));
}

}  // namespace penstock::stream
