#pragma once

#include <cstdint>

#include "common/strong_id.h"

namespace penstock {

/// A moment of the stream. High 48 bits: milliseconds since 2021-04-01 00:00 UTC; low 16 bits: spill counter inside the
/// epoch, zero in barriers. 0 is "before everything".
struct EpochTag;
using Epoch = StrongId<EpochTag, uint64_t>;

constexpr int64_t kEpochBaseUnixMillis = 1617235200000;  // 2021-04-01 00:00 UTC

[[nodiscard]] constexpr Epoch epoch_of_unix_millis(int64_t millis) {
  return Epoch{static_cast<uint64_t>(millis < kEpochBaseUnixMillis ? 0 : millis - kEpochBaseUnixMillis) << 16};
}
[[nodiscard]] constexpr int64_t unix_millis_of(Epoch epoch) { return static_cast<int64_t>(epoch.value >> 16) + kEpochBaseUnixMillis; }

/// A barrier ends `prev` and starts `curr`; everything is keyed by `prev`. curr > prev.
struct EpochPair {
  Epoch prev;
  Epoch curr;
  constexpr auto operator<=>(const EpochPair&) const = default;
};

}  // namespace penstock
