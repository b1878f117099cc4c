#pragma once

#include <cstdint>

namespace penstock::runtime {

/// SplitMix64 (Steele, Lea, Flood 2014): equal seeds give equal sequences on every machine. Not for secrets, not thread-safe.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15U); }

  /// In [0, bound), or 0. The bias is below bound / 2^64.
  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64U); }

  /// A bijection that spreads every bit of `x` over all.
  [[nodiscard]] static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }

 private:
  uint64_t state_;
};

}  // namespace penstock::runtime
