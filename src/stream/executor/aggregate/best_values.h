#pragma once

#include <vector>

#include "data/datum.h"

namespace penstock::stream {

/// In the order of keys: as Postgres sorts the type. Both of one type, neither NULL.
[[nodiscard]] int compare_values(const data::Datum& a, const data::Datum& b);

/// The few smallest (largest) of the different values of a group, best first: what min (max) needs so that taking values back seldom needs
/// a read of the table. `complete`: these are all there are. Else values worse than the last one may exist that are not here.
class BestValues {
 public:
  static constexpr size_t kKept = 16;

  BestValues(bool largest, bool complete) : largest_(largest), complete_(complete) {}

  void came(data::Datum value);
  void went(const data::Datum& value);
  /// Nothing is known of a group that may have values: they must be read.
  [[nodiscard]] bool unknown() const { return values_.empty() && !complete_; }
  /// The first kKept values of the group, in order; fewer if there are no more.
  void refill(std::vector<data::Datum> values) {
    complete_ = values.size() < kKept;
    values_ = std::move(values);
  }
  /// NULL if there is none.
  [[nodiscard]] data::Datum best() const { return values_.empty() ? data::Datum{} : values_.front(); }
  [[nodiscard]] size_t memory_bytes() const { return sizeof(*this) + values_.capacity() * sizeof(data::Datum); }

 private:
  [[nodiscard]] size_t place_of(const data::Datum& value) const;

  bool largest_;
  bool complete_;
  std::vector<data::Datum> values_;
};

}  // namespace penstock::stream
