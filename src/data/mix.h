#pragma once

#include <cstdint>

/// The hash's mixing steps. Stable for ever: vnodes on disk depend on them.
namespace penstock::data {

/// A bijection in which each bit of the input reaches each bit of the output (the finalizer of MurmurHash3).
[[nodiscard]] constexpr uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

/// Of two hashes one, which depends on their order: both halves of the product of 128 bits.
[[nodiscard]] constexpr uint64_t mix_pair(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd1b54a32d192ed03ULL);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace penstock::data
